/** Two files in which clusters, contexts and users have names in common. */
export const LAB = `kind: Config
current-context: two
clusters:
- name: lab
  cluster:
    server: https://lab:6443
    extensions:
    - name: another.example/exec
      extension: { auth_url: https://other }
    - name: client.authentication.k8s.io/exec
      extension: { auth_url: https://a/v3 }
- name: bare
  cluster: { server: https://bare }
- cluster: { server: https://nameless }
contexts:
- { name: one, context: { cluster: lab, user: alice, namespace: web } }
- { name: no-user, context: { cluster: lab } }
- { name: no-cluster, context: { user: alice } }
- { name: empty }
- { name: scalar, context: text }
users:
- name: alice
  user:
    exec:
      command: portcullis
      args: [token, --trust-id, 5]
      env:
      - { name: OS_CLOUD, value: lab }
      - { name: EMPTY, value: "" }
      - { name: NUMBER, value: 5 }
      - { name: "", value: x }
      - { value: x }
- { name: bob, user: { exec: { command: other } } }
- { name: odd, user: { exec: { command: other, args: no list, env: { a: b } } } }
- { name: carol, user: { exec: { args: [token] } } }
`
export const EDGE = `kind: Config
current-context: one
clusters:
- name: edge
  cluster:
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: { auth_url: https://b/v3 }
- { name: lab, cluster: { extensions: no list } }
contexts:
- { name: one, context: { cluster: edge, user: dave } }
- { name: two, context: { cluster: edge, user: dave, namespace: 5 } }
users:
- { name: dave, user: { token: abc } }
- { name: alice, user: { token: abc } }
`

export const GROWN = `# the lab's cluster
apiVersion: v1
kind: Config
preferences: {}
clusters:
- name: lab # do not rename
  cluster:
    server: https://lab:6443
    extensions:
    - name: x
      extension: { a: 1 }
users:
- name: admin
  user: { token: abc }
contexts:
- context:
    cluster: lab
    user: admin
    namespace: team
  name: keystone@lab
current-context: admin@lab
`

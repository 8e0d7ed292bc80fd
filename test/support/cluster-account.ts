import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeApiserver } from './kube-apiserver.ts'

/** What Portcullis needs to read its ConfigMaps and to synchronise on log-in, and no more. */
const RIGHTS = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: portcullis-test, namespace: kube-system}
rules:
- {apiGroups: [''], resources: [configmaps], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: portcullis-test, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: portcullis-test}
subjects: [{kind: ServiceAccount, name: portcullis-test, namespace: kube-system}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: portcullis-test}
rules:
- {apiGroups: [''], resources: [namespaces], verbs: [get, create, list, watch]}
- {apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [list, create, patch, delete]}
- {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind], resourceNames: [member, reader, k8s-developer]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: portcullis-test}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: portcullis-test}
subjects: [{kind: ServiceAccount, name: portcullis-test, namespace: kube-system}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: portcullis-test, namespace: kube-system}
`

/** A kubeconfig for Portcullis with a service account of few rights, its token in a file beside it. */
export async function makeClusterAccount(apiserver: KubeApiserver, folder: string): Promise<string> {
  const applied = await apiserver.kubectl(['apply', '-f', '-'], { input: RIGHTS })
  if (applied.code !== 0) throw new Error(applied.stderr)
  const made = await apiserver.kubectl(['create', 'token', 'portcullis-test', '-n', 'kube-system'])
  if (made.code !== 0) throw new Error(made.stderr)
  writeFileSync(join(folder, 'token'), made.stdout)
  writeFileSync(join(folder, 'cluster-ca.crt'), apiserver.ca)
  const path = join(folder, 'cluster.kubeconfig')
  writeFileSync(
    path,
    `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "${apiserver.url}", certificate-authority: cluster-ca.crt}}]
users: [{name: u, user: {tokenFile: token}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`,
  )
  return path
}

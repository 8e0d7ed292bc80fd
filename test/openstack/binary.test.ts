import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readKubeconfig } from '../../src/exec/kubeconfig.ts'
import { runProgram } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { ROOT } from '../support/source-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

execFileSync('sh', ['scripts/build-binary.sh'], { cwd: ROOT, stdio: 'ignore' })
const binary = (name: string) => join(ROOT, 'build', name)

t.test(
  'the executable alone logs in, gives kubectl its token and completes, with no Node in PATH',
  async (t) => {
    const admin = await realKeystone('fernet').admin()
    const [user, project] = [await admin.createUser(), await admin.createProject()]
    await admin.grant(user, { project: project.id }, 'member')
    const bin = temporaryFolder(t)
    symlinkSync(binary('portcullis'), join(bin, 'portcullis'))
    const env = {
      HOME: temporaryFolder(t),
      PATH: bin,
      OS_PASSWORD: user.password,
      NODE_OPTIONS: '--no-such-option',
    }
    const flags = ['--keystone-url', admin.url, '--user-name', user.name, '--project', project.name]
    const login = ['login', '--server', 'https://lab:6443', ...flags]
    t.match(await runProgram(t, binary('kubectl-keystone'), login, env), { code: 0, stderr: '' })
    const kubeconfig = readKubeconfig([join(env.HOME, '.kube/config')])
    const stanza = kubeconfig.exec(`${project.name}@lab:6443`)
    t.equal(stanza?.command, 'portcullis', 'PATH leads to it: an allow list of kubectl can name it')
    const got = await runProgram(t, binary('portcullis'), stanza?.args ?? [], env)
    t.match(JSON.parse(got.stdout), { kind: 'ExecCredential', status: { token: /./ } })
    t.match(await runProgram(t, binary('portcullis'), ['whoami'], env), { stdout: new RegExp(user.id) })
    t.match(await runProgram(t, binary('portcullis'), ['completion', 'bash'], env), {
      stdout: /--project-name/,
    })
    t.match(await runProgram(t, binary('portcullis'), ['serve'], env), {
      code: 2,
      stderr: /no command serve/,
    })
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    t.match(await runProgram(t, binary('client-keystone-auth'), ['--version'], env), {
      stdout: `client-keystone-auth ${version}\n`,
    })
    t.same(readdirSync(join(ROOT, 'build')).sort(), [
      'client-keystone-auth',
      'kubectl-keystone',
      'portcullis',
    ])
  },
)

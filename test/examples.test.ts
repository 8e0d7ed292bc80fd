import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { kmsOptions } from '../src/config/kms-options.ts'
import { readOptions } from '../src/config/read-options.ts'
import { serveOptions } from '../src/config/serve-options.ts'
import { containerProgram, exampleDocuments, exampleText, unitProgram } from './support/examples.ts'
import { ROOT } from './support/source-files.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const UNITS = { 'portcullis.service': 'portcullis.yaml', 'portcullis-kms.service': 'portcullis-kms.yaml' }
const [kubeadm] = exampleDocuments('kubeadm.yaml')
const [controlPlane] = exampleDocuments('cluster-api.yaml')

t.test('kubeadm, Cluster API and k3s start kube-apiserver with the same flags', async (t) => {
  const { extraArgs, extraVolumes } = kubeadm.apiServer
  t.ok(extraArgs.length > 4)
  t.same(controlPlane.spec.kubeadmConfigSpec.clusterConfiguration.apiServer, { extraArgs, extraVolumes })
  const [k3s] = exampleDocuments('k3s.yaml')
  t.same(
    k3s['kube-apiserver-arg'],
    extraArgs.map(({ name, value }: { name: string; value: string }) => `${name}=${value}`),
  )
})

t.test('each file that kube-apiserver is told of is an example or made by one, and mounted', async (t) => {
  const { extraArgs, extraVolumes } = kubeadm.apiServer as {
    extraArgs: { value: string }[]
    extraVolumes: { hostPath: string }[]
  }
  for (const { value } of extraArgs.filter((arg) => arg.value.startsWith('/'))) {
    t.ok(exampleText(basename(value)), value)
    t.ok(extraVolumes.some(({ hostPath }) => value.startsWith(`${hostPath}/`)))
  }
})

t.test('Cluster API’s machines get every file that the static pods and kube-apiserver read', async (t) => {
  const { files } = controlPlane.spec.kubeadmConfigSpec
  const paths = files.map((file: { path: string }) => file.path)
  for (const file of files)
    t.equal(file.contentFrom.secret.key, basename(file.path), `${file.path} is named as in the Secret`)
  const texts = ['webhook.kubeconfig', 'static-pods/portcullis.yaml', 'static-pods/portcullis-kms.yaml'].map(
    exampleText,
  )
  const read = [...texts.join('\n').matchAll(/\/etc\/kubernetes\/portcullis\/[\w.-]+\.[a-z]+/g)].map(String)
  t.ok(read.length > 5)
  t.same(
    read.filter((path) => !paths.includes(path)),
    [],
  )
})

t.test('a systemd unit starts what the static pod starts', async (t) => {
  for (const [unit, pod] of Object.entries(UNITS))
    t.same(unitProgram(`systemd/${unit}`), containerProgram(exampleDocuments(`static-pods/${pod}`)[0]), unit)
})

t.test('systemd finds no fault in the units', async (t) => {
  const folder = temporaryFolder(t)
  for (const unit of Object.keys(UNITS)) {
    const path = join(folder, unit)
    const text = exampleText(`systemd/${unit}`)
    writeFileSync(path, text.replace('/usr/local/bin/portcullis', join(ROOT, 'bin/portcullis')))
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' })
    // a machine without systemd has nothing to ask; what the unit starts is checked above
    if (verified.error !== undefined) continue
    t.equal(verified.stderr, '', unit)
    t.equal(verified.status, 0, unit)
  }
})

t.test('the programs know every flag that the examples give them', async (t) => {
  for (const [path, options] of [
    ['static-pods/portcullis.yaml', serveOptions('portcullis')],
    ['static-pods/portcullis-kms.yaml', kmsOptions],
    ['deployment/portcullis.yaml', serveOptions('portcullis')],
  ] as const) {
    const manifest = exampleDocuments(path).find(({ kind }) => kind === 'Pod' || kind === 'Deployment')
    const [, ...argv] = containerProgram(manifest).argv
    t.same(readOptions(options, { argv, env: {} }).operands, [], path)
  }
})

t.test('the certificates are made once and kept', async (t) => {
  const folder = join(temporaryFolder(t), 'certificates')
  const make = () =>
    execFileSync('sh', [join(ROOT, 'examples/make-certificates.sh'), folder, 'IP:10.96.0.43'])
  mkdirSync(folder)
  make()
  const first = readFileSync(join(folder, 'tls.crt'), 'utf8')
  for (const name of ['tls', 'client'])
    execFileSync('openssl', ['verify', '-CAfile', join(folder, 'ca.crt'), join(folder, `${name}.crt`)])
  const text = execFileSync('openssl', ['x509', '-noout', '-text', '-in', join(folder, 'tls.crt')], {
    encoding: 'utf8',
  })
  t.match(text, /IP Address:10\.96\.0\.43/)
  make()
  t.equal(readFileSync(join(folder, 'tls.crt'), 'utf8'), first)
})

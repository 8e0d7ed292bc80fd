import t from 'tap'
import { execCredential, readExecInfo } from '../../src/exec/exec-info.ts'
import { execInfo } from '../support/exec-plugin.ts'

const GROUP = 'client.authentication.k8s.io'

t.test('without KUBERNETES_EXEC_INFO a person runs the program', async (t) => {
  t.equal(readExecInfo(undefined), undefined)
  t.equal(readExecInfo(''), undefined)
})

t.test(
  'version, terminal and the configuration of the cluster are read from what kubectl says',
  async (t) => {
    for (const version of ['v1', 'v1beta1'] as const)
      for (const interactive of [true, false])
        for (const config of [{ auth_url: 'https://a' }, { auth_url: 'https://b' }])
          t.strictSame(readExecInfo(execInfo(version, config, interactive)), {
            apiVersion: `${GROUP}/${version}`,
            interactive,
            clusterConfig: config,
          })
  },
)

t.test('what kubectl leaves out is no terminal and no configuration', async (t) => {
  for (const spec of [
    undefined,
    null,
    'x',
    [],
    {},
    { interactive: 'true' },
    { cluster: [] },
    { cluster: {} },
  ])
    t.strictSame(
      readExecInfo(JSON.stringify({ kind: 'ExecCredential', apiVersion: `${GROUP}/v1`, spec })),
      { apiVersion: `${GROUP}/v1`, interactive: false, clusterConfig: undefined },
      JSON.stringify(spec),
    )
})

t.test('another version is refused with those that are known', async (t) => {
  for (const apiVersion of [`${GROUP}/v1alpha1`, `${GROUP}/v2`, 'v1', '', 1, undefined, [`${GROUP}/v1`]])
    t.throws(
      () => readExecInfo(JSON.stringify({ kind: 'ExecCredential', apiVersion })),
      {
        code: 'CONFIG_INVALID',
        message:
          /KUBERNETES_EXEC_INFO.*client\.authentication\.k8s\.io\/v1, client\.authentication\.k8s\.io\/v1beta1.*apiVersion/,
      },
      String(apiVersion),
    )
})

t.test('what is not an ExecCredential is refused, and not quoted', async (t) => {
  for (const text of [
    '{',
    'null',
    '[]',
    '"ExecCredential"',
    '{"kind":"Pod"}',
    `{"apiVersion":"${GROUP}/v1"}`,
  ])
    t.throws(
      () => readExecInfo(text),
      { code: 'CONFIG_INVALID', message: /^KUBERNETES_EXEC_INFO[^{"]*ExecCredential$/ },
      text,
    )
})

t.test('the answer is one line of the version of the question, v1 without one', async (t) => {
  const until = Date.parse('2026-06-01T12:34:56.789Z')
  for (const [info, version] of [
    [readExecInfo(execInfo('v1')), 'v1'],
    [readExecInfo(execInfo('v1beta1')), 'v1beta1'],
    [undefined, 'v1'],
  ] as const) {
    const text = execCredential(info, { token: 'abc', until })
    t.match(text, /^[^\n]+\n$/)
    t.strictSame(JSON.parse(text), {
      apiVersion: `${GROUP}/${version}`,
      kind: 'ExecCredential',
      status: { token: 'abc', expirationTimestamp: '2026-06-01T12:34:56Z' },
    })
  }
})

t.test('a token of which the end is not known has no expiry; one that ended in 1970 has', async (t) => {
  t.strictSame(JSON.parse(execCredential(undefined, { token: 'abc' })).status, { token: 'abc' })
  t.equal(
    JSON.parse(execCredential(undefined, { token: 'abc', until: 0 })).status.expirationTimestamp,
    '1970-01-01T00:00:00Z',
  )
})

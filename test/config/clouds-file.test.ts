import t from 'tap'
import { readCloud } from '../../src/config/clouds-file.ts'

const cloud = (clouds: string, secure = '', name = 'prod') =>
  readCloud(name, { path: '/etc/clouds.yaml', clouds, secure })

const TWO = `
clouds:
  prod:
    region_name: R1
    username: outer
    auth: {auth_url: http://prod, username: svc, password: plain, project_id: 42}
  test:
    region_name: R2
    auth: {auth_url: http://test, username: tester, password: weak}
`

t.test(
  'a cloud is its keys and those of its auth, which count more; others of the file do not',
  async (t) => {
    t.strictSame(cloud(TWO), {
      region_name: 'R1',
      username: 'svc',
      auth_url: 'http://prod',
      password: 'plain',
      project_id: '42',
    })
    t.strictSame(cloud(TWO, '', 'test'), {
      region_name: 'R2',
      auth_url: 'http://test',
      username: 'tester',
      password: 'weak',
    })
  },
)

t.test('secure.yaml is laid over clouds.yaml, key by key and cloud by cloud', async (t) => {
  const secure = 'clouds: {prod: {auth: {password: hidden}}, test: {auth: {username: other}}}'
  t.strictSame(cloud(TWO, secure), { ...cloud(TWO), password: 'hidden' })
  t.strictSame(cloud(TWO, secure, 'test'), { ...cloud(TWO, '', 'test'), username: 'other' })
  t.strictSame(cloud('', secure), { password: 'hidden' }, 'secure.yaml alone is enough')
})

t.test('numbers and booleans are texts; what is none of these is left out', async (t) => {
  t.strictSame(cloud('clouds: {prod: {a: 1, b: true, c: x, d: [1], e: {f: g}, h: null, auth: [1]}}'), {
    a: '1',
    b: 'true',
    c: 'x',
  })
})

t.test('a cloud that neither file has is a fault that names cloud and file', async (t) => {
  for (const text of [TWO, '', '[]', 'clouds: []', 'clouds: {other: 1}', 'clouds: {other: {}}', 'clouds:'])
    t.throws(
      () => cloud(text, text, 'other'),
      { code: 'CONFIG_INVALID', message: /OS_CLOUD: .* other in \/etc\/clouds\.yaml/ },
      text,
    )
})

import t from 'tap'
import { tokenShape } from '../../src/authn/token-shape.ts'
import { fernetLike, jwtLike } from '../support/tokens.ts'

const NOW = Date.UTC(2026, 10, 21, 12)
const HOUR = 3_600_000
const WEEK = 168 * HOUR
const shape = (token: string) => tokenShape(token, NOW, WEEK).kind

const claims = (more: object = {}) => ({
  sub: '594da31a514748f78e9ff9eda2299833',
  iat: NOW / 1000 - 60,
  exp: NOW / 1000 + 3600,
  openstack_methods: ['password'],
  openstack_audit_ids: ['17tPevk5SCyrup35teQuzg'],
  ...more,
})
const ES256 = { alg: 'ES256', typ: 'JWT' }

t.test('a Fernet token of any number of blocks passes', async (t) => {
  for (let blocks = 1; blocks <= 20; blocks += 1) t.equal(shape(fernetLike(NOW - HOUR, blocks)), 'fernet')
})

t.test('no spelling of a Fernet token but the canonical one passes', async (t) => {
  // 4 blocks: 121 bytes, two spare bits... one token for each remainder that a length can have
  for (const blocks of [4, 5, 6]) {
    const token = fernetLike(NOW - HOUR, blocks)
    const last = token.slice(-1)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const spellings = [
      `${token}=`,
      `${token}==`,
      `${token}\n`,
      ` ${token}`,
      `\u00ff${token}`,
      ...[...alphabet].filter((c) => c !== last).map((c) => token.slice(0, -1) + c),
    ].filter((other) => Buffer.from(other, 'base64url').equals(Buffer.from(token, 'base64url')))
    for (const other of spellings) t.equal(shape(other), 'misshapen', JSON.stringify(other.slice(-3)))
    if (/[-_]/.test(token)) t.equal(shape(token.replaceAll('-', '+').replaceAll('_', '/')), 'misshapen')
    t.ok(spellings.length >= 2)
  }
})

t.test('a Fernet token is misshapen when its length is not that of whole blocks', async (t) => {
  const token = fernetLike(NOW)
  for (let cut = 1; cut < token.length; cut += 1) {
    const bytes = Math.floor(((token.length - cut) * 3) / 4)
    if ((bytes - 57) % 16 !== 0 || bytes < 73)
      t.equal(shape(token.slice(0, -cut)), 'misshapen', `cut by ${cut}`)
  }
})

t.test(
  'a Fernet token older than the maximum age is expired, one from the future is misshapen',
  async (t) => {
    t.equal(shape(fernetLike(NOW - WEEK + HOUR)), 'fernet')
    t.equal(shape(fernetLike(NOW - WEEK - HOUR)), 'expired')
    t.equal(shape(fernetLike(NOW + 4 * 60_000)), 'fernet', 'clocks may differ by minutes')
    t.equal(shape(fernetLike(NOW + HOUR)), 'misshapen')
  },
)

t.test('age and skew of a Fernet token are told to the second', async (t) => {
  for (const [age, kind] of [
    [WEEK, 'fernet'],
    [WEEK + 1000, 'expired'],
    [-300_000, 'fernet'],
    [-301_000, 'misshapen'],
  ] as const)
    t.equal(shape(fernetLike(NOW - age)), kind, `${age}`)
  t.equal(
    tokenShape(fernetLike(NOW - HOUR), NOW, HOUR - 1000).kind,
    'expired',
    'the maximum age is a setting',
  )
})

t.test('a JWS may be over by the skew of clocks, to the second', async (t) => {
  for (const [over, kind] of [
    [0, 'jws'],
    [299, 'jws'],
    [300, 'jws'],
    [301, 'expired'],
  ] as const)
    t.equal(shape(jwtLike(ES256, claims({ exp: NOW / 1000 - over }))), kind, `${over}`)
})

t.test('a token of 4096 characters passes, a longer one does not', async (t) => {
  const [header, body] = jwtLike(ES256, claims()).split('.')
  const jws = (length: number) => `${header}.${body}.`.padEnd(length, 'A')
  t.equal((jws(4096).length - `${header}.${body}.`.length) % 4, 3, 'the length of a canonical part')
  t.equal(shape(jws(4096)), 'jws')
  t.equal(shape(jws(4097)), 'misshapen')
  const fernet = (bytes: number) => {
    const token = Buffer.alloc(bytes, 1)
    token.writeUInt8(0x80)
    token.writeBigUInt64BE(BigInt(NOW / 1000), 1)
    return token.toString('base64url')
  }
  t.equal(shape(fernet(57 + 16 * 188)), 'fernet')
  t.equal(shape(fernet(57 + 16 * 189)), 'misshapen')
})

t.test('a JWS has three parts, each canonical base64url', async (t) => {
  const token = jwtLike(ES256, claims())
  const [header, body, signature] = token.split('.') as [string, string, string]
  t.equal(shape(token), 'jws')
  for (const other of [
    [header, body],
    [header, body, signature, signature],
    [header, body, ''],
    [`${header}=`, body, signature],
    [header, `${body}=`, signature],
    [header, body, `${signature}==`],
    [header, body, `${signature.slice(0, -1)}B`],
    [header, body, `${signature}\n`],
    [header, body + 'A'.repeat((5 - (body.length % 4)) % 4), signature],
    [header, body, `${signature.slice(0, 40)}+${signature.slice(41)}`],
  ])
    t.equal(shape(other.join('.')), 'misshapen', JSON.stringify(other.map((part) => part.slice(-4))))
})

t.test('a JWS whose header or claims are no JSON objects is misshapen', async (t) => {
  const part = (text: string) => Buffer.from(text).toString('base64url')
  const [header, body] = [JSON.stringify(ES256), JSON.stringify(claims())]
  const signature = 'A'.repeat(86)
  t.equal(shape([part(header), part(body), signature].join('.')), 'jws')
  for (const [h, b] of [
    ['{"alg":"ES256"', body],
    [header, '{"sub":'],
    [header, '[]'],
    [header, 'null'],
    [header, '"text"'],
    ['{"a":[]}', body],
  ] as const)
    t.equal(shape([part(h), part(b), signature].join('.')), 'misshapen', `${h} ${b}`)
})

t.test('a JWS needs each claim in its type', async (t) => {
  for (const more of [
    { sub: '' },
    { sub: 1 },
    { sub: null },
    { exp: undefined },
    { exp: null },
    { exp: String(NOW / 1000 + 3600) },
    { openstack_methods: undefined },
    { openstack_methods: ['password', 1] },
  ])
    t.equal(shape(jwtLike(ES256, claims(more))), 'misshapen', JSON.stringify(more))
  t.equal(shape(jwtLike({ ...ES256, alg: 'es256' }, claims())), 'misshapen')
})

t.test('each JWS tells its own user', async (t) => {
  for (const sub of ['u-alice', 'u-bob'])
    t.same(tokenShape(jwtLike(ES256, claims({ sub })), NOW, WEEK), { kind: 'jws', userId: sub })
})

t.test('the time of a Fernet token is read from its own bytes', async (t) => {
  const at = (time: number) => fernetLike(time, 3)
  t.same([at(NOW - WEEK - HOUR), at(NOW - HOUR)].map(shape), ['expired', 'fernet'])
  t.equal(shape(at(NOW - 2 * WEEK)), 'expired')
})

t.test('a JWS with Keystone’s claims passes and tells its user', async (t) => {
  t.same(tokenShape(jwtLike(ES256, claims()), NOW, WEEK), { kind: 'jws', userId: claims().sub })
})

t.test('a JWT without Keystone’s claims or with another algorithm is misshapen', async (t) => {
  const serviceAccount = {
    iss: 'kubernetes/serviceaccount',
    sub: 'system:serviceaccount:default:default',
    exp: 9e9,
  }
  t.equal(shape(jwtLike({ alg: 'RS256', kid: 'x' }, serviceAccount)), 'misshapen')
  t.equal(shape(jwtLike(ES256, serviceAccount)), 'misshapen')
  t.equal(shape(jwtLike({ alg: 'none' }, claims())), 'misshapen')
  t.equal(shape(jwtLike({ alg: 'HS256' }, claims())), 'misshapen')
  t.equal(shape(jwtLike(ES256, claims({ sub: undefined }))), 'misshapen')
  t.equal(shape(jwtLike(ES256, claims({ exp: 'soon' }))), 'misshapen')
  t.equal(shape(jwtLike(ES256, claims({ openstack_methods: 'password' }))), 'misshapen')
})

t.test('a JWS past its expiry is expired', async (t) => {
  t.equal(shape(jwtLike(ES256, claims({ exp: NOW / 1000 - 3600 }))), 'expired')
})

t.test('what is no token at all is misshapen', async (t) => {
  const texts = [
    '',
    'x',
    '0'.repeat(32),
    'gAAAAA',
    'eyJ',
    'eyJ..',
    'a.b.c',
    'eyJhbGciOiJFUzI1NiJ9.e30',
    'Bearer x',
    '\u0000',
    '💥',
  ]
  for (const text of texts) t.equal(shape(text), 'misshapen', text)
  t.equal(shape(`gAAAA${'A'.repeat(5000)}`), 'misshapen')
  t.equal(shape(`eyJ${'A'.repeat(1_000_000)}`), 'misshapen')
})

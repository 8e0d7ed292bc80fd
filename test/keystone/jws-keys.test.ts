import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { readJwsKeys } from '../../src/keystone/jws-keys.ts'

const pair = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const [OLD, NEW, STRANGE, P384] = [pair('P-256'), pair('P-256'), pair('P-256'), pair('P-384')]
const pem = ({ publicKey }: { publicKey: KeyObject }) =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString()
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const CLAIMS = { sub: 'u-alice', exp: 1, openstack_methods: ['password'] }

function jws(
  { privateKey }: { privateKey: KeyObject },
  header: object = { alg: 'ES256', typ: 'JWT' },
): string {
  const signed = `${part(header)}.${part(CLAIMS)}`
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

t.test('a token that any of the keys signed is known, whichever comes first', async (t) => {
  for (const files of [
    { 'a.pem': pem(OLD), 'b.pem': pem(NEW) },
    { 'a.pem': pem(NEW), 'b.pem': pem(OLD) },
    { 'a.pem': pem(NEW), 'b.pem': pem(STRANGE), 'c.pem': pem(OLD), 'notes.txt': 'no key' },
  ]) {
    const known = await readJwsKeys(t.testdir(files))
    t.equal(await known(jws(OLD)), true)
    t.equal(await known(jws(NEW)), true)
  }
})

t.test('only the shape and the signature count here: when a token ends is for Keystone to say', async (t) => {
  const known = await readJwsKeys(t.testdir({ 'a.pem': pem(OLD) }))
  t.equal(await known(jws(OLD, { alg: 'ES256' })), true)
})

t.test('what no key signed, or not with ES256 over just this, is not known', async (t) => {
  const known = await readJwsKeys(t.testdir({ 'a.pem': pem(OLD), 'b.pem': pem(NEW) }))
  const token = jws(OLD)
  const [header, claims, signature] = token.split('.') as [string, string, string]
  const secret = createHmac('sha256', pem(OLD)).update(`${part({ alg: 'HS256' })}.${claims}`)
  const rows: [string, string][] = [
    ['another key', jws(STRANGE)],
    ['other claims', `${header}.${part({ ...CLAIMS, sub: 'u-root' })}.${signature}`],
    ['another header', `${part({ alg: 'ES256', typ: 'JOSE' })}.${claims}.${signature}`],
    ['no signature', `${header}.${claims}.`],
    ['half a signature', `${header}.${claims}.${signature.slice(0, 43)}`],
    ['alg none', `${part({ alg: 'none' })}.${claims}.`],
    [
      'the public key as a shared secret',
      `${part({ alg: 'HS256' })}.${claims}.${secret.digest('base64url')}`,
    ],
    ['an alg that the signature is not of', jws(OLD, { alg: 'ES384' })],
    ['no alg', jws(OLD, { typ: 'JWT' })],
    ['two parts', `${header}.${claims}`],
    ['nothing', ''],
  ]
  for (const [name, forged] of rows) t.equal(await known(forged), false, name)
  t.equal(await known(token), true)
})

t.test('a folder without a key, or with one that cannot be used, is an error that names it', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const code = 'FILE_UNREADABLE'
  const named = (folder: string, more = '') => new RegExp(`${join(folder, more)}`)
  for (const files of [{}, { 'a.pub': pem(OLD) }, { pem: pem(OLD) }, { 'a.pem.bak': pem(OLD) }]) {
    const folder = t.testdir(files)
    await t.rejects(readJwsKeys(folder), { code, message: /no \*\.pem/ })
    await t.rejects(readJwsKeys(folder), { message: named(folder) })
  }
  const privateKey = OLD.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const bad of ['', 'text', pem(P384), pem(rsa), privateKey, pem(OLD).slice(0, 100)]) {
    const folder = t.testdir({ 'a.pem': pem(OLD), 'b.pem': bad })
    await t.rejects(readJwsKeys(folder), { code, message: /EC P-256/ }, bad.slice(0, 30))
    await t.rejects(readJwsKeys(folder), { message: named(folder, 'b.pem') })
  }
  const folder = t.testdir({ 'a.pem': pem(OLD), 'b.pem': {} })
  await t.rejects(readJwsKeys(folder), { code, message: named(folder, 'b.pem') })
  const absent = join(folder, 'absent')
  await t.rejects(readJwsKeys(absent), { code, message: /cannot read .*absent: ENOENT/ })
})

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'

/** Whether one of Keystone's public keys signed the token. */
export type JwsVerification = (token: string) => Promise<boolean>

/** Loaded only where there are keys. */
const jose = () => import('jose')

type Jose = Awaited<ReturnType<typeof jose>>
type PublicKey = Awaited<ReturnType<Jose['importSPKI']>>

/**
 * Reads Keystone's public keys (`*.pem`, EC P-256: what `keystone-manage create_jws_keypair` writes). Its tokens
 * name no key, so all are tried. Throws FILE_UNREADABLE when there is no key or one cannot be read.
 */
export async function readJwsKeys(folder: string): Promise<JwsVerification> {
  const names = listing(folder).filter((name) => name.endsWith('.pem'))
  if (names.length === 0) throw new PortcullisError('FILE_UNREADABLE', `${folder} holds no *.pem file`)
  const { compactVerify, importSPKI } = await jose()
  const keys = await Promise.all(names.map((name) => readKey(join(folder, name), importSPKI)))
  return async (token) => {
    for (const key of keys) if (await signedBy(key, token, compactVerify)) return true
    return false
  }
}

function listing(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    throw new PortcullisError('FILE_UNREADABLE', `cannot read ${folder}: ${errorText(error)}`)
  }
}

async function readKey(path: string, importSPKI: Jose['importSPKI']): Promise<PublicKey> {
  const pem = readConfigFile(path)
  try {
    return await importSPKI(pem, 'ES256')
  } catch {
    throw new PortcullisError('FILE_UNREADABLE', `${path} holds no EC P-256 public key in PEM`)
  }
}

async function signedBy(
  key: PublicKey,
  token: string,
  compactVerify: Jose['compactVerify'],
): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: ['ES256'] })
    return true
  } catch {
    return false
  }
}

import { PortcullisError } from '../errors.ts'
import { readYaml } from '../files/yaml.ts'
import { isRecord } from '../json.ts'
import type { CloudsText } from './clouds-text.ts'

/**
 * One cloud of clouds.yaml with secure.yaml laid over it, its `auth` part laid flat. Throws CONFIG_INVALID when
 * neither has it.
 */
export function readCloud(
  name: string,
  { path, clouds, secure }: CloudsText,
): Readonly<Record<string, string | undefined>> {
  const cloud = { ...cloudIn(clouds, name), ...cloudIn(secure, name) }
  if (Object.keys(cloud).length === 0)
    throw new PortcullisError('CONFIG_INVALID', `OS_CLOUD: there is no cloud ${name} in ${path}`)
  const texts = Object.entries(cloud).flatMap(([key, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value) ? [[key, String(value)]] : [],
  )
  return Object.fromEntries(texts)
}

function cloudIn(text: string, name: string): Record<string, unknown> {
  const file = readYaml(text)
  const cloud = isRecord(file) && isRecord(file.clouds) ? file.clouds[name] : undefined
  if (!isRecord(cloud)) return {}
  const { auth, ...rest } = cloud
  return { ...rest, ...(isRecord(auth) ? auth : {}) }
}

import { PortcullisError } from '../errors.ts'
import { isRecord, isText } from '../json.ts'
import type { KeystoneCaller } from './caller.ts'

/** Gives the URL of the v3 API, without a slash at its end. */
export type KeystoneEndpoint = (signal: AbortSignal) => Promise<string>

/**
 * Finds the v3 API below the URL that the operator gave: `http://h/identity/v3/` is taken as it is, for
 * `http://h:5000` or `http://h/identity` Keystone is asked (GET lists its versions, with status 300). Only the
 * path of the link is used: behind a proxy its host and scheme are often those of the inside.
 */
export function createKeystoneEndpoint(parts: { url: string; call: KeystoneCaller }): KeystoneEndpoint {
  const given = parts.url.replace(/\/+$/, '')
  if (given.endsWith('/v3')) return async () => given
  let found: string | undefined
  return async (signal) => {
    found ??= await discover(given, parts.call, signal)
    return found
  }
}

async function discover(url: string, call: KeystoneCaller, signal: AbortSignal): Promise<string> {
  const { body } = await call({ operation: 'discovery', url: `${url}/`, signal, retry: true, ahead: true })
  const link = v3Link(body)
  if (link === undefined)
    throw new PortcullisError('KEYSTONE_WRONG_URL', `${url} lists no v3 API: check the Keystone URL`)
  return new URL(url).origin + new URL(link, url).pathname.replace(/\/+$/, '')
}

function v3Link(body: unknown): string | undefined {
  const versions = isRecord(body) && isRecord(body.versions) ? body.versions.values : undefined
  for (const version of Array.isArray(versions) ? versions : [])
    if (
      isRecord(version) &&
      isText(version.id) &&
      version.id.startsWith('v3') &&
      Array.isArray(version.links)
    )
      for (const link of version.links)
        if (
          isRecord(link) &&
          link.rel === 'self' &&
          isText(link.href) &&
          URL.canParse(link.href, 'http://keystone')
        )
          return link.href
  return undefined
}

/** How to log in to Keystone, and where to find services. Secrets live here and in the request body only. */
export interface OpenStackCredentials {
  readonly method: LoginMethod
  readonly region: string | undefined
  readonly interface: 'public' | 'internal' | 'admin'
}

/** The identity part of the body of POST /v3/auth/tokens. */
export type LoginMethod =
  | {
      /** With a password, a one-time passcode or both: one request proves all that is given. */
      readonly kind: 'user'
      readonly user: UserRef
      readonly password?: string | undefined
      readonly passcode?: string | undefined
      readonly scope: LoginScope | undefined
    }
  | {
      readonly kind: 'application_credential'
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: UserRef }
      readonly secret: string
    }
  | { readonly kind: 'token'; readonly token: string; readonly scope: LoginScope | undefined }

export type DomainRef = { readonly id: string } | { readonly name: string }
export type UserRef = { readonly id: string } | { readonly name: string; readonly domain: DomainRef }

export type LoginScope =
  | { readonly project: { readonly id: string } | { readonly name: string; readonly domain: DomainRef } }
  | { readonly domain: DomainRef }
  | { readonly system: { readonly all: true } }
  | { readonly 'OS-TRUST:trust': { readonly id: string } }

/** Whether its tokens speak for the whole system rather than a project or domain. */
export const isSystemScoped = (method: LoginMethod): boolean =>
  method.kind !== 'application_credential' && method.scope !== undefined && 'system' in method.scope

/** The body of POST /v3/auth/tokens (Identity API v3, "Authentication and token management"). */
export function loginBody(method: LoginMethod): object {
  const scope = method.kind === 'application_credential' ? undefined : method.scope
  return { auth: { identity: identity(method), ...(scope && { scope }) } }
}

function identity(method: LoginMethod): object {
  if (method.kind === 'token') return { methods: ['token'], token: { id: method.token } }
  if (method.kind === 'application_credential') {
    const { credential, secret } = method
    return { methods: ['application_credential'], application_credential: { ...credential, secret } }
  }
  const { user, password, passcode } = method
  const proofs = {
    ...(password !== undefined && { password: { user: { ...user, password } } }),
    ...(passcode !== undefined && { totp: { user: { ...user, passcode } } }),
  }
  return { methods: Object.keys(proofs), ...proofs }
}

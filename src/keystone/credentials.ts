/** How to log in to Keystone, and where to find services. Secrets live here and in the request body only. */
export interface OpenStackCredentials {
  /** The identity part of the body of POST /v3/auth/tokens. */
  readonly method:
    | {
        readonly kind: 'password'
        readonly user: { readonly id: string } | { readonly name: string; readonly domain: DomainRef }
        readonly password: string
        readonly scope: LoginScope | undefined
      }
    | {
        readonly kind: 'application_credential'
        readonly credential:
          | { readonly id: string }
          | {
              readonly name: string
              readonly user: { readonly id: string } | { readonly name: string; readonly domain: DomainRef }
            }
        readonly secret: string
      }
  readonly region: string | undefined
  readonly interface: 'public' | 'internal' | 'admin'
}

export type DomainRef = { readonly id: string } | { readonly name: string }

export type LoginScope =
  | { readonly project: { readonly id: string } | { readonly name: string; readonly domain: DomainRef } }
  | { readonly domain: DomainRef }
  | { readonly system: { readonly all: true } }
  | { readonly 'OS-TRUST:trust': { readonly id: string } }

/** The body of POST /v3/auth/tokens (Identity API v3, "Authentication and token management"). */
export function loginBody({ method }: OpenStackCredentials): object {
  if (method.kind === 'password') {
    const { user, password, scope } = method
    return {
      auth: {
        identity: { methods: ['password'], password: { user: { ...user, password } } },
        ...(scope && { scope }),
      },
    }
  }
  const { credential, secret } = method
  return {
    auth: {
      identity: { methods: ['application_credential'], application_credential: { ...credential, secret } },
    },
  }
}

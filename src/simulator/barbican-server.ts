import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../clock.ts'
import { createSimulatedBarbican, type SimulatedBarbican } from './barbican.ts'
import type { SimulatedKeystone } from './keystone.ts'

export interface BarbicanServer extends SimulatedBarbican {
  readonly url: string
  /** The service's entry in Keystone's catalogue. */
  readonly catalogEntry: object
  close(): Promise<void>
}

/** Enough under Barbican's old policy or its new one. */
const ROLES = ['creator', 'member', 'admin']

/** The simulated Barbican behind a plain HTTP port of loopback, trusting the tokens of a simulated Keystone. */
export async function startSimulatedBarbican(options: {
  clock: Clock
  /** Asked late: Keystone's catalogue names us, so Barbican is started first. */
  keystone: () => Pick<SimulatedKeystone, 'mint' | 'model'>
  port?: number
}): Promise<BarbicanServer> {
  const { clock } = options
  const access = (text: string) => {
    const { mint, model } = options.keystone()
    const token = mint.find(text)
    if (token === undefined || token.revoked || token.expiresAt <= clock.now()) return undefined
    const project = token.scope.kind === 'project' ? token.scope.id : ''
    const roles = model.rolesOf(token.user, project)
    return { project, allowed: roles.some((role) => ROLES.includes(role)) }
  }
  const barbican = createSimulatedBarbican({ clock, access })
  const server = createServer((request, response) => {
    barbican.handle(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(barbican, {
    url,
    catalogEntry: {
      type: 'key-manager',
      name: 'barbican',
      endpoints: ['public', 'internal'].map((side) => ({ interface: side, region: 'RegionOne', url })),
    },
    close() {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  })
}

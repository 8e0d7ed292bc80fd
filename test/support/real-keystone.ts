import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type KeystoneAdmin, realAdmin } from './keystone-admin.ts'
import { testPort } from './ports.ts'

/** A real Keystone that test/openstack/run.sh started. */
export interface RealKeystone {
  /** With /v3. */
  readonly url: string
  readonly home: string
  readonly barbicanUrl: string
  admin(): Promise<KeystoneAdmin>
  /** Sends a signal to the process that answers (gunicorn's worker): STOP hangs it, KILL crashes it. */
  signalWorker(signal: 'STOP' | 'CONT' | 'KILL'): void
  /** Ends it: connections are refused. `start` brings it back with all its data. */
  stop(): void
  start(): void
}

const PORTS = {
  fernet: { KS_PORT: testPort(15200), BB_PORT: testPort(19400) },
  jws: { KS_PORT: testPort(15201), BB_PORT: testPort(19401) },
}

export function realKeystone(provider: 'fernet' | 'jws'): RealKeystone {
  const home = process.env[`OPENSTACK_${provider.toUpperCase()}_HOME`]
  if (home === undefined) throw new Error('start these tests with: npm run test:openstack')
  const ports = PORTS[provider]
  const url = `http://127.0.0.1:${ports.KS_PORT}/v3`
  const env = { ...process.env, ...ports, OPENSTACK_HOME: home, TOKEN_PROVIDER: provider }
  const master = () => readFileSync(join(home, 'pid/keystone.pid'), 'utf8').trim()
  const run = (script: string) => execFileSync('bash', [`test/openstack/${script}`], { env, stdio: 'ignore' })
  return {
    url,
    home,
    barbicanUrl: `http://127.0.0.1:${ports.BB_PORT}`,
    admin: () => realAdmin(url, 'adminpw'),
    signalWorker(signal) {
      const workers = execFileSync('pgrep', ['-P', master()], { encoding: 'utf8' }).trim().split('\n')
      for (const pid of workers) process.kill(Number(pid), `SIG${signal}`)
    },
    stop: () => run('down.sh'),
    start: () => run('up.sh'),
  }
}

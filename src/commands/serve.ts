import { systemClock } from '../clock.ts'
import { startServer } from '../compose.ts'
import type { Fault } from '../config/flags.ts'
import { helpText } from '../config/help.ts'
import { readOpenStackSettings } from '../config/openstack-credentials.ts'
import { configInvalid, readOptions } from '../config/read-options.ts'
import { type ServeConfig, serveOptions } from '../config/serve-options.ts'
import { keepHeapSmall } from '../heap-growth.ts'
import { podAccess } from '../kubernetes/cluster-access.ts'
import { kubeconfigAccess } from '../kubernetes/kubeconfig.ts'
import { createLog, type LogLevel } from '../log.ts'
import type { Command } from './world.ts'

const ABOUT =
  'Answers kube-apiserver: TokenReviews from OpenStack Keystone, SubjectAccessReviews by policies.'

/** `portcullis serve`, which is also the whole of k8s-keystone-auth. */
export const serve: Command = async (argv, world) => {
  const drop = world.program === 'k8s-keystone-auth'
  const table = serveOptions(drop ? 'k8s-keystone-auth' : 'portcullis')
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText(drop ? 'k8s-keystone-auth [flags]' : 'portcullis serve [flags]', ABOUT, table))
    return 0
  }
  const openstack = () => readOpenStackSettings(world.env)
  const { values: config, operands } = readOptions(table, { argv, env: world.env }, (values) =>
    faultsOf(values, drop, openstack()?.authUrl),
  )
  if (operands.length > 0)
    throw configInvalid([{ from: 'argument', message: `${operands[0]} is not expected` }])
  const log = createLog({ level: levelOf(config) })
  if (config.vmodule !== undefined || config.logFlushFrequency !== undefined)
    log.warn('The flags --vmodule and --log-flush-frequency are accepted but do nothing')
  const url = config.keystoneUrl ?? openstack()?.authUrl ?? ''
  const { stopped } = world
  const server = await startServer(config, url, {
    clock: systemClock,
    log,
    version: world.version,
    openstack,
    clusterAccess:
      config.kubeconfig === undefined ? podAccess(world.env) : kubeconfigAccess(config.kubeconfig),
  })
  log.info({ port: server.port, adminPort: server.adminPort, version: world.version }, 'Serving')
  keepHeapSmall()
  await stopped
  log.info('Shutting down')
  await server.stop()
  log.info('Stopped')
  return 0
}

function faultsOf(config: ServeConfig, drop: boolean, cloudUrl: string | undefined): readonly Fault[] {
  const faults: Fault[] = []
  const { tlsCertFile, tlsPrivateKeyFile } = config
  if (tlsCertFile === undefined && (drop || tlsPrivateKeyFile !== undefined))
    faults.push({ from: 'flag --tls-cert-file', message: 'expected a certificate file (or TLS_CERT_FILE)' })
  if (tlsPrivateKeyFile === undefined && (drop || tlsCertFile !== undefined))
    faults.push({
      from: 'flag --tls-private-key-file',
      message: 'expected a key file (or TLS_PRIVATE_KEY_FILE)',
    })
  if (config.keystoneUrl === undefined && cloudUrl === undefined)
    faults.push({
      from: 'flag --keystone-url',
      message: 'expected the URL of Keystone; OS_AUTH_URL or a cloud (OS_CLOUD) can give it too',
    })
  for (const project of config.allowedProjects)
    if (project.split('/').length > 2)
      faults.push({ from: 'flag --allowed-projects', message: `${project}: expected an id or domain/name` })
  return faults
}

function levelOf({ v, logLevel }: ServeConfig): LogLevel {
  if (v === undefined || v < 4) return logLevel
  return v < 6 ? 'debug' : 'trace'
}

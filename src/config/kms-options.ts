import { socketPath } from '../kms/socket.ts'
import { LOG_LEVELS } from '../log.ts'
import {
  choiceOption,
  durationOption,
  fileOption,
  hostPortOption,
  listOption,
  type Option,
  type OptionValues,
  switchOption,
  textOption,
  urlOption,
} from './option.ts'
import { serveOptions } from './serve-options.ts'

const serve = serveOptions('portcullis')

export const DEFAULT_SOCKET = '/run/portcullis/kms.sock'

const socketOption = (help: string): Option<string | undefined> => ({
  value: 'PATH',
  help,
  fallback: undefined,
  parse: socketPath,
})

/** How to reach OpenStack; alike for each command that talks to Barbican. */
export const barbicanOptions = {
  'cloud-config': fileOption(
    'cloud.conf of barbican-kms-plugin; default: OS_* variables or clouds.yaml (OS_CLOUD).',
  ),
  'keystone-url': serve['keystone-url'],
  'keystone-ca-file': fileOption(
    'Authorities to trust for Keystone and Barbican instead of the system’s, PEM.',
    {
      env: ['KEYSTONE_CA_FILE', 'OS_CACERT'],
    },
  ),
  'barbican-url': urlOption('Barbican; default: the key-manager endpoint of Keystone’s catalogue.'),
  'barbican-timeout': durationOption('For one call to Barbican, log-in included.', {
    min: '100ms',
    max: '30s',
    fallback: '2s',
  }),
  'key-name': textOption(
    'Name of the Barbican secrets that serve as keys; the newest whose time has come is current.',
  ),
}

/** Flags of `portcullis kms` and barbican-kms-plugin. */
export const kmsOptions = {
  ...barbicanOptions,
  socket: socketOption(`Path of the socket, plain or unix:///PATH; default ${DEFAULT_SOCKET}.`),
  socketpath: socketOption('The same, as barbican-kms-plugin calls it.'),
  'replace-running': switchOption('Take the socket over even from a process that answers there.'),
  'key-ids': listOption(
    'Uuids of Barbican secrets that serve as keys; without --key-name the first one is current.',
  ),
  'refresh-interval': durationOption(
    'How often Barbican is asked for new keys and whether the current one stands.',
    {
      min: '1s',
      max: '2m',
      fallback: '1m',
    },
  ),
  'offline-grace': durationOption('How long new data is encrypted while Barbican cannot be asked.', {
    max: '168h',
    fallback: '4h',
  }),
  'admin-listen': hostPortOption(
    'Address of health and metrics (plain HTTP: keep it local).',
    '127.0.0.1:8082',
  ),
  'log-level': choiceOption('Least level that is logged.', LOG_LEVELS, 'info'),
  v: serve.v,
  vmodule: textOption('Accepted for barbican-kms-plugin’s sake; does nothing.'),
  'log-flush-frequency': textOption('Accepted for barbican-kms-plugin’s sake; does nothing.'),
}

export const rotateOptions = {
  ...barbicanOptions,
  'activate-in': durationOption(
    'When the new key becomes current: longer than the refresh interval of every node.',
    { min: '2s', max: '720h', fallback: '5m' },
  ),
}

/** Flags of `kms ping` and `kms status`. */
export const socketOptions = {
  socket: {
    ...socketOption('Path of the socket, plain or unix:///PATH.'),
    fallback: DEFAULT_SOCKET,
  } as Option<string>,
}

export type BarbicanConfig = OptionValues<typeof barbicanOptions>
export type KmsConfig = OptionValues<typeof kmsOptions>

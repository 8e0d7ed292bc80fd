import type { CommandFlags } from '../config/completion.ts'
import { kmsOptions, rotateOptions, socketOptions } from '../config/kms-options.ts'
import { serveOptions } from '../config/serve-options.ts'
import { syncOptions } from '../config/sync-options.ts'
import { CHECK_OPTIONS } from './policy-check.ts'
import { CONVERT_OPTIONS } from './policy-convert.ts'
import { DECIDE_OPTIONS } from './policy-decide.ts'
import { DIFF_OPTIONS } from './policy-diff.ts'
import { EXPLAIN_OPTIONS } from './policy-explain.ts'
import { TEST_OPTIONS } from './policy-test.ts'
import { WEBHOOK_KUBECONFIG_OPTIONS } from './webhook-kubeconfig.ts'

/** What the commands for operators can be told. */
export const SERVER_FLAGS: CommandFlags = {
  serve: serveOptions('portcullis'),
  kms: kmsOptions,
  'kms rotate': rotateOptions,
  'kms status': socketOptions,
  'kms ping': socketOptions,
  'webhook-kubeconfig': WEBHOOK_KUBECONFIG_OPTIONS,
  sync: {},
  'sync plan': syncOptions,
  'sync run': syncOptions,
  policy: {},
  'policy decide': DECIDE_OPTIONS,
  'policy check': CHECK_OPTIONS,
  'policy explain': EXPLAIN_OPTIONS,
  'policy test': TEST_OPTIONS,
  'policy diff': DIFF_OPTIONS,
  'policy convert': CONVERT_OPTIONS,
}

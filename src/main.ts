import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CLIENT_COMMANDS } from './commands/client.ts'
import { keepCompiled } from './files/compile-cache.ts'
import { runProgram } from './program.ts'
import { keepTickShape } from './tick-shape.ts'

keepCompiled()
keepTickShape()

await runProgram({
  version: packageVersion(),
  executable: fileURLToPath(new URL('../bin/portcullis', import.meta.url)),
  commands: {
    serve: async () => (await import('./commands/serve.ts')).serve,
    kms: async () => (await import('./commands/kms.ts')).kms,
    'webhook-kubeconfig': async () => (await import('./commands/webhook-kubeconfig.ts')).webhookKubeconfig,
    policy: async () => (await import('./commands/policy.ts')).policy,
    sync: async () => (await import('./commands/sync.ts')).sync,
    demo: async () => (await import('./commands/demo.ts')).demo,
    ...CLIENT_COMMANDS,
  },
  flags: async () => ({
    ...(await import('./commands/server-flags.ts')).SERVER_FLAGS,
    ...(await import('./commands/client-flags.ts')).CLIENT_FLAGS,
  }),
})

function packageVersion(): string {
  const file: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return (file as { version: string }).version
}

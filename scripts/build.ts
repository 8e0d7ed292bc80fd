import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/** Makes dist/: start.cjs, which bin/portcullis starts, and beside it what start.cjs loads when it is needed. */
const ROOT = join(import.meta.dirname, '..')
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const common: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  outdir: 'dist',
  entryNames: '[name]',
  logLevel: 'warning',
  legalComments: 'eof',
  // a fifteenth off every start; names stay as they are in stack traces
  minifyWhitespace: true,
}

/** Modules of start.ts that are large and seldom needed: files of their own. */
const APART = [
  'src/main.ts',
  'src/config/clouds-file.ts',
  'src/exec/terminal-ask.ts',
  'src/commands/token-help.ts',
]
const apart: Plugin = {
  name: 'apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\./ }, ({ kind, path }) => {
      const name = APART.map((file) => file.replace(/.*\//, '')).find((file) => path.endsWith(`/${file}`))
      const later = kind === 'dynamic-import' && name !== undefined
      return later ? { path: `./${name.replace('.ts', '.js')}`, external: true } : undefined
    }),
}

/** Libraries of which we need a part, and whose whole would make every start longer. */
const parts: Plugin = {
  name: 'parts',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^(undici|prom-client|semver|@opentelemetry\/api)$/ }, ({ path }) => ({
      path: join(ROOT, `scripts/parts/${path}.cjs`),
    })),
}

rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
await build({
  ...common,
  entryPoints: APART.filter((file) =>
    readdirSync(join(ROOT, file, '..')).some((name) => file.endsWith(`/${name}`)),
  ),
  splitting: true,
  plugins: [parts],
  format: 'esm',
  target: 'node24',
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
})
await build({
  ...common,
  entryPoints: ['src/start.ts'],
  format: 'cjs',
  // an old Node has to come as far as the sentence that asks for a newer one
  target: 'node16',
  outExtension: { '.js': '.cjs' },
  define: { PORTCULLIS_VERSION: JSON.stringify(version) },
  // a target this old would turn import() into require()
  supported: { 'dynamic-import': true },
  plugins: [apart],
})
await build({
  ...common,
  entryPoints: ['src/serve.ts', 'src/kms.ts'],
  format: 'cjs',
  target: 'node24',
  outExtension: { '.js': '.cjs' },
  define: {
    PORTCULLIS_VERSION: JSON.stringify(version),
    'import.meta.url': 'module_url',
    'import.meta.dirname': '__dirname',
  },
  banner: { js: "'use strict';const module_url = require('node:url').pathToFileURL(__filename).href;" },
  plugins: [parts],
})
for (const file of readdirSync(join(ROOT, 'src/kms')).filter((name) => name.endsWith('.proto')))
  copyFileSync(join(ROOT, 'src/kms', file), join(ROOT, 'dist', file))

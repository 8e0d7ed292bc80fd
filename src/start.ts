import { writeFileSync } from 'node:fs'
import { token } from './commands/token.ts'
import { runOneCommand } from './one-command.ts'
import { PROGRAMS } from './program.ts'

declare const require: (file: string) => unknown

/**
 * What bin/portcullis starts in a package: kubectl's question is answered from this one small file, servers are files of
 * their own, everything else is in main.js. The build turns it into CommonJS that an old Node can read: import
 * statements of Node's modules run every getter of theirs, which takes as long as all the rest (bench/exec.ts).
 */
const program = process.env.PORTCULLIS_PROGRAM ?? 'portcullis'
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(`${program}: needs Node.js 24 or newer, found ${process.version}\n`)
  process.exit(1)
}
const command = PROGRAMS[program] ?? process.argv[2]
if (command === 'token') runOneCommand('token', token, { print: (text) => writeFileSync(1, text) })
else if (command === 'serve' || command === 'kms') void load(`./${command}.cjs`)
else void import('./main.ts')

async function load(server: string): Promise<void> {
  const { keepCompiled } = await import('./files/compile-cache.ts')
  keepCompiled()
  require(server)
}

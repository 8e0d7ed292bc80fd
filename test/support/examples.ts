import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { ROOT } from './source-files.ts'

export const exampleText = (path: string): string => readFileSync(join(ROOT, 'examples', path), 'utf8')

/** The YAML documents of a file of examples/, after `fill` has put in what differs here. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the file holds
export function exampleDocuments(path: string, fill = (text: string) => text): any[] {
  return parseAllDocuments(fill(exampleText(path))).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS()
  })
}

interface Pod {
  readonly containers: readonly { args: string[]; env?: { name: string; value: string }[] }[]
}

/** How a container or a unit starts a program: its name in bin/, its arguments, its environment. */
export interface ExampleProgram {
  readonly name: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** The first container of a Pod, or of a Deployment's template. */
export function containerProgram({ spec }: { spec: Pod & { template?: { spec: Pod } } }): ExampleProgram {
  const [container] = spec.template?.spec.containers ?? spec.containers
  const [path = '', ...argv] = container?.args ?? []
  const env = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]))
  return { name: path.replace('/bin/', ''), argv, env }
}

/** What a systemd unit starts. */
export function unitProgram(path: string): ExampleProgram {
  const text = exampleText(path).replaceAll('\\\n', ' ')
  const [command = '', ...argv] = (/^ExecStart=(.*)$/m.exec(text)?.[1] ?? '').trim().split(/\s+/)
  const variables = /^Environment=(.*)$/m.exec(text)?.[1]?.split(' ') ?? []
  const env = Object.fromEntries(variables.map((pair) => pair.split('=') as [string, string]))
  return { name: command.replace('/usr/local/bin/', ''), argv, env }
}

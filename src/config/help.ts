import type { OptionTable } from './option.ts'

const FLAGS = 'Flags (each also as PORTCULLIS_<FLAG> and as a key of the --config file):'

/** The --help text of a command: one paragraph and a row for each flag. */
export function helpText(usage: string, about: string, table: OptionTable, flags = FLAGS): string {
  const rows = Object.entries(table).map(([name, option]) => {
    const left = `  ${option.short ? `-${option.short}, ` : ''}--${name}${option.value ? ` ${option.value}` : ''}`
    const env = option.env?.length ? ` [${option.env.join(', ')}]` : ''
    return `${left}\n        ${option.help}${env}`
  })
  return `Usage: ${usage}\n\n${about}\n\n${flags}\n${rows.join('\n')}\n`
}

import type { Option, OptionTable } from './option.ts'
import { COMMON_OPTIONS } from './read-options.ts'

/** The flags of each command, by its words: `login`, `kms rotate`. */
export type CommandFlags = Readonly<Record<string, OptionTable>>

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** A script that completes commands, flags and their values for these programs, to be read by the shell. */
export function completionScript(shell: Shell, programs: readonly string[], commands: CommandFlags): string {
  return { bash, zsh, fish }[shell](programs, commands)
}

type Flag = readonly [name: string, option: Option<unknown>]

/** A command without flags of its own takes no configuration file either. */
const flagsOf = (table: OptionTable): readonly Flag[] => [
  ...(Object.keys(table).length > 0 ? Object.entries<Option<unknown>>({ ...table, ...COMMON_OPTIONS }) : []),
  ['help', { help: 'Lists the flags.', fallback: false, parse: () => true }],
]

/** First words, or the second ones behind a first. */
function wordsAfter(commands: CommandFlags, first?: string): readonly string[] {
  const words = Object.keys(commands).map((command) => command.split(' '))
  const found = words.map(([one, two]) => (first === undefined ? one : one === first ? two : undefined))
  return [...new Set(found.filter((word) => word !== undefined))]
}

/** What stands for the value says what it can be. */
function valuesOf({ value }: Option<unknown>): 'files' | 'folders' | readonly string[] {
  if (value === 'FILE' || value === 'PATH') return 'files'
  if (value === 'DIR') return 'folders'
  return value?.includes('|') ? value.split('|') : []
}

const single = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

function bash(programs: readonly string[], commands: CommandFlags): string {
  const rows = longestFirst(commands).map(([command, table]) => {
    const names = flagsOf(table).map(([name]) => `--${name}`)
    const words = [...wordsAfter(commands, command), ...names].join(' ')
    return `    ${pattern(command)}) command=${single(command)} words=${single(words)} ;;`
  })
  const values = Object.entries(commands).flatMap(([command, table]) =>
    flagsOf(table).flatMap(([name, option]) => {
      const [known, at] = [valuesOf(option), `    ${single(`${command} --${name}`)})`]
      if (known === 'files') return [`${at} COMPREPLY=($(compgen -f -- "$word")); return ;;`]
      if (known === 'folders') return [`${at} COMPREPLY=($(compgen -d -- "$word")); return ;;`]
      if (known.length > 0) return [`${at} words=${single(known.join(' '))} ;;`]
      return option.value === undefined ? [] : [`${at} return ;;`]
    }),
  )
  return `_portcullis() {
  local word=\${COMP_WORDS[COMP_CWORD]} command= words=${single(wordsAfter(commands).join(' '))} before=
  COMPREPLY=()
  ((COMP_CWORD > 1)) && before=\${COMP_WORDS[COMP_CWORD - 1]}
  ((COMP_CWORD > 1)) && case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${rows.join('\n')}
    *) words= ;;
  esac
  case "$command $before" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o filenames -F _portcullis ${programs.join(' ')}
`
}

/** `kms rotate` is no operand of `kms`. */
const longestFirst = (commands: CommandFlags) =>
  Object.entries(commands).sort(([a], [b]) => b.split(' ').length - a.split(' ').length)

/** Of the first two words. */
const pattern = (command: string) => (command.includes(' ') ? single(command) : `${single(command)}' '*`)

function zsh(programs: readonly string[], commands: CommandFlags): string {
  const rows = longestFirst(commands).map(([command, table]) => {
    const inner = wordsAfter(commands, command)
    const count = command.split(' ').length
    const flags = flagsOf(table).map(([name, option]) => `      ${single(zshFlag(name, option))}`)
    const parts = inner.length > 0 ? `((CURRENT == 3)) && compadd -- ${inner.join(' ')}; ` : ''
    return `    ${pattern(command)}) ${parts}shift ${count} words; ((CURRENT -= ${count})); _arguments \\\n${flags.join(' \\\n')} \\\n      '*:file:_files' ;;`
  })
  return `#compdef ${programs.join(' ')}
_portcullis() {
  if ((CURRENT == 2)); then
    compadd -- ${wordsAfter(commands).join(' ')}
    return
  fi
  case "$words[2] $words[3]" in
${rows.join('\n')}
  esac
}
# read by the shell, or found by its name in a folder of fpath
if [[ $funcstack[1] == _portcullis ]]; then _portcullis; else compdef _portcullis ${programs.join(' ')}; fi
`
}

function zshFlag(name: string, option: Option<unknown>): string {
  const known = valuesOf(option)
  const help = option.help.replace(/[[\]\\:]/g, (sign) => `\\${sign}`)
  const action =
    known === 'files'
      ? '_files'
      : known === 'folders'
        ? '_files -/'
        : known.length > 0
          ? `(${known.join(' ')})`
          : ' '
  const value = option.value === undefined ? '' : `:${option.value.replaceAll(':', '\\:')}:${action}`
  return `${option.repeatable ? '*' : ''}--${name}[${help}]${value}`
}

function fish(programs: readonly string[], commands: CommandFlags): string {
  const first = wordsAfter(commands)
  const lines = programs.flatMap((program) => {
    const complete = (condition: string, rest: string) =>
      `complete -c ${program} -n ${single(condition)} ${rest}`
    return [
      `complete -c ${program} -f`,
      complete('__fish_use_subcommand', `-a ${single(first.join(' '))}`),
      ...Object.entries(commands).flatMap(([command, table]) => {
        const inner = wordsAfter(commands, command)
        const seen = command.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`)
        const none = inner.length > 0 ? [`not __fish_seen_subcommand_from ${inner.join(' ')}`] : []
        const condition = [...seen, ...none].join('; and ')
        return [
          ...(inner.length > 0 ? [complete(condition, `-a ${single(inner.join(' '))}`)] : []),
          ...flagsOf(table).map(([name, option]) => complete(condition, fishFlag(name, option))),
        ]
      }),
    ]
  })
  return `${lines.join('\n')}\n`
}

function fishFlag(name: string, option: Option<unknown>): string {
  const known = valuesOf(option)
  const list = typeof known === 'string' || known.length === 0 ? '' : ` -a ${single(known.join(' '))}`
  const values = typeof known === 'string' ? ' -r -F' : ` -x${list}`
  const help = single(option.help).replaceAll("'\\''", "\\'")
  return `-l ${name}${option.value === undefined ? '' : values} -d ${help}`
}

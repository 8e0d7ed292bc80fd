import t from 'tap'
import { completionScript, SHELLS } from '../../src/config/completion.ts'
import { choiceOption, fileOption, listOption, switchOption, textOption } from '../../src/config/option.ts'

const PROGRAMS = ['portcullis', 'kubectl-keystone']
const socket = textOption('Socket.', { value: 'PATH' })
const COMMANDS = {
  token: {
    'password-file': fileOption("File of Ann's [secret]: a\\b."),
    dir: textOption('Folder.', { value: 'DIR' }),
    socket,
    identity: choiceOption('Names.', ['qualified', 'compatible'], 'qualified'),
    'no-cache': switchOption('Keep nothing.'),
    names: listOption('Names: some.', { repeatable: true, value: 'A:B' }),
  },
  kms: { socket },
  'kms rotate': { name: textOption('Name.') },
  'kms ping': {},
  policy: {},
}
/** What a shell is to be told. In these texts @{ is what a shell reads as a dollar and a brace. */
const script = (text: string) => text.replaceAll('@{', '{')

t.test('bash is told the words, flags and values of each command', async (t) => {
  t.equal(
    completionScript('bash', PROGRAMS, COMMANDS),
    script(`_portcullis() {
  local word=$@{COMP_WORDS[COMP_CWORD]} command= words='token kms policy' before=
  COMPREPLY=()
  ((COMP_CWORD > 1)) && before=$@{COMP_WORDS[COMP_CWORD - 1]}
  ((COMP_CWORD > 1)) && case "$@{COMP_WORDS[1]} $@{COMP_WORDS[2]}" in
    'kms rotate') command='kms rotate' words='--name --config --help' ;;
    'kms ping') command='kms ping' words='--help' ;;
    'token'' '*) command='token' words='--password-file --dir --socket --identity --no-cache --names --config --help' ;;
    'kms'' '*) command='kms' words='rotate ping --socket --config --help' ;;
    'policy'' '*) command='policy' words='--help' ;;
    *) words= ;;
  esac
  case "$command $before" in
    'token --password-file') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'token --dir') COMPREPLY=($(compgen -d -- "$word")); return ;;
    'token --socket') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'token --identity') words='qualified compatible' ;;
    'token --names') return ;;
    'token --config') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'kms --socket') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'kms --config') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'kms rotate --name') return ;;
    'kms rotate --config') COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o filenames -F _portcullis portcullis kubectl-keystone
`),
  )
})

t.test('zsh is told the words, flags, values and help of each command', async (t) => {
  t.equal(
    completionScript('zsh', PROGRAMS, COMMANDS),
    script(String.raw`#compdef portcullis kubectl-keystone
_portcullis() {
  if ((CURRENT == 2)); then
    compadd -- token kms policy
    return
  fi
  case "$words[2] $words[3]" in
    'kms rotate') shift 2 words; ((CURRENT -= 2)); _arguments \
      '--name[Name.]:TEXT: ' \
      '--config[Configuration file\: YAML, a key for each flag below, without the dashes.]:FILE:_files' \
      '--help[Lists the flags.]' \
      '*:file:_files' ;;
    'kms ping') shift 2 words; ((CURRENT -= 2)); _arguments \
      '--help[Lists the flags.]' \
      '*:file:_files' ;;
    'token'' '*) shift 1 words; ((CURRENT -= 1)); _arguments \
      '--password-file[File of Ann'\''s \[secret\]\: a\\b.]:FILE:_files' \
      '--dir[Folder.]:DIR:_files -/' \
      '--socket[Socket.]:PATH:_files' \
      '--identity[Names.]:qualified|compatible:(qualified compatible)' \
      '--no-cache[Keep nothing.]' \
      '*--names[Names\: some.]:A\:B: ' \
      '--config[Configuration file\: YAML, a key for each flag below, without the dashes.]:FILE:_files' \
      '--help[Lists the flags.]' \
      '*:file:_files' ;;
    'kms'' '*) ((CURRENT == 3)) && compadd -- rotate ping; shift 1 words; ((CURRENT -= 1)); _arguments \
      '--socket[Socket.]:PATH:_files' \
      '--config[Configuration file\: YAML, a key for each flag below, without the dashes.]:FILE:_files' \
      '--help[Lists the flags.]' \
      '*:file:_files' ;;
    'policy'' '*) shift 1 words; ((CURRENT -= 1)); _arguments \
      '--help[Lists the flags.]' \
      '*:file:_files' ;;
  esac
}
# read by the shell, or found by its name in a folder of fpath
if [[ $funcstack[1] == _portcullis ]]; then _portcullis; else compdef _portcullis portcullis kubectl-keystone; fi
`),
  )
})

t.test('fish is told the words, flags, values and help of each command, for each program', async (t) => {
  const [token, policy] = ['__fish_seen_subcommand_from token', '__fish_seen_subcommand_from policy']
  const kms = '__fish_seen_subcommand_from kms; and not __fish_seen_subcommand_from rotate ping'
  const [rotate, ping] = ['rotate', 'ping'].map(
    (word) => `__fish_seen_subcommand_from kms; and __fish_seen_subcommand_from ${word}`,
  )
  const help = "-l help -d 'Lists the flags.'"
  const config =
    "-l config -r -F -d 'Configuration file: YAML, a key for each flag below, without the dashes.'"
  const lines = [
    '-f',
    "-n '__fish_use_subcommand' -a 'token kms policy'",
    String.raw`-n '${token}' -l password-file -r -F -d 'File of Ann\'s [secret]: a\b.'`,
    `-n '${token}' -l dir -r -F -d 'Folder.'`,
    `-n '${token}' -l socket -r -F -d 'Socket.'`,
    `-n '${token}' -l identity -x -a 'qualified compatible' -d 'Names.'`,
    `-n '${token}' -l no-cache -d 'Keep nothing.'`,
    `-n '${token}' -l names -x -d 'Names: some.'`,
    `-n '${token}' ${config}`,
    `-n '${token}' ${help}`,
    `-n '${kms}' -a 'rotate ping'`,
    `-n '${kms}' -l socket -r -F -d 'Socket.'`,
    `-n '${kms}' ${config}`,
    `-n '${kms}' ${help}`,
    `-n '${rotate}' -l name -x -d 'Name.'`,
    `-n '${rotate}' ${config}`,
    `-n '${rotate}' ${help}`,
    `-n '${ping}' ${help}`,
    `-n '${policy}' ${help}`,
  ]
  t.equal(
    completionScript('fish', PROGRAMS, COMMANDS),
    PROGRAMS.flatMap((program) => lines.map((line) => `complete -c ${program} ${line}\n`)).join(''),
  )
})

t.test('there is a script for bash, zsh and fish', async (t) => {
  t.strictSame([...SHELLS], ['bash', 'zsh', 'fish'])
  for (const shell of SHELLS) t.match(completionScript(shell, ['x'], { a: {} }), /help/)
})

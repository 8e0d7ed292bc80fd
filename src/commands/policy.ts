import { helpText } from '../config/help.ts'
import type { OptionTable } from '../config/option.ts'
import type { Command } from './world.ts'

interface Tool {
  readonly about: string
  readonly operands: string
  readonly load: () => Promise<{ readonly run: Command; readonly options: OptionTable }>
}

const TOOLS: Readonly<Record<string, Tool>> = {
  decide: {
    about: 'Answers reviews on stdin, a line each.',
    operands: '',
    load: async () => {
      const { policyDecide, DECIDE_OPTIONS } = await import('./policy-decide.ts')
      return { run: policyDecide, options: DECIDE_OPTIONS }
    },
  },
  check: {
    about:
      'Finds faults, unknown keys, rules that decide nothing, and grants that go further than they look.',
    operands: ' FILE...',
    load: async () => {
      const { policyCheck, CHECK_OPTIONS } = await import('./policy-check.ts')
      return { run: policyCheck, options: CHECK_OPTIONS }
    },
  },
  explain: {
    about: 'Says what is decided about a request, by which rule, and which rules nearly fit.',
    operands: ' VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME] | VERB /PATH | REVIEW.json',
    load: async () => {
      const { policyExplain, EXPLAIN_OPTIONS } = await import('./policy-explain.ts')
      return { run: policyExplain, options: EXPLAIN_OPTIONS }
    },
  },
  test: {
    about: 'Runs a YAML file of cases against policies.',
    operands: ' CASES.yaml',
    load: async () => {
      const { policyTest, TEST_OPTIONS } = await import('./policy-test.ts')
      return { run: policyTest, options: TEST_OPTIONS }
    },
  },
  diff: {
    about: 'Tells which reviews, recorded or made up from the rules, two policies decide differently.',
    operands: ' OLD NEW',
    load: async () => {
      const { policyDiff, DIFF_OPTIONS } = await import('./policy-diff.ts')
      return { run: policyDiff, options: DIFF_OPTIONS }
    },
  },
  convert: {
    about: 'Writes a JSON policy as Portcullis rules, once the decisions have proved equal.',
    operands: ' FILE.json',
    load: async () => {
      const { policyConvert, CONVERT_OPTIONS } = await import('./policy-convert.ts')
      return { run: policyConvert, options: CONVERT_OPTIONS }
    },
  },
}

/** `portcullis policy ...`: tools for those who write policies. Exit codes: 0 all well, 1 something found, 2 wrong use. */
export const policy: Command = async (argv, world) => {
  const [name = '--help', ...rest] = argv
  const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined
  if (tool === undefined) {
    const rows = Object.entries(TOOLS).map(([tool, { about }]) => `  ${tool.padEnd(8)} ${about}\n`)
    const text = `Usage: portcullis policy TOOL [flags]\n\n${rows.join('')}`
    const asked = name === '--help' || name === '-h'
    world[asked ? 'print' : 'complain'](asked ? text : `there is no policy tool ${name}\n${text}`)
    return asked ? 0 : 2
  }
  const { run, options } = await tool.load()
  if (!rest.includes('--help') && !rest.includes('-h')) return run(rest, world)
  world.print(helpText(`portcullis policy ${name} [flags]${tool.operands}`, tool.about, options))
  return 0
}

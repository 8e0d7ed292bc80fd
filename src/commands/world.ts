import type { CommandFlags } from '../config/completion.ts'

/** What a command gets of the process: nothing else reaches it from outside. */
export interface CommandWorld {
  readonly program: string
  readonly version: string
  /** Path of the file that starts this program. */
  readonly executable: string
  /** The flags of all commands of this program. */
  readonly flags: () => Promise<CommandFlags>
  readonly env: Readonly<Record<string, string | undefined>>
  /** stdin, for the commands that read it. */
  readonly input: NodeJS.ReadableStream
  readonly print: (text: string) => void
  readonly complain: (text: string) => void
  /** Resolves at the first SIGTERM or SIGINT. */
  readonly stopped: Promise<void>
}

/** Runs with the arguments behind its name; gives the exit code. */
export type Command = (argv: readonly string[], world: CommandWorld) => Promise<number>

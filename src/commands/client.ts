import type { Command } from './world.ts'

/** The commands for people and their kubectl. */
export const CLIENT_COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  token: async () => (await import('./token.ts')).token,
  completion: async () => (await import('./completion.ts')).completion,
}

import type { Command } from './world.ts'

/** The commands for people and their kubectl. */
export const CLIENT_COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  token: async () => (await import('./token.ts')).token,
  login: async () => (await import('./login.ts')).login,
  logout: async () => (await import('./logout.ts')).logout,
  whoami: async () => (await import('./whoami.ts')).whoami,
  projects: async () => (await import('./projects.ts')).projects,
  completion: async () => (await import('./completion.ts')).completion,
}

import type { Command } from './world.ts'
export const demo: Command = async () => 1

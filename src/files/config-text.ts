import type { Clock } from '../clock.ts'
import { readConfigFile, watchFiles } from './watched-file.ts'

/** A text that configures something, wherever it is kept. */
export interface ConfigText {
  /** Where it is, for log and health. */
  readonly name: string
  /** What it says now; undefined where there is nothing, or nothing known yet. Throws if it cannot be read. */
  read(): string | undefined
  watch(changed: () => unknown): () => void
}

export const fileText = (path: string, clock: Clock): ConfigText => ({
  name: path,
  read: () => readConfigFile(path),
  watch: (changed) => watchFiles({ paths: [path], clock, changed: async () => void (await changed()) }),
})

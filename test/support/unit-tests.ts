import { globSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, sourceFiles } from './source-files.ts'

/** Of these test files those that start no program, as far as their imports tell. */
export function withoutPrograms(tests: readonly string[]): string[] {
  const imports = new Map(sourceFiles('test').map((file) => [file.path, file.imports]))
  const reaches = (file: string, seen: Set<string>): boolean => {
    if (file === 'node:child_process') return true
    if (seen.has(file)) return false
    seen.add(file)
    return imports.get(file)?.some((imported) => reaches(imported, seen)) ?? false
  }
  return tests.filter((test) => !reaches(test, new Set()))
}

/** The test files of folders of test/ that start no program. */
export const unitTests = (folders: readonly string[]): string[] =>
  withoutPrograms(folders.flatMap((folder) => globSync(`test/${folder}/**/*.test.ts`, { cwd: ROOT })).sort())

/** Runs the unit tests of a folder in this process: each in its own costs a quarter of a second, three times its own work. */
export async function importUnitTests(folder: string): Promise<void> {
  for (const test of unitTests([folder])) await import(join(ROOT, test))
}

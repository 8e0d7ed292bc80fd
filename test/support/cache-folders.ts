import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openCacheFolder } from '../../src/exec/cache-folder.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const UID = process.geteuid?.() ?? -1
export const NOON = Date.parse('2026-06-01T12:00:00.250Z')
export const SECRET = Buffer.from('a secret')

/** A folder that is not there yet, and what is said about it. */
export function openFolder(
  t: Pick<Test, 'teardown'>,
  path = join(temporaryFolder(t), 'cache/portcullis'),
  uid = UID,
) {
  const said: string[] = []
  const complain = (sentence: string) => said.push(sentence)
  return { path, said, folder: openCacheFolder({ path, uid, pid: process.pid, complain }) }
}

/** The same with a folder and one file in it. */
export function openFilled(t: Pick<Test, 'teardown'>, uid = UID) {
  const path = join(temporaryFolder(t), 'portcullis')
  mkdirSync(path, { mode: 0o700 })
  writeFileSync(join(path, 'a'), SECRET, { mode: 0o600 })
  return openFolder(t, path, uid)
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from './temporary-folder.ts'

export const POLICY =
  'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed}\nspec: {podSelector: {}}\n'

/** A folder of templates with one file, and how to write that anew. */
export function folderTemplate(t: Test, text = POLICY) {
  const folder = join(temporaryFolder(t), 'template')
  mkdirSync(folder)
  const write = (text: string) => writeFileSync(join(folder, 'a.yaml'), text)
  write(text)
  return { folder, write }
}

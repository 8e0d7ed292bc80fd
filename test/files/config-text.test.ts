import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fileText } from '../../src/files/config-text.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

t.test('a file is a text under its path, read anew each time', async (t) => {
  const path = join(temporaryFolder(t), 'sync.yaml')
  const text = fileText(path, createManualClock())
  t.equal(text.name, path)
  t.throws(() => text.read(), { code: 'FILE_UNREADABLE', message: new RegExp(path) })
  writeFileSync(path, 'one')
  t.equal(text.read(), 'one')
  writeFileSync(path, 'two')
  t.equal(text.read(), 'two')
})

t.test('a change is told, the next one when the first has been worked on, none after the end', async (t) => {
  const path = join(temporaryFolder(t), 'sync.yaml')
  const clock = createManualClock()
  const text = fileText(path, clock)
  const seen: (string | undefined)[] = []
  let finish = () => {}
  const stop = text.watch(() => {
    seen.push(text.read())
    return new Promise<void>((resolve) => {
      finish = resolve
    })
  })
  writeFileSync(path, '1')
  await clock.advance(1000)
  writeFileSync(path, '22')
  await clock.advance(5000)
  t.strictSame(seen, ['1'])
  finish()
  await new Promise(setImmediate)
  await clock.advance(1000)
  t.strictSame(seen, ['1', '22'])
  finish()
  stop()
  writeFileSync(path, '333')
  await clock.advance(5000)
  t.strictSame(seen, ['1', '22'])
})

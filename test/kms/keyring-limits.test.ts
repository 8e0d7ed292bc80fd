import t from 'tap'
import { found, ringed } from './keyring-world.ts'
import { uuid } from './memory-store.ts'

t.test('flights that fail make room as well', async (t) => {
  const { keyring, put, answers } = ringed()
  for (let number = 0; number < 100; number++) {
    answers.set(`payload ${put(number).id}`, new Error('down'))
    t.equal(await found(keyring, uuid(number)), 'unavailable')
  }
  t.equal(await found(keyring, put(200).id), `the KEK ${uuid(200)}`)
})

t.test('a thousand keys are kept, and no other is loaded then', async (t) => {
  const { keyring, put, seen } = ringed()
  for (let number = 0; number < 1000; number++) await keyring.find(put(number).id)
  t.equal(keyring.size, 1000)
  t.equal(await found(keyring, put(1000).id), 'unavailable')
  t.equal(seen.length, 2000)
  t.equal(await found(keyring, uuid(0)), `the KEK ${uuid(0)}`)
  t.equal(await found(keyring, uuid(999)), `the KEK ${uuid(999)}`)
})

t.test('a thousand refusals are remembered, the oldest makes room', async (t) => {
  const { keyring, put, seen } = ringed()
  for (let number = 0; number < 1001; number++) await keyring.find(uuid(number))
  t.equal(await found(keyring, put(2000).id), `the KEK ${uuid(2000)}`, 'a loaded key takes no refusal away')
  t.equal(seen.length, 1003)
  for (const number of [1, 500, 1000]) await keyring.find(uuid(number))
  t.equal(seen.length, 1003)
  await keyring.find(uuid(0))
  t.equal(seen.length, 1004)
})

import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import t from 'tap'
import { homeFolder } from '../../src/config/home-folder.ts'

t.test('a user whom the system does not know has the home /', async (t) => {
  const { homedir } = os
  const pretend = (pretended: () => string) => {
    os.homedir = pretended
    syncBuiltinESMExports()
  }
  t.teardown(() => pretend(homedir))
  pretend(() => '/home/ann')
  t.equal(homeFolder(), '/home/ann')
  pretend(() => {
    throw Object.assign(new Error('uv_os_homedir returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' })
  })
  t.equal(homeFolder(), '/')
})

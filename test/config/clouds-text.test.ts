import fs, { mkdirSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readCloudsText } from '../../src/config/clouds-text.ts'

/** A home and a working directory, and what the files of each say. */
function places(t: Test) {
  const [home, work, named] = [t.testdir({ home: {}, work: {}, named: {} }), process.cwd(), process.env.HOME]
  process.env.HOME = join(home, 'home')
  process.chdir(join(home, 'work'))
  t.teardown(() => {
    process.chdir(work)
    process.env.HOME = named
  })
  const write = (folder: string, file: string) => {
    mkdirSync(join(home, folder), { recursive: true })
    writeFileSync(join(home, folder, file), `${folder} ${file}`)
    return join(home, folder, file)
  }
  return { write, folder: join(home, 'home/.config/openstack') }
}

t.test('the file that OS_CLIENT_CONFIG_FILE names comes first, with secure.yaml of its folder', async (t) => {
  const { write } = places(t)
  const path = write('named', 'my.yaml')
  write('work', 'clouds.yaml')
  write('work', 'secure.yaml')
  const text = { path, clouds: 'named my.yaml' }
  t.strictSame(readCloudsText({ OS_CLIENT_CONFIG_FILE: path }), { ...text, secure: '' })
  write('named', 'secure.yaml')
  t.strictSame(readCloudsText({ OS_CLIENT_CONFIG_FILE: path }), { ...text, secure: 'named secure.yaml' })
})

t.test('the working directory comes before ~/.config/openstack', async (t) => {
  const { write, folder } = places(t)
  write('home/.config/openstack', 'clouds.yaml')
  write('home/.config/openstack', 'secure.yaml')
  t.strictSame(readCloudsText({ OS_CLIENT_CONFIG_FILE: '' }), {
    path: join(folder, 'clouds.yaml'),
    clouds: 'home/.config/openstack clouds.yaml',
    secure: 'home/.config/openstack secure.yaml',
  })
  write('work', 'clouds.yaml')
  t.strictSame(
    readCloudsText({}),
    { path: 'clouds.yaml', clouds: 'work clouds.yaml', secure: '' },
    'nothing is taken from another folder',
  )
})

t.test('/etc/openstack comes last', async (t) => {
  const { folder } = places(t)
  const { existsSync } = fs
  const pretend = (pretended: typeof existsSync) => {
    fs.existsSync = pretended
    syncBuiltinESMExports()
  }
  t.teardown(() => pretend(existsSync))
  const seen: string[] = []
  pretend((path) => {
    seen.push(String(path))
    return path === '/etc/openstack/clouds.yaml'
  })
  const read = () => readCloudsText({})
  if (existsSync('/etc/openstack/clouds.yaml')) t.equal(read().path, '/etc/openstack/clouds.yaml')
  else t.throws(read, { code: 'FILE_UNREADABLE', message: /\/etc\/openstack\/clouds\.yaml/ })
  t.strictSame(seen.slice(0, 3), ['clouds.yaml', join(folder, 'clouds.yaml'), '/etc/openstack/clouds.yaml'])
})

t.test('a cloud without any file is a fault that says how to name one', async (t) => {
  places(t)
  const { existsSync } = fs
  t.teardown(() => {
    fs.existsSync = existsSync
    syncBuiltinESMExports()
  })
  fs.existsSync = () => false
  syncBuiltinESMExports()
  t.throws(() => readCloudsText({}), {
    code: 'CONFIG_INVALID',
    message: /OS_CLOUD .*clouds\.yaml.*OS_CLIENT_CONFIG_FILE/,
  })
})

t.test('a file that is named but cannot be read is a fault, and no other file stands in', async (t) => {
  const { write } = places(t)
  write('work', 'clouds.yaml')
  t.throws(() => readCloudsText({ OS_CLIENT_CONFIG_FILE: '/nowhere/clouds.yaml' }), {
    code: 'FILE_UNREADABLE',
    message: /\/nowhere\/clouds\.yaml/,
  })
})

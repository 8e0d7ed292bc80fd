import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { Server, type Socket } from 'node:net'
import { basename, join } from 'node:path'
import t from 'tap'
import { answers, socketPath } from '../../src/kms/socket.ts'
import { connected, directory, ended, listening, unusable, withFs } from './socket-world.ts'

t.test('nobody but the owner can open the socket, whatever the umask, and the umask is kept', async (t) => {
  const base = directory(t)
  const before = process.umask()
  t.teardown(() => void process.umask(before))
  for (const umask of [0, 0o022, 0o077, 0o777]) {
    process.umask(umask)
    const path = join(base, `kms-${umask}.sock`)
    const starting = listening(t, path)
    t.equal(process.umask(), umask, 'nothing else is made under the umask of the socket')
    await starting
    t.equal(process.umask(umask), umask)
    t.equal(lstatSync(path).mode & 0o7777, 0o600)
  }
  t.same(
    readdirSync(base).sort(),
    ['kms-0.sock', 'kms-18.sock', 'kms-511.sock', 'kms-63.sock'],
    'the names that were bound are gone',
  )
})

t.test('the path leads to the listener, and each connection is accepted', async (t) => {
  const path = join(directory(t), 'kms.sock')
  const { socket, accepted } = await listening(t, path)
  const clients = [await connected(path), await connected(path)]
  t.equal(await answers(path), true)
  t.equal(accepted.length, 3)
  await ended(accepted[2] as Socket)
  t.equal(socket.leadsHere(), true)
  for (const client of clients) client.destroy()
})

t.test('a missing directory is made for the owner alone, but not its parents', async (t) => {
  const base = directory(t)
  await listening(t, join(base, 'made/kms.sock'))
  t.equal(lstatSync(join(base, 'made')).mode & 0o7777, 0o700)
  await t.rejects(
    listening(t, join(base, 'a/b/kms.sock')),
    unusable(new RegExp(`cannot make the directory ${base}/a/b: .*ENOENT`)),
  )
  writeFileSync(join(base, 'file'), '')
  await t.rejects(listening(t, join(base, 'file/x/kms.sock')), unusable(/ENOTDIR/))
})

t.test('a directory that group or others can write to is refused, any other mode is not', async (t) => {
  const base = directory(t)
  for (const mode of [0o700, 0o755, 0o750, 0o711, 0o744, 0o1755]) {
    mkdirSync(join(base, mode.toString(8)))
    chmodSync(join(base, mode.toString(8)), mode)
    const { socket } = await listening(t, join(base, mode.toString(8), 'kms.sock'))
    t.equal(socket.leadsHere(), true, mode.toString(8))
  }
  for (const mode of [0o777, 0o775, 0o757, 0o770, 0o720, 0o702, 0o730, 0o1777]) {
    const open = join(base, `open-${mode.toString(8)}`)
    mkdirSync(open)
    chmodSync(open, mode)
    const shown = (mode & 0o777).toString(8)
    await t.rejects(
      listening(t, join(open, 'kms.sock')),
      unusable(new RegExp(`${open} can be written by others.*\\b${shown}\\b`)),
    )
    t.same(readdirSync(open), [])
  }
  symlinkSync(join(base, 'open-777'), join(base, 'link'))
  await t.rejects(listening(t, join(base, 'link/kms.sock')), unusable(/written by others/), 'nor by a link')
})

t.test("the directory is root's or the process's own", async (t) => {
  const base = directory(t)
  const { getuid } = process
  process.getuid = () => 4242
  t.teardown(() => Object.assign(process, { getuid }))
  for (const [uid, usable] of [
    [0, true],
    [4242, true],
    [1, false],
    [4243, false],
    [65_534, false],
  ] as const)
    await withFs(
      'statSync',
      () => ({ uid, mode: 0o40700 }),
      async () => {
        const attempt = listening(t, join(base, `${uid}.sock`))
        if (usable) await attempt
        else await t.rejects(attempt, unusable(new RegExp(`${base} belongs to another user.*\\b${uid}\\b`)))
      },
    )
})

t.test('path and bound name are at most 107 bytes', async (t) => {
  const base = directory(t)
  const padded = (bytes: number, folder = base) =>
    join(folder, 'k'.repeat(bytes - Buffer.byteLength(folder) - 1))
  await listening(t, padded(107))
  for (const path of [padded(108), padded(120), `${padded(106).slice(0, -1)}ü${'k'}`])
    await t.rejects(listening(t, path), unusable(new RegExp(`${path} is longer`)))
  const deep = padded(98)
  await t.rejects(
    listening(t, join(deep, 'kms')),
    unusable(/longer/),
    'the bound name is longer than the path',
  )
  t.same(readdirSync(base).sort(), [basename(padded(98)), basename(padded(107))].sort())
  const fitting = padded(97)
  const { socket } = await listening(t, join(fitting, 'kms'))
  t.equal(socket.leadsHere(), true)
})

t.test('what is there and is no socket is left alone', async (t) => {
  const base = directory(t)
  await listening(t, join(base, 'kms.sock'))
  writeFileSync(join(base, 'file'), 'x')
  mkdirSync(join(base, 'folder'))
  symlinkSync(join(base, 'kms.sock'), join(base, 'link'))
  for (const name of ['file', 'folder', 'link'])
    for (const replaceRunning of [false, true])
      await t.rejects(
        listening(t, join(base, name), replaceRunning),
        unusable(new RegExp(`${base}/${name} exists and is no socket`)),
      )
  t.same(readdirSync(base).sort(), ['file', 'folder', 'kms.sock', 'link'])
})

t.test('a path where somebody answers is taken over only on demand', async (t) => {
  const path = join(directory(t), 'kms.sock')
  const first = await listening(t, path)
  await t.rejects(listening(t, path), {
    code: 'KMS_SOCKET_IN_USE',
    message: new RegExp(`${path}.*--replace-running`),
  })
  t.equal(first.socket.leadsHere(), true)
  const open = await connected(path)
  const second = await listening(t, path, true)
  t.same([first.socket.leadsHere(), second.socket.leadsHere()], [false, true])
  first.socket.close()
  t.equal(second.socket.leadsHere(), true, 'the one that closes takes nothing away')
  const client = await connected(path)
  await new Promise((resolve) => client.write('x', resolve))
  t.equal(await answers(path), true)
  t.equal(second.accepted.length, 2)
  t.equal(open.destroyed, false, 'open connections stay')
  open.destroy()
  client.destroy()
})

t.test('a socket that nobody serves is taken over, and a path that is gone leads nowhere', async (t) => {
  const path = join(directory(t), 'kms.sock')
  const first = await listening(t, path)
  first.socket.close()
  t.equal(lstatSync(path).isSocket(), true, 'closing leaves the path as it is')
  t.equal(await answers(path), false)
  const second = await listening(t, path)
  t.same([first.socket.leadsHere(), second.socket.leadsHere()], [false, true])
  rmSync(path)
  t.equal(second.socket.leadsHere(), false)
})

t.test('answers: nobody where nothing is, somebody where it cannot be told', async (t) => {
  const base = directory(t)
  t.equal(await answers(join(base, 'nothing')), false)
  writeFileSync(join(base, 'file'), '')
  t.equal(await answers(join(base, 'file')), false, 'a file refuses connections')
  t.equal(await answers(join(base, 'file/kms.sock')), true, 'ENOTDIR is no refusal')
})

t.test('at most 64 connections are open; one more is closed at once', async (t) => {
  const path = join(directory(t), 'kms.sock')
  const { accepted } = await listening(t, path)
  const clients: Socket[] = []
  for (let count = 0; count < 64; count++) clients.push(await connected(path))
  const surplus = await connected(path)
  await ended(surplus)
  t.equal(accepted.length, 64)
  t.equal(accepted.filter(({ destroyed }) => destroyed).length, 0)
  clients[0]?.destroy()
  await ended(accepted[0] as Socket)
  clients.push(await connected(path))
  t.equal(await answers(path), true)
  t.equal(accepted.length, 65, 'the place of one that left is free again')
  for (const client of clients) client.destroy()
})

t.test('a socket that cannot be bound or renamed leaves neither a file nor a umask behind', async (t) => {
  const base = directory(t)
  const path = join(base, 'kms.sock')
  const umask = process.umask()
  const failed = unusable(new RegExp(`cannot listen at ${path}: no room`))
  const noRoom = () => {
    throw new Error('no room')
  }
  await withFs('renameSync', noRoom, () => t.rejects(listening(t, path), failed))
  t.same(readdirSync(base), [])
  const { listen } = Server.prototype
  Server.prototype.listen = noRoom
  const thrown = listening(t, path)
  Server.prototype.listen = listen
  await t.rejects(thrown, failed)
  t.equal(process.umask(), umask)
  Server.prototype.listen = function (this: Server) {
    setImmediate(() => this.emit('error', new Error('no room')))
    return this
  } as typeof listen
  const emitted = listening(t, path)
  Server.prototype.listen = listen
  await t.rejects(emitted, failed)
  t.equal(process.umask(), umask)
})

t.test('a socket path is plain or unix:///, never abstract or relative', async (t) => {
  t.equal(socketPath('unix:///run/kms.sock'), '/run/kms.sock')
  t.equal(socketPath('/run/kms.sock'), '/run/kms.sock')
  t.equal(socketPath('/run/@kms/unix://x'), '/run/@kms/unix://x')
  for (const abstract of ['unix:///@kms', 'unix://@kms', '/@kms', '@kms'])
    t.throws(() => socketPath(abstract), { message: /abstract/ }, abstract)
  for (const other of [
    '',
    '/',
    'kms.sock',
    './kms.sock',
    'unix:/run/kms.sock',
    'unix://run/kms.sock',
    '/run/',
  ])
    t.throws(() => socketPath(other), { message: /expected \/PATH or unix:\/\/\/PATH/ }, other)
})

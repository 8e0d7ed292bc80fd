import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { login } from '../support/keystone-admin.ts'
import { startServe } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { review, tokenReview } from '../support/wire.ts'

const keystone = realKeystone('fernet')
const admin = await keystone.admin()
const [user, project] = [await admin.createUser(), await admin.createProject()]
await admin.grant(user, { project: project.id }, 'member')
const token = () => login(admin.url, user, { project: { id: project.id } })
const server = await startServe(t, ['--keystone-url', admin.url, '--keystone-timeout', '2s'])
const ask = async (text: string) => (await review(server, tokenReview(text))).result
const known = await token()

t.test(
  'a real Keystone that hangs, dies or is down is an error for new tokens and nothing for known ones',
  async (t) => {
    t.match(await ask(known), { authenticated: true })
    const [hung, crashed, down] = [await token(), await token(), await token()]

    keystone.signalWorker('STOP')
    t.same(await ask(hung), { authenticated: false, error: 'Keystone did not answer in time' })
    t.match(await ask(known), { authenticated: true }, 'known while it hangs')
    keystone.signalWorker('CONT')
    t.match(await ask(hung), { authenticated: true }, 'heals after the hang')

    keystone.signalWorker('KILL')
    const first = await ask(crashed)
    if (first.authenticated !== true) t.match(first.error, /^Keystone /, 'an error, never a refusal')
    await sleep(2500)
    t.match(await ask(crashed), { authenticated: true }, 'heals after the crash')

    keystone.stop()
    t.same(await ask(down), { authenticated: false, error: 'Keystone cannot be reached' })
    t.match(await ask(known), { authenticated: true }, 'known while it is down')
    keystone.start()
    t.match(await ask(down), { authenticated: true }, 'heals when it is back')
  },
)

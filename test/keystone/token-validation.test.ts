import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import type { Session } from '../../src/keystone/session.ts'
import { readTokenBody } from '../../src/keystone/token-body.ts'
import { createTokenValidation } from '../../src/keystone/token-validation.ts'
import { type Scripted, scriptKeystone, tokenBody } from '../support/scripted-keystone.ts'

const { signal } = new AbortController()
const URL = 'http://h/v3'
const GOOD: Scripted = { body: tokenBody() }
const error = (status: number): Scripted => ({ status, body: { error: { code: status } } })

/** A session that holds `own-1`, `own-2`, ... and tells what was asked of it. */
function sessionOf(): { session: Session; asked: unknown[][] } {
  const asked: unknown[][] = []
  return {
    asked,
    session: {
      async token(...args) {
        asked.push(['token', ...args])
        return 'own-1'
      },
      async renewed(...args) {
        asked.push(['renewed', ...args])
        return 'own-2'
      },
      serviceUrl: async () => t.fail('serviceUrl') as never,
    },
  }
}

function world(answers: readonly Scripted[], session?: Session) {
  const { call, calls } = scriptKeystone((_, index) => answers[index] ?? new Error('one call too many'))
  const endpoint = async (given: AbortSignal) => {
    t.equal(given, signal)
    return URL
  }
  return { validate: createTokenValidation({ call, endpoint, session }), calls }
}

const asking = (authority: string, subject: string, more: object = {}) => ({
  operation: 'validate',
  url: 'http://h/v3/auth/tokens?nocatalog',
  headers: {
    'x-auth-token': authority,
    'x-subject-token': subject,
    'openstack-identity-access-rules': '1.0',
  },
  signal,
  retry: true,
  begun: undefined,
  ahead: false,
  ...more,
})

t.test('without service credentials a token asks about itself', async (t) => {
  const { validate, calls } = world([GOOD])
  const begun = () => {}
  t.strictSame(await validate('subject', signal, begun), readTokenBody(tokenBody()))
  t.strictSame(calls, [asking('subject', 'subject', { begun })])
  t.equal(calls[0]?.signal, signal)
})

t.test('with service credentials the service asks about the token', async (t) => {
  const { session, asked } = sessionOf()
  const { validate, calls } = world([GOOD], session)
  const begun = () => {}
  t.strictSame(await validate('subject', signal, begun), readTokenBody(tokenBody()))
  t.strictSame(calls, [asking('own-1', 'subject', { begun })])
  t.strictSame(asked, [['token', signal]])
})

t.test(
  'a service token that Keystone no longer takes is replaced, and the question asked again ahead',
  async (t) => {
    const { session, asked } = sessionOf()
    const { validate, calls } = world([error(401), GOOD], session)
    const begun = () => {}
    t.strictSame(await validate('subject', signal, begun), readTokenBody(tokenBody()))
    t.strictSame(calls, [
      asking('own-1', 'subject', { begun }),
      asking('own-2', 'subject', { begun, ahead: true }),
    ])
    t.strictSame(asked, [
      ['token', signal],
      ['renewed', 'own-1', signal],
    ])
  },
)

t.test('only Keystone’s word about the subject is a no; a refusal of the service is an error', async (t) => {
  const refused = (status: number) => ({
    code: 'KEYSTONE_REFUSED_US',
    message: new RegExp(`\\(${status}\\)`),
  })
  const rows: [string, boolean, Scripted[], ReturnType<typeof refused> | undefined][] = [
    ['alone: 401 and 404 speak of the token', false, [error(401)], undefined],
    ['alone', false, [error(404)], undefined],
    ['alone', false, [error(403)], refused(403)],
    ['alone', false, [error(400)], refused(400)],
    ['alone', false, [{ status: 204 }], refused(204)],
    ['alone', false, [{ status: 201, body: tokenBody() }], refused(201)],
    ['service: 404 speaks of the token', true, [error(404)], undefined],
    ['service, renewed', true, [error(401), error(404)], undefined],
    ['service: a second 401 is about the service', true, [error(401), error(401)], refused(401)],
    ['service', true, [error(403)], refused(403)],
    ['service, renewed', true, [error(401), error(403)], refused(403)],
    ['service', true, [{ status: 300, body: tokenBody() }], refused(300)],
  ]
  for (const [name, service, answers, outcome] of rows) {
    const { validate, calls } = world(answers, service ? sessionOf().session : undefined)
    const label = `${name} ${answers.map((answer) => 'status' in answer && answer.status)}`
    if (outcome === undefined) t.equal(await validate('subject', signal), undefined, label)
    else await t.rejects(validate('subject', signal), outcome, label)
    t.equal(calls.length, answers.length, `${label}: asked as often`)
  }
})

t.test('half an identity is an error, not a no', async (t) => {
  for (const body of [undefined, {}, tokenBody({ user: { id: 'u' } }), tokenBody({ expires_at: 'soon' })])
    for (const session of [undefined, sessionOf().session])
      await t.rejects(world([{ body }], session).validate('subject', signal), {
        code: 'KEYSTONE_BAD_ANSWER',
        message: /token/,
      })
})

t.test('whatever cannot be asked is an error, not a no', async (t) => {
  const down = new PortcullisError('HTTP_UNREACHABLE', 'down')
  await t.rejects(world([down]).validate('subject', signal), { code: 'HTTP_UNREACHABLE' })
  await t.rejects(world([error(401), down], sessionOf().session).validate('subject', signal), {
    code: 'HTTP_UNREACHABLE',
  })
  const broken = sessionOf().session
  for (const session of [
    { ...broken, token: () => Promise.reject(down) },
    { ...broken, renewed: () => Promise.reject(down) },
  ])
    await t.rejects(world([error(401), GOOD], session).validate('subject', signal), {
      code: 'HTTP_UNREACHABLE',
    })
  const validate = createTokenValidation({
    call: scriptKeystone(() => GOOD).call,
    endpoint: () => Promise.reject(down),
  })
  await t.rejects(validate('subject', signal), { code: 'HTTP_UNREACHABLE' })
})

import t from 'tap'
import { FAILURE_TEXTS, FAILURES, failureOf, REFUSALS } from '../../src/authn/verdict.ts'
import { ERROR_CODES } from '../../src/errors.ts'

const BY_CODE: Readonly<Record<string, string>> = {
  HTTP_UNREACHABLE: 'unreachable',
  HTTP_TIMEOUT: 'timeout',
  HTTP_OVERLOADED: 'overloaded',
  HTTP_ANSWER_TOO_LARGE: 'bad_answer',
  KEYSTONE_SERVER_ERROR: 'server_error',
  KEYSTONE_BAD_ANSWER: 'bad_answer',
  KEYSTONE_WRONG_URL: 'wrong_url',
  KEYSTONE_REFUSED_US: 'refused_us',
}

t.test('each error of a call has its failure, and all others are internal', async (t) => {
  for (const code of ERROR_CODES) t.equal(failureOf(code), BY_CODE[code] ?? 'internal', code)
  t.equal(failureOf(undefined), 'internal')
})

t.test('each failure has a text that names its cause', async (t) => {
  const words = {
    unreachable: /reached/,
    timeout: /in time/,
    overloaded: /too many/,
    server_error: /server error/,
    bad_answer: /answer.*understood/,
    wrong_url: /URL.*not Keystone/,
    refused_us: /refuses/,
    internal: /checked/,
  }
  t.same([...FAILURES].sort(), Object.keys(words).sort())
  for (const failure of FAILURES) t.match(FAILURE_TEXTS[failure], words[failure], failure)
  t.equal(new Set(Object.values(FAILURE_TEXTS)).size, FAILURES.length)
})

t.test('refusals and failures are told apart by their names alone', async (t) => {
  t.same(REFUSALS, [
    'misshapen',
    'expired',
    'bad_signature',
    'unknown_to_keystone',
    'wrong_scope',
    'not_allowed',
    'access_rules',
    'reserved_name',
    'audience',
  ])
  t.equal(new Set([...REFUSALS, ...FAILURES]).size, REFUSALS.length + FAILURES.length)
})

import t from 'tap'
import { chooseProject } from '../../src/exec/project-choice.ts'
import type { Place } from '../../src/keystone/places.ts'

const project = (
  name: string,
  domainId = 'one',
  enabled = true,
  id = `id-of-${name}-${domainId}`,
): Place => ({
  kind: 'project',
  id,
  name,
  domainId,
  enabled,
})
const OTHERS: readonly Place[] = [
  { kind: 'system' },
  { kind: 'domain', id: 'one', name: 'web', enabled: true },
  project('old', 'one', false),
]

/** Somebody who types these answers, one to each question. */
function typing(...answers: readonly string[]) {
  const questions: string[] = []
  const prompt = async (question: string) => {
    const answer = answers[questions.push(question) - 1]
    if (answer === undefined) throw new Error('asked once more')
    return answer
  }
  return { questions, prompt }
}

t.test('the only project that is enabled is chosen without a question', async (t) => {
  const { questions, prompt } = typing()
  const only = project('web')
  for (const ask of [prompt, undefined]) t.equal(await chooseProject([...OTHERS, only], ask), only)
  t.same(questions, [])
})

t.test('there is no project among domains, the system and what is disabled', async (t) => {
  t.equal(await chooseProject(OTHERS, typing().prompt), undefined)
  t.equal(await chooseProject([], undefined), undefined)
})

t.test('several projects and nobody to ask are told by their number', async (t) => {
  await t.rejects(
    chooseProject([...OTHERS, project('web'), project('db'), project('web', 'two')], undefined),
    {
      code: 'LOGIN_INCOMPLETE',
      message: /3.*--project/,
    },
  )
})

t.test('somebody at the terminal chooses by number, name or id out of the list', async (t) => {
  const [web, db, other] = [project('web'), project('db'), project('web', 'two')] as const
  for (const [answer, expected] of [
    ['1', web],
    ['2', db],
    [' 3 ', other],
    ['db', db],
    [' db\t', db],
    ['id-of-web-one', web],
    ['id-of-web-two', other],
  ] as const) {
    const { questions, prompt } = typing(answer)
    t.equal(await chooseProject([web, ...OTHERS, db, other], prompt), expected, answer)
    t.same(questions, [
      '1. web (domain one)\n2. db (domain one)\n3. web (domain two)\nProject (number or name)',
    ])
  }
})

t.test('an answer that means none or several is asked for again', async (t) => {
  const [web, db, other] = [project('web'), project('db'), project('web', 'two')] as const
  for (const answer of ['', 'web', '0', '4', '-1', '1.5', 'no', 'old', 'system']) {
    const { questions, prompt } = typing(answer, 'db')
    t.equal(await chooseProject([...OTHERS, web, db, other], prompt), db, answer)
    t.equal(questions.length, 2, answer)
  }
})

t.test('a project whose name is a number is chosen by its name', async (t) => {
  const [two, web] = [project('2'), project('web')] as const
  t.equal(await chooseProject([two, web], typing('2').prompt), two)
  t.equal(await chooseProject([two, web], typing('1').prompt), two)
})

t.test('names of projects cannot steer the terminal', async (t) => {
  const { questions, prompt } = typing('1')
  await chooseProject([project('\x1b[2Jweb'), project('db\n9. x', 'two\r')], prompt)
  t.same(questions, [
    '1. \ufffd[2Jweb (domain one)\n2. db\ufffd9. x (domain two\ufffd)\nProject (number or name)',
  ])
})

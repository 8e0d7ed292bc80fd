import t from 'tap'
import type { Rule } from '../../src/authz/rule.ts'
import { sampleReviews } from '../../src/authz/sample-reviews.ts'
import { readSubject } from '../../src/authz/subject.ts'
import { policyOf, requestOf } from './support/authz-tools.ts'

const ID = 'alpha.kubernetes.io/identity/'

interface Review {
  readonly user: string
  readonly groups: readonly string[]
  readonly extra: Record<string, string[]>
  readonly resourceAttributes?: Record<string, string>
  readonly nonResourceAttributes?: Record<string, string>
}

const reviewsOf = (rules: readonly Rule[]) => [...sampleReviews(rules)] as unknown as Review[]
const samples = (...lines: string[]) => reviewsOf(policyOf(lines.join('\n'), 'csv').rules)

/** Who asks, in one line: the user, other groups than that of everybody, and the identity. */
function who({ user, groups, extra }: Review): string {
  const [everybody, ...others] = groups
  if (everybody !== 'system:authenticated') throw new Error(`the first group is ${everybody}`)
  const identity = Object.entries(extra).map(([key, values]) => `${key.replace(ID, '')}=${values.join('+')}`)
  return [user === 'nobody-in-particular' ? 'nobody' : user, ...others, ...identity].join(' ')
}

/** What is asked, in one line. */
function what({ resourceAttributes: resource, nonResourceAttributes: path }: Review): string {
  if (resource === undefined) return `${path?.verb} ${path?.path}`
  const { verb, namespace, group, name, resource: kind, subresource } = resource
  return `${verb} ${namespace}/${kind}/${subresource} ${group} ${name}`
}

const once = (texts: readonly string[]) => [...new Set(texts)]

t.test('each kind of term makes the caller that it names', async (t) => {
  const table: Record<string, string> = {
    '*': 'nobody',
    keystone: 'nobody',
    'user:alice': 'alice',
    'user:a*': 'ax',
    'group:g1': 'nobody g1',
    'group:g1 & group:g2': 'nobody g1 g2',
    'role:r1 & role:r2': 'nobody roles=r1+r2',
    'role:r*': 'nobody roles=rx',
    'project:p1': 'nobody project/id=p1',
    'project-name:demo': 'nobody project/name=demo',
    'domain:d1': 'nobody user/domain/id=d1',
    'domain-name:Default': 'nobody user/domain/name=Default',
    'project:d1/demo': 'nobody project/domain/id=d1 project/name=demo',
    'project:d1/de*': 'nobody project/domain/id=d1 project/name=dex',
  }
  for (const [subject, caller] of Object.entries(table))
    t.equal(samples(`p2, ${subject}, /a, get, allow`).map(who)[0], caller, subject)
})

t.test(
  'callers are one who fits, then without each term, then with other terms of a clause added',
  async (t) => {
    t.strictSame(
      once(samples('p2, role:r|role:s|role:t|role:v & user:u|group:g*|domain:d, /a, get, allow').map(who)),
      [
        'u roles=r',
        'u',
        'nobody roles=r',
        'u roles=r+s',
        'u roles=r+t',
        'u gx roles=r',
        'u roles=r user/domain/id=d',
      ],
    )
  },
)

t.test('paths are asked with some that fit, some that are close, and one elsewhere', async (t) => {
  t.strictSame(samples('p2, *, /a|/b|/c|/d|/e/*|/f/*|/g/*, get|post|put|head, allow').map(what), [
    ...['/a', '/b', '/c', '/e/x', '/e', '/f/x', '/f', '/else/where'].flatMap((path) =>
      ['get', 'post', 'put', 'sing'].map((verb) => `${verb} ${path}`),
    ),
  ])
  t.strictSame(once(samples('p2, *, !/a|!/b*|!/c, *, allow').map(what)), [
    'any unnamed',
    'sing unnamed',
    'any /a',
    'sing /a',
    'any /b',
    'sing /b',
    'any /else/where',
    'sing /else/where',
  ])
})

t.test('resources are asked as the rule says, then with one thing after the other changed', async (t) => {
  t.strictSame(
    samples('p, *, a|b*, apps|batch, deployments|jobs/status, web, get|list, *, allow').map(what),
    [
      'get a/deployments/ apps web',
      'get a/deployments/ apps web',
      'get a/jobs/status apps web',
      'get a/deployments/exec apps web',
      'get a/deployments/ apps web',
      'get bx/deployments/ apps web',
      // what is before the star, less its last letter
      'get /deployments/ apps web',
      'get /deployments/ apps web',
      'get elsewhere/deployments/ apps web',
      'get a/deployments/ apps web',
      'list a/deployments/ apps web',
      'sing a/deployments/ apps web',
      'get a/deployments/ apps web',
      'get a/deployments/ batch web',
      'get a/deployments/ other.example.org web',
      'get a// apps web',
      'get a/deployments/ apps other',
    ],
  )
})

t.test('a rule for everything is asked about something', async (t) => {
  t.strictSame(once(samples('p, *, *, *, *, *, *, *, allow').map(what)), [
    'any any/pods/ any any',
    'any any/pods/exec any any',
    'any /pods/ any any',
    'any elsewhere/pods/ any any',
    'sing any/pods/ any any',
    'any any/pods/ other.example.org any',
    'any any// any any',
    'any any/pods/ any other',
  ])
})

t.test("the namespace of one's own project is asked for by a name", async (t) => {
  t.equal(samples('p, *, $own|b, -, pods, *, get, *, allow').map(what)[0], 'get own/pods/  any')
  t.equal(samples('p, *, b, -, pods, *, get, *, allow').map(what)[0], 'get b/pods/  any')
})

t.test('resources are cut at their slash; of each kind of item some are asked', async (t) => {
  const kinds = (cell: string) =>
    once(
      samples(`p, *, a, -, ${cell}, *, get, *, allow`).map((review) =>
        what(review).split(/[ /]/).slice(2, 4).join('/'),
      ),
    )
  t.strictSame(kinds('a|b/c|d/e|f|g'), ['a/', 'b/c', 'd/e', 'f/', 'a/exec', '/'])
  t.strictSame(kinds('a*|b*|c*'), ['ax/', 'bx/', 'ax/exec', '/'])
  t.strictSame(kinds('a/*|*/b|c/d*|e/*'), ['a/log', 'pods/b', 'c/d', 'a/exec', '/'])
  t.strictSame(kinds('!a|!b/c|!d'), ['unnamed/', 'a/', 'b/c', 'unnamed/exec', '/'])
  t.strictSame(kinds('a|!b'), ['a/', 'unnamed/', 'b/', 'a/exec', '/'])
})

t.test('every caller asks the first four questions, and the one who fits asks the rest', async (t) => {
  const asked = samples('p2, user:u & role:r, /a|/b, get|post, allow').map(
    (review) => `${who(review)}: ${what(review)}`,
  )
  const first = ['get /a', 'post /a', 'sing /a', 'get /b']
  t.strictSame(asked, [
    ...['u roles=r', 'nobody roles=r', 'u'].flatMap((caller) =>
      first.map((question) => `${caller}: ${question}`),
    ),
    ...['post /b', 'sing /b', 'get /else/where', 'post /else/where', 'sing /else/where'].map(
      (question) => `u roles=r: ${question}`,
    ),
  ])
})

t.test('the first review of a rule fits it', async (t) => {
  const lines = [
    'p, user:u|group:g & role:r, a|b*, apps|batch, deployments/scale|po*, web*, get, *, allow',
    'p, project:d/n & domain:d, $own, !apps, */log, *, !get, *, deny',
    'p, domain-name:Default, !kube-system, -, !secrets|!pods/exec, -, *, *, allow',
    'p, keystone & project:p, *, *, *, *, *, *, allow',
    'p2, project-name:n & group:g*, /a/*|/b, get|post, allow',
    'p2, *, !/a, *, deny',
  ]
  for (const line of lines) {
    const [rule] = policyOf(line, 'csv').rules
    const [review] = samples(line)
    // the project's own namespace is the one that the samples call so
    const request = requestOf({ ...review, extra: { ...review?.extra, [`${ID}project/id`]: ['own'] } })
    const decided = policyOf(line.replace('project:p,', 'project:own,'), 'csv').decide(request)
    t.equal(decided.kind, rule?.effect, line)
  }
})

t.test('of many rules two thousand or some more are asked about, spread over all of them', async (t) => {
  const [rule] = policyOf('p2, user:u, /a, get, allow', 'csv').rules
  const users = (count: number) => {
    const rules = Array.from({ length: count }, (_, number) => ({
      ...(rule as Rule),
      subject: readSubject(`user:u${number}`),
    }))
    return once(reviewsOf(rules).map(who)).filter((name) => name !== 'nobody')
  }
  t.strictSame(users(0), [])
  t.equal(users(3999).length, 3999)
  const half = users(4000)
  t.strictSame([half.length, half[0], half[1], half.at(-1)], [2000, 'u0', 'u2', 'u3998'])
})

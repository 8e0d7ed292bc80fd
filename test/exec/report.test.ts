import t from 'tap'
import { printable, reportText } from '../../src/exec/report.ts'

t.test('names are padded to the longest, each value has a line, and no value is a dash', async (t) => {
  t.equal(
    reportText([
      ['user', ['alice (domain one)', 'bob (domain two)']],
      ['projects', []],
      ['role', ['member', 'reader', 'owner']],
    ]),
    [
      'user      alice (domain one)',
      '          bob (domain two)',
      'projects  -',
      'role      member',
      '          reader',
      '          owner',
      '',
    ].join('\n'),
  )
})

t.test('a line has no blanks at its end', async (t) => {
  t.equal(reportText([['a', ['', 'x  ']]]), 'a\n   x\n')
})

t.test('what a terminal obeys is replaced, all else stays', async (t) => {
  for (const [text, expected] of [
    ['\x1b[2Jhidden', '\ufffd[2Jhidden'],
    ['a\nb\rc\td', 'a\ufffdb\ufffdc\ufffdd'],
    ['\x00\x7f\x9b', '\ufffd\ufffd\ufffd'],
    // the order of letters turned round, a blank of no width
    ['abc\u202efdp\u200b\u2066', 'abc\ufffdfdp\ufffd\ufffd'],
    ['a\u2028b\u2029c', 'a\ufffdb\ufffdc'],
    ['Grüße, 東京 🚀 <&>', 'Grüße, 東京 🚀 <&>'],
  ] as const)
    t.equal(printable(text), expected)
  t.equal(reportText([['role\x1b', ['\x1bx', 'y\ny']]]), 'role\ufffd  \ufffdx\n       y\ufffdy\n')
})

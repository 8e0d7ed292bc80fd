import fc from 'fast-check'
import t from 'tap'
import { goLowerCase, goTrim } from '../../src/authz/go-text.ts'

/** Go's unicode.IsSpace, code point by code point. */
const BLANKS = [
  0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005,
  0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
]

t.test('exactly the white space of Go is trimmed', async (t) => {
  const trimmed: number[] = []
  for (let code = 0; code < 0x10000; code++) if (goTrim(String.fromCharCode(code)) === '') trimmed.push(code)
  t.same(trimmed, BLANKS)
})

t.test('white space is trimmed at both ends, however long, and stays in the middle', async (t) => {
  const blank = fc.array(fc.constantFrom(...BLANKS.map((code) => String.fromCharCode(code))), {
    maxLength: 5,
  })
  fc.assert(
    fc.property(blank, blank, blank, (before, inside, after) => {
      const kept = `a${inside.join('')}b`
      return goTrim(`${before.join('')}${kept}${after.join('')}`) === kept
    }),
    { numRuns: 50 },
  )
  t.equal(goTrim('\u0085\t x \n y \u3000 '), 'x \n y')
  t.equal(goTrim('\ufeff a \u200b'), '\ufeff a \u200b')
  t.equal(goTrim(''), '')
  t.equal(goTrim('pods'), 'pods')
})

t.test('letters become small one at a time, as in Go', async (t) => {
  const table = {
    '': '',
    'PODS-09_/![]*': 'pods-09_/![]*',
    'ÄÖÜ É': 'äöü é',
    // JavaScript gives i and a combining dot, Go one letter
    '\u0130STANBUL': 'istanbul',
    // JavaScript gives a final sigma at the end of a word, Go never
    ΟΔΟΣ: 'οδοσ',
    'ΟΔΟΣ ΑΣ': 'οδοσ ασ',
    STRAßE: 'straße',
    '\u212aUBE': 'kube',
    '\u{10400}x\u{10401}': '\u{10428}x\u{10429}',
    ıſ: 'ıſ',
  }
  for (const [text, small] of Object.entries(table)) t.equal(goLowerCase(text), small, JSON.stringify(text))
})

t.test('a letter never becomes two', async (t) => {
  const grown: number[] = []
  for (let code = 0; code < 0x10000; code++)
    if (goLowerCase(String.fromCharCode(code)).length !== 1) grown.push(code)
  t.same(grown, [])
})

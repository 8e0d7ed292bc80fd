/** White space of Go's strings.TrimSpace: not that of JavaScript (U+0085 yes, U+FEFF no). */
const BLANK = '[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'

const LEADING = new RegExp(`^${BLANK}+`)
// begins at the first of a run of blanks, else a long run in the middle would be looked at from each of them
const TRAILING = new RegExp(`(?<!${BLANK})${BLANK}+$`)
const ASCII = /^[\0-\x7f]*$/

export const goTrim = (text: string) => text.replace(LEADING, '').replace(TRAILING, '')

/** Lower case one code point at a time, as Go's strings.ToLower: no final sigma, and a dotted capital I gives a plain i. */
export const goLowerCase = (text: string) =>
  ASCII.test(text)
    ? text.toLowerCase()
    : Array.from(text, (letter) => (letter === '\u0130' ? 'i' : letter.toLowerCase())).join('')

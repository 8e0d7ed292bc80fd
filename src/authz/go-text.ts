/** White space of Go's strings.TrimSpace: not that of JavaScript (U+0085 yes, U+FEFF no). */
const SPACE = '[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+'

export const goTrim = (text: string) =>
  text.replace(new RegExp(`^${SPACE}`), '').replace(new RegExp(`${SPACE}$`), '')

/** Lower case one code point at a time, as Go's strings.ToLower: no final sigma, and a dotted capital I gives a plain i. */
export const goLowerCase = (text: string) =>
  Array.from(text, (letter) => (letter === '\u0130' ? 'i' : letter.toLowerCase())).join('')

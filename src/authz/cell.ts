/** Signs with a meaning of their own are escaped with a backslash: in CSV, in lists, in terms. */
const SPECIAL = /[\\|&,*!$#"]/g
/** White space that would be trimmed, or that would end the line. */
const SPACE = /^\s|\s$|[^\S ]/g
/** Texts that nothing above can stand in: nearly all, and there are many. */
const PLAIN = /^[\w.:@/-]+$/

/** Splits at each unescaped `sign`; what is between keeps its escapes and loses white space around it. */
export function splitCell(cell: string, sign: string): string[] {
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < cell.length; at++) {
    if (cell[at] === '\\') at += 1
    else if (cell[at] === sign) {
      parts.push(cell.slice(start, at).trim())
      start = at + 1
    }
  }
  parts.push(cell.slice(start).trim())
  return parts
}

/** A text as it stands in a cell; `also` is one more sign to escape. */
export function escapeCell(text: string, also = ''): string {
  if (text === '') return '-'
  if (text === '-') return '\\-'
  const escaped = PLAIN.test(text) ? text : text.replace(SPECIAL, '\\$&').replace(SPACE, unicodeEscape)
  return also === '' ? escaped : escaped.replaceAll(also, `\\${also}`)
}

const unicodeEscape = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`

/** The text that a cell stands for; `-` alone is the empty text. Throws an Error that says what is wrong. */
export function unescapeCell(cell: string): string {
  if (cell === '-') return ''
  if (cell === '') throw new Error("expected a text, got none ('-' stands for the empty text)")
  return cell.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))|\\$/g, (all, code: string, sign: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
    if (sign === undefined || /[a-zA-Z0-9]/.test(sign)) throw new Error(`${all} is no escape`)
    return sign
  })
}

/** Whether a sign stands in a cell without a backslash before it. */
export const hasUnescaped = (cell: string, sign: string) => splitCell(cell, sign).length > 1

export interface Wildcard {
  readonly text: string
  /** The text ended in `*`: it stands for everything that begins with what is before it. */
  readonly prefix: boolean
}

/** A text or, with `*` at its end, a prefix. Throws an Error for a star elsewhere. */
export function readWildcard(cell: string): Wildcard {
  if (!hasUnescaped(cell, '*')) return { text: unescapeCell(cell), prefix: false }
  const before = cell.slice(0, -1)
  // a star that is not the last character is still in there; '-*' would be a prefix of the empty text: everything
  if (hasUnescaped(before, '*') || before === '-') throw new Error(`${cell}: '*' stands alone or at the end`)
  return { text: before === '' ? '' : unescapeCell(before), prefix: true }
}

export const fitsWildcard = (wildcard: Wildcard, value: string) =>
  wildcard.prefix ? value.startsWith(wildcard.text) : value === wildcard.text

export const writeWildcard = ({ text, prefix }: Wildcard, also = '') =>
  prefix ? `${text === '' ? '' : escapeCell(text, also)}*` : escapeCell(text, also)

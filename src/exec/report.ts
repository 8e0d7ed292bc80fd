/** Rows of a name and what belongs to it, one below the other; names of Keystone cannot steer the terminal. */
export function reportText(rows: readonly (readonly [name: string, values: readonly string[]])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  const lines = rows.flatMap(([name, values]) =>
    (values.length > 0 ? values : ['-']).map(
      (value, index) => (index === 0 ? name : '').padEnd(width) + value,
    ),
  )
  return `${lines.map((line) => printable(line.trimEnd())).join('\n')}\n`
}

/** Without the signs that a terminal obeys. */
export const printable = (text: string) => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')

/** Something wrong in the text of a policy. Lines and columns count from 1. */
export interface PolicyFault {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Thrown inside the readers of policy texts, always caught by them: what they give is data. */
export class PolicyTextError extends Error {
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

/** The fault at an offset of a text. */
export function faultAt(text: string, at: number, message: string): PolicyFault {
  const before = text.slice(0, at)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: at - lineStart + 1, message }
}

export const faultText = ({ line, column, message }: PolicyFault) =>
  `line ${line}, column ${column}: ${message}`

/** Gives the line of offsets that only grow, without counting from the beginning each time. */
export function lineCounter(text: string): (at: number) => number {
  let line = 1
  let next = text.indexOf('\n')
  return (at) => {
    while (next !== -1 && next < at) {
      line += 1
      next = text.indexOf('\n', next + 1)
    }
    return line
  }
}

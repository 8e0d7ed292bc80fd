import { closeSync, openSync, writeSync } from 'node:fs'
import type { ReadStream } from 'node:tty'
import { PortcullisError } from '../errors.ts'

/** Asks a person one question. Throws PROMPT_CANCELLED when there is no answer (Ctrl-C, Ctrl-D, a signal). */
export type Prompt = (question: string, options?: { hidden?: boolean }) => Promise<string>

export interface Terminal {
  /** stdin. */
  readonly input: NodeJS.ReadableStream
  /** Writes to stderr, for where there is no /dev/tty. */
  readonly complain: (text: string) => void
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>
}

/** No answer is longer: a token in a JWS at most. */
const MAX_ANSWER = 8192

/**
 * Questions on the terminal; undefined when stdin is none. They never go to stdout (kubectl reads that) and reach
 * the terminal even when stderr leads to a file. A hidden answer is not echoed; the terminal is as before once it is
 * given, cancelled or ended by a signal.
 */
export function createPrompt({ input, complain, stopped }: Terminal): Prompt | undefined {
  if (!isTerminal(input)) return undefined
  return async (question, { hidden = false } = {}) => {
    // before the question stands there: what is typed at once must not be echoed either
    if (hidden) input.setRawMode(true)
    let line = '\n'
    try {
      write(`${question}: `, complain)
      const answer = await readAnswer(input, hidden, stopped)
      if (!hidden) line = ''
      return answer
    } finally {
      if (hidden) input.setRawMode(false)
      write(line, complain)
    }
  }
}

const isTerminal = (input: NodeJS.ReadableStream): input is ReadStream => (input as ReadStream).isTTY === true

function write(text: string, complain: (text: string) => void): void {
  try {
    const terminal = openSync('/dev/tty', 'w')
    writeSync(terminal, text)
    closeSync(terminal)
  } catch {
    complain(text)
  }
}

/** One line. In raw mode the keys that the terminal would have handled arrive as signs of the text. */
function readAnswer(input: ReadStream, hidden: boolean, stopped: Promise<void>): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const end = (settle: () => void) => {
      input.pause()
      input.off('data', onData).off('end', cancel)
      settle()
    }
    const cancel = () => end(() => reject(cancelled()))
    const onData = (chunk: string) => {
      for (const [index, sign] of [...chunk].entries()) {
        if (sign === '\r' || sign === '\n') {
          const rest = [...chunk].slice(index + 1).join('')
          return end(() => {
            // once nobody listens: a stream that flows would hand it over at once, as a part of this answer
            if (rest !== '') input.unshift(rest, 'utf8')
            resolve(answer)
          })
        }
        if (hidden && (sign === CTRL_C || (sign === CTRL_D && answer === ''))) return cancel()
        answer = hidden ? edited(answer, sign) : answer + sign
      }
      if (answer.length > MAX_ANSWER) cancel()
    }
    input.setEncoding('utf8').on('data', onData).on('end', cancel)
    input.resume()
    void stopped.then(cancel)
  })
}

const [CTRL_C, CTRL_D, BACKSPACE, CTRL_U, DELETE] = ['\x03', '\x04', '\b', '\x15', '\x7f']

function edited(answer: string, sign: string): string {
  if (sign === BACKSPACE || sign === DELETE) return [...answer].slice(0, -1).join('')
  if (sign === CTRL_U) return ''
  return sign < ' ' ? answer : answer + sign
}

const cancelled = () => new PortcullisError('PROMPT_CANCELLED', 'the question was not answered')

import { createLog } from '../../src/log.ts'

/** A log whose lines a test reads: level, message and fields, without the time. */
export function recordLog() {
  const lines: Record<string, unknown>[] = []
  const write = (text: string) => {
    const { time, ...line } = JSON.parse(text)
    lines.push(line)
  }
  return { log: createLog({ level: 'trace', destination: { write } }), lines }
}

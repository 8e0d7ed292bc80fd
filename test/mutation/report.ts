import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { ROOMS, sourcesOf } from './rooms.ts'

/** Mutants of one source file that some test noticed, and all of them. */
export interface Score {
  readonly noticed: number
  readonly all: number
}

export const REPORT = 'docs/testing.md'
export const ROOM_THRESHOLD = 85
export const FILE_THRESHOLD = 75

export const percentage = ({ noticed, all }: Score): number => (all === 0 ? 100 : (100 * noticed) / all)

/** Scores by source file, as the committed report gives them. */
export function readReport(): Map<string, Score> {
  const text = existsSync(REPORT) ? readFileSync(REPORT, 'utf8') : ''
  const rows = text.matchAll(/^\| `(src\/\S+)` \| (\d+) \| (\d+) \|/gm)
  return new Map(
    [...rows].map(([, file, noticed, all]) => [
      file as string,
      { noticed: Number(noticed), all: Number(all) },
    ]),
  )
}

/** The scores of a room's files together. */
export function roomScore(room: string, scores: ReadonlyMap<string, Score>): Score {
  const files = sourcesOf(room).map((file) => scores.get(file) ?? { noticed: 0, all: 0 })
  return {
    noticed: files.reduce((sum, { noticed }) => sum + noticed, 0),
    all: files.reduce((sum, { all }) => sum + all, 0),
  }
}

/** What misses its threshold, a sentence each. */
export function faults(scores: ReadonlyMap<string, Score>): string[] {
  const low = (name: string, score: Score, threshold: number) =>
    percentage(score) < threshold
      ? [`${name}: ${percentage(score).toFixed(1)} %, at least ${threshold} % wanted`]
      : []
  return Object.keys(ROOMS).flatMap((room) => {
    const files = sourcesOf(room).filter((file) => scores.has(file))
    // a room of which only some files were run is not judged
    const whole = files.length === sourcesOf(room).length
    return [
      ...(whole ? low(room, roomScore(room, scores), ROOM_THRESHOLD) : []),
      ...files.flatMap((file) => low(file, scores.get(file) as Score, FILE_THRESHOLD)),
    ]
  })
}

/** Replaces the table and its date; the words around them stay. */
export function writeReport(scores: ReadonlyMap<string, Score>, date: string): void {
  const text = readFileSync(REPORT, 'utf8')
  const [before] = text.split('<!-- scores -->')
  const row = (name: string, score: Score) =>
    `| ${name} | ${score.noticed} | ${score.all} | ${percentage(score).toFixed(1)} % |`
  const rows = Object.keys(ROOMS).flatMap((room) => [
    row(`**${room}**`, roomScore(room, scores)),
    ...sourcesOf(room).flatMap((file) => {
      const score = scores.get(file)
      return score === undefined ? [] : [row(`\`${file}\``, score)]
    }),
  ])
  const table = ['| room, file | noticed | mutants | |', '| --- | ---: | ---: | ---: |', ...rows].join('\n')
  writeFileSync(REPORT, `${before}<!-- scores -->\nMeasured on ${date}.\n\n${table}\n`)
}

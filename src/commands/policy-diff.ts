import { sampleReviews } from '../authz/sample-reviews.ts'
import { fileOption } from '../config/option.ts'
import { configInvalid, readOptions } from '../config/read-options.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { compileFiles, NAMESPACE_FORMAT, readReview, STRICT } from './policy-input.ts'
import type { Command } from './world.ts'

export const DIFF_OPTIONS = {
  reviews: fileOption(
    'Reviews as JSON lines, such as --record-reviews writes; none: made up from the rules.',
  ),
  'policy-strict': STRICT,
  'namespace-format': NAMESPACE_FORMAT,
}

/** Prints a line for each review that the two policies decide differently; exit code 1 if there is any. */
export const policyDiff: Command = async (argv, world) => {
  const { values, operands } = readOptions(DIFF_OPTIONS, { argv, env: {} })
  const [oldPath, newPath] = operands
  if (oldPath === undefined || newPath === undefined || operands.length > 2)
    throw configInvalid([{ from: 'argument', message: 'expected two policies: OLD NEW' }])
  const before = await compileFiles([oldPath], values.policyStrict)
  const after = await compileFiles([newPath], values.policyStrict)
  const reviews = values.reviews === undefined ? undefined : recorded(values.reviews)
  let [asked, changed] = [0, 0]
  for (const review of reviews ?? sampleReviews([...before.rules, ...after.rules])) {
    const request = readReview(review, values.namespaceFormat)
    if (typeof request === 'string') continue
    asked += 1
    const [old, now] = [before.decide(request).kind, after.decide(request).kind]
    if (old === now) continue
    changed += 1
    world.print(`${JSON.stringify({ old, new: now, review })}\n`)
  }
  world.complain(`${changed} of ${asked} reviews change\n`)
  return changed === 0 ? 0 : 1
}

function recorded(path: string): readonly unknown[] {
  const lines = readConfigFile(path).split('\n')
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return []
    try {
      return [JSON.parse(line) as unknown]
    } catch {
      throw configInvalid([{ from: `file ${path}, line ${index + 1}`, message: 'expected a JSON object' }])
    }
  })
}

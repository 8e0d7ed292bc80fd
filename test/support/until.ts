import { setTimeout as sleep } from 'node:timers/promises'

/** Looks again and again until it is so; throws when that takes longer than `ms`. */
export async function until(what: string, so: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await so())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await sleep(20)
  }
}

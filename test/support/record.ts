import type { Test } from 'tap'

/** The arguments of all calls of a method from now to the end of the test; the method does what it did. */
export function record<K extends string>(
  t: Pick<Test, 'teardown'>,
  owner: Record<K, (...args: never[]) => unknown>,
  name: K,
): readonly unknown[][] {
  const calls: unknown[][] = []
  const original = owner[name]
  owner[name] = function recorded(this: unknown, ...args: unknown[]) {
    calls.push(args)
    return original.apply(this, args as never[])
  }
  t.teardown(() => {
    owner[name] = original
  })
  return calls
}

import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'

/** A bounded map whose entries end by themselves; the least recently used one makes room. */
export interface TtlCache<V extends object> {
  get(key: string): V | undefined
  /** Keeps the value for `ttlMs` milliseconds; a lifetime of 0 or less keeps nothing. */
  set(key: string, value: V, ttlMs: number): void
  delete(key: string): void
  clear(): void
  readonly size: number
}

export function createTtlCache<V extends object>(options: {
  max: number
  clock: Clock
  /** Called for each entry that had to make room (not for ends of life). */
  evicted?: () => void
}): TtlCache<V> {
  const entries = new LRUCache<string, V>({
    // a bound by size that counts each entry as 1: with `max` it makes room for all of them at once, 20 ms in the first answer
    maxSize: options.max,
    sizeCalculation: () => 1,
    ttl: 1,
    ttlResolution: 0,
    perf: { now: () => options.clock.monotonic() },
    dispose: (_value, _key, reason) => {
      if (reason === 'evict') options.evicted?.()
    },
  })
  return {
    get: (key) => entries.get(key),
    set(key, value, ttlMs) {
      if (ttlMs > 0) entries.set(key, value, { ttl: ttlMs })
    },
    delete: (key) => void entries.delete(key),
    clear: () => entries.clear(),
    get size() {
      return entries.size
    },
  }
}

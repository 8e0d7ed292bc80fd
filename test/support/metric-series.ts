import type { MetricsRegistry } from '../../src/metrics/registry.ts'

/** The series whose names begin so, without `portcullis_`, with their values; buckets left out. */
export async function seriesOf(registry: MetricsRegistry, prefix: string): Promise<Record<string, number>> {
  const lines = (await registry.text()).split('\n')
  const own = lines.filter((line) => line.startsWith(`portcullis_${prefix}`) && !line.includes('_bucket{'))
  return Object.fromEntries(
    own.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice('portcullis_'.length, end), Number(line.slice(end + 1).replace('Nan', 'NaN'))]
    }),
  )
}

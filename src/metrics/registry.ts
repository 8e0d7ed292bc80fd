import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry as PromRegistry,
} from 'prom-client'

/** Label names with every value they may take: a metric never grows with what comes over a wire. */
export type Labels = Readonly<Record<string, readonly string[]>>
type LabelValues<L extends Labels> = { readonly [K in keyof L]: L[K][number] }

export interface Counter<L extends Labels> {
  add(labels: LabelValues<L>, by?: number): void
}

export interface Histogram<L extends Labels> {
  observe(labels: LabelValues<L>, seconds: number): void
}

export interface MetricsRegistry {
  counter<const L extends Labels>(name: string, help: string, labels: L): Counter<L>
  /** Durations in seconds, buckets from 100 microseconds to 10 seconds. */
  histogram<const L extends Labels>(name: string, help: string, labels: L): Histogram<L>
  /** A value that is read when somebody scrapes; one series without labels. */
  gauge(name: string, help: string, read: () => number): void
  /** As `gauge`, a series for each label value: `read` gives value by label value (a bounded set). */
  gaugeBy(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void
  /** The Prometheus text exposition. */
  text(): Promise<string>
  readonly contentType: string
  /** Names of all metrics of our own, for the documentation test. */
  names(): readonly string[]
}

const BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

function combinations(labels: Labels): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  )
}

const seriesKey = (labels: Readonly<Record<string, string>>, names: readonly string[]) =>
  names.length === 1 ? (labels[names[0] as string] as string) : names.map((name) => labels[name]).join('\n')

/** The metrics of one process; every name is prefixed `portcullis_`. */
export function createMetricsRegistry(): MetricsRegistry {
  const registry = new PromRegistry()
  collectDefaultMetrics({ register: registry })
  const names: string[] = []
  const full = (name: string) => {
    names.push(`portcullis_${name}`)
    return `portcullis_${name}`
  }
  return {
    counter(name, help, labels) {
      const labelNames = Object.keys(labels)
      // counted in plain numbers, handed over when somebody scrapes: this stands in the way of every review
      const series = new Map<string, { pending: number; child: { inc(by: number): void } }>()
      const metric = new PromCounter({
        name: full(name),
        help,
        labelNames,
        registers: [registry],
        collect() {
          for (const one of series.values()) {
            one.child.inc(one.pending)
            one.pending = 0
          }
        },
      })
      for (const row of combinations(labels))
        series.set(seriesKey(row, labelNames), { pending: 0, child: metric.labels(row) })
      return {
        add(values, by = 1) {
          const one = series.get(seriesKey(values, labelNames))
          if (one !== undefined) one.pending += by
        },
      }
    },
    histogram(name, help, labels) {
      const labelNames = Object.keys(labels)
      const metric = new PromHistogram({
        name: full(name),
        help,
        labelNames,
        buckets: BUCKETS,
        registers: [registry],
      })
      const series = new Map(
        combinations(labels).map((row) => [seriesKey(row, labelNames), metric.labels(row)] as const),
      )
      return { observe: (values, seconds) => series.get(seriesKey(values, labelNames))?.observe(seconds) }
    },
    gauge(name, help, read) {
      const metric: PromGauge = new PromGauge({
        name: full(name),
        help,
        registers: [registry],
        collect: () => metric.set(read()),
      })
    },
    gaugeBy(name, help, label, read) {
      const metric: PromGauge = new PromGauge({
        name: full(name),
        help,
        labelNames: [label],
        registers: [registry],
        collect: () => {
          metric.reset()
          for (const [value, number] of read()) metric.set({ [label]: value }, number)
        },
      })
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    names: () => names,
  }
}

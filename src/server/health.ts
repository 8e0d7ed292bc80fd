/** Something that /livez, /readyz and /healthz tell about. */
export interface HealthCheck {
  readonly name: string
  /** Which of the endpoints turn red by it; none: it is shown, as a warning. */
  readonly reddens: readonly ('livez' | 'readyz' | 'healthz')[]
  /** What is wrong, in a few words without secrets; undefined when all is well. */
  readonly fault: () => string | undefined
}

export interface HealthReport {
  readonly ok: boolean
  readonly text: string
}

/** The answer of an endpoint in the apiserver's form (contracts E.1). */
export function healthReport(
  endpoint: 'livez' | 'readyz' | 'healthz',
  checks: readonly HealthCheck[],
  options: { verbose: boolean; exclude: readonly string[] },
): HealthReport {
  const rows = checks
    .filter((check) => !options.exclude.includes(check.name))
    .map((check) => ({ check, fault: check.fault(), red: check.reddens.includes(endpoint) }))
  const ok = rows.every((row) => row.fault === undefined || !row.red)
  if (ok && !options.verbose) return { ok, text: 'ok' }
  const lines = rows.map(({ check, fault, red }) =>
    fault === undefined
      ? `[+]${check.name} ok`
      : `[${red ? '-' : '!'}]${check.name} ${red ? 'failed' : 'warning'}: ${fault}`,
  )
  return { ok, text: `${lines.join('\n')}\n${endpoint} check ${ok ? 'passed' : 'failed'}\n` }
}

/** Every token and password that the tests of this process use. */
const used = new Set<string>()

/** Remembers a secret; gives it back. */
export function secret(text: string): string {
  if (text.length >= 8) used.add(text)
  return text
}

/** A secret that stands in the text, if there is one: every program's whole output is searched at its end. */
export function secretIn(text: string): string | undefined {
  return [...used].find((candidate) => text.includes(candidate))
}

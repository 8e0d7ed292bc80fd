import { extname } from 'node:path'
import type { PolicySource } from './policy-source.ts'
import { POLICY_FORMATS, type PolicyDocument } from './policy-text.ts'

/** The texts of ConfigMaps, by name and key, as somebody else keeps them. */
export interface ConfigMapPolicies {
  /** Undefined while nothing is known of them. */
  current(): ReadonlyMap<string, Readonly<Record<string, string>>> | undefined
  watch(changed: () => unknown): () => void
}

/** The key of k8s-keystone-auth's policy in its ConfigMap. */
const KEY = 'policies'

/**
 * The policy of k8s-keystone-auth in a ConfigMap of this name. While it is not known, or when it is deleted, it holds
 * nothing, which allows nothing; without its key it is faulty.
 */
export function configMapPolicySource(name: string, maps: ConfigMapPolicies): PolicySource {
  return {
    name,
    lenient: true,
    documents() {
      const texts = maps.current()?.get(name)
      if (texts === undefined) return []
      return [
        document(name, KEY, 'cpo', () => {
          if (texts[KEY] === undefined) throw new Error(`the ConfigMap has no key ${KEY}`)
          return texts[KEY]
        }),
      ]
    },
    watch: (changed) => maps.watch(changed),
  }
}

/** All policies of all ConfigMaps: keys that end as a policy's file does, and the key of k8s-keystone-auth. */
export function selectedPolicySource(selector: string, maps: ConfigMapPolicies): PolicySource {
  const documents = (name: string, texts: Readonly<Record<string, string>>) =>
    Object.keys(texts)
      .sort()
      .flatMap((key) => {
        const format = formatOf(key)
        return format === undefined ? [] : [document(name, key, format, () => texts[key] as string)]
      })
  return {
    name: selector,
    lenient: true,
    documents: () =>
      [...(maps.current() ?? [])]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, texts]) => documents(name, texts)),
    watch: (changed) => maps.watch(changed),
  }
}

function document(
  configMap: string,
  key: string,
  format: PolicyDocument['format'],
  text: () => string,
): PolicyDocument {
  return { name: `${configMap}/${key}`, format, rest: 'forbidden', text }
}

function formatOf(key: string): PolicyDocument['format'] | undefined {
  const ending = extname(key)
  if (Object.hasOwn(POLICY_FORMATS, ending)) return POLICY_FORMATS[ending as keyof typeof POLICY_FORMATS]
  return key === KEY ? 'cpo' : undefined
}

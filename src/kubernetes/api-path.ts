import type { Resource } from './object.ts'

/**
 * The path of a resource, or of one object of it. Undefined if a name is none that the API takes as a part of a path
 * (apimachinery, `IsValidPathSegmentName`): such a name must not lead anywhere else.
 */
export function apiPath(
  { apiVersion, plural }: Resource,
  { namespace, name }: { readonly namespace?: string | undefined; readonly name?: string | undefined },
  query: Readonly<Record<string, string | undefined>> = {},
): string | undefined {
  if (![namespace, name].every((segment) => segment === undefined || isSegment(segment))) return undefined
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  const leaf = name === undefined ? '' : `/${encodeURIComponent(name)}`
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`
  return `${root}${within}/${plural}${leaf}${search}`
}

const isSegment = (text: string) => text !== '' && text !== '.' && text !== '..' && !/[/%]/.test(text)

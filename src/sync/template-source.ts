import { errorText, PortcullisError } from '../errors.ts'
import { listConfigFiles, readConfigFile } from '../files/watched-file.ts'
import { isRecord } from '../json.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { CONFIG_MAPS } from '../kubernetes/object.ts'
import { readTemplate, type Template, type TemplateObject } from './template.ts'
import { templatedObject } from './template-steps.ts'

/** Reads the template as it is now. Throws FILE_UNREADABLE or TEMPLATE_INVALID: a template that is gone is not an empty one. */
export type TemplateSource = () => Promise<Template>

const ENDINGS = ['.yaml', '.yml', '.json']

export function directoryTemplate(path: string): TemplateSource {
  return async () => {
    const files = listConfigFiles(path, ENDINGS).map((name) => ({ name, text: readConfigFile(name) }))
    if (files.length === 0) throw invalid(`${path}: there is no .yaml, .yml or .json file in it`)
    return readFrom(files)
  }
}

/** Each key of the ConfigMap is a file. */
export function configMapTemplate(
  client: KubernetesClient,
  configMap: { readonly name: string; readonly namespace: string },
): TemplateSource {
  return async () => {
    const found = await client.get(CONFIG_MAPS, configMap)
    const where = `ConfigMap ${configMap.namespace}/${configMap.name}`
    if (typeof found === 'string') throw invalid(`${where}: the Kubernetes API says ${found}`)
    const data = isRecord(found.data) ? Object.entries(found.data) : []
    if (data.length === 0) throw invalid(`${where}: it holds no data`)
    return readFrom(data.map(([key, text]) => ({ name: `${where}, key ${key}`, text: String(text) })))
  }
}

function readFrom(files: readonly { name: string; text: string }[]): Template {
  try {
    return readTemplate(files)
  } catch (error) {
    throw invalid(errorText(error))
  }
}

/**
 * Spells a template as the API server does (defaults filled in, quantities in their short form), so that comparing it
 * with what is stored finds true differences only. The server is asked by a dry run, once for each new template.
 */
export function canonicalTemplates(
  source: TemplateSource,
  { client, namespace }: { client: KubernetesClient; namespace: string },
): TemplateSource {
  let known: { readonly text: string; readonly template: Template } | undefined

  async function canonical(object: TemplateObject): Promise<TemplateObject> {
    const { kind, name } = object
    // a name of its own: the namespace may have the real one
    const trial = templatedObject(namespace, {
      ...object,
      name: `portcullis-dry-run-${kind.resource.plural}`,
    })
    const answer = await client.create(kind.resource, trial, { dryRun: true })
    if (typeof answer === 'string')
      throw invalid(`${kind.resource.kind} ${name}: the Kubernetes API says ${answer}`)
    return { ...object, content: answer[kind.field] }
  }

  return async () => {
    const template = await source()
    const text = JSON.stringify(template)
    if (known?.text !== text)
      known = { text, template: { ...template, objects: await Promise.all(template.objects.map(canonical)) } }
    return known.template
  }
}

const invalid = (message: string) => new PortcullisError('TEMPLATE_INVALID', message)

import t from 'tap'
import { errorText } from '../../src/errors.ts'
import { directoryTemplate } from '../../src/sync/template-source.ts'
import { folderTemplate, POLICY } from '../support/folder-template.ts'

t.test('a template holds nothing but what it may', async (t) => {
  const { folder, write } = folderTemplate(t)
  const read = directoryTemplate(folder)
  for (const [text, fault] of [
    ['kind: [', /a\.yaml: /],
    ['- a', /expected a Kubernetes object/],
    ['apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n', /expected Namespace or ResourceQuota \(v1\)/],
    ['apiVersion: v1\nkind: Namespace\nspec: {}\n', /only labels and annotations/],
    [
      'apiVersion: v1\nkind: Namespace\nmetadata: {labels: {portcullis.dev/project-state: x}}\n',
      /is not for templates/,
    ],
    [
      'apiVersion: v1\nkind: Namespace\nmetadata: {labels: {app.kubernetes.io/managed-by: x}}\n',
      /is not for templates/,
    ],
    ['apiVersion: v1\nkind: ResourceQuota\nspec: {}\n', /expected a name/],
    [
      'apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: x, namespace: y}\nspec: {}\n',
      /name and labels only/,
    ],
    [`${POLICY}---\n${POLICY}`, /NetworkPolicy closed is there already/],
    ['', /well/],
  ] as const) {
    write(text)
    t.match(await read().then(() => 'well', errorText), fault)
  }
  await t.rejects(directoryTemplate('/nonexistent')(), { code: 'FILE_UNREADABLE' })
})

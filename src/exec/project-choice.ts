import { PortcullisError } from '../errors.ts'
import type { Place } from '../keystone/places.ts'
import type { Prompt } from './prompt.ts'
import { printable } from './report.ts'

type Project = Extract<Place, { kind: 'project' }>

/**
 * The project to log in to: the only one, or the one that somebody at the terminal names; undefined when there is
 * none. Throws LOGIN_INCOMPLETE when there are several and nobody to ask.
 */
export async function chooseProject(
  places: readonly Place[],
  prompt: Prompt | undefined,
): Promise<Project | undefined> {
  const projects = places.filter((place): place is Project => place.kind === 'project' && place.enabled)
  if (projects.length < 2) return projects[0]
  if (prompt === undefined)
    throw new PortcullisError(
      'LOGIN_INCOMPLETE',
      `project is missing: this user has roles on ${projects.length} of them, choose one with --project`,
    )
  const list = projects.map(({ name, domainId }, index) => `${index + 1}. ${name} (domain ${domainId})`)
  const question = `${list.map(printable).join('\n')}\nProject (number or name)`
  for (;;) {
    const answer = (await prompt(question)).trim()
    const fits = projects.filter(({ name, id }) => name === answer || id === answer)
    const chosen = fits.length === 1 ? fits[0] : projects[Number(answer) - 1]
    if (chosen !== undefined) return chosen
  }
}

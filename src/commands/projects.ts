import { clientOptions, HELP_FLAGS } from '../config/client-options.ts'
import { helpText } from '../config/help.ts'
import { printable } from '../exec/report.ts'
import { listPlaces, type Place } from '../keystone/places.ts'
import { openClientSession } from './client-session.ts'
import type { Command } from './world.ts'

const ABOUT =
  'Lists where the user of the current context can get a token for; portcullis login --project NAME goes there.'

/** `portcullis projects` */
export const projects: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText(`${world.program} projects [flags]`, ABOUT, clientOptions, HELP_FLAGS))
    return 0
  }
  world.print(placesText(await openClientSession(clientOptions, argv, world).consult(listPlaces)))
  return 0
}

/** A table; ids make plain what names alone do not. */
function placesText(places: readonly Place[]): string {
  if (places.length === 0) return 'nowhere: this user has no role on any project, domain or the system\n'
  const rows = [['WHAT', 'NAME', 'ID', 'DOMAIN'], ...places.map(columns)]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)) + 2)
  const lines = rows.map((row) =>
    printable(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('')).trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

function columns(place: Place): readonly string[] {
  if (place.kind === 'system') return ['system', 'all']
  const what = place.enabled ? place.kind : `${place.kind}, disabled`
  return [what, place.name, place.id, place.kind === 'project' ? place.domainId : '']
}

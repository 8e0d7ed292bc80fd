import { homedir } from 'node:os'

/** The user's home; `/` for a user that the system does not know, as a container's may be. */
export function homeFolder(): string {
  try {
    return homedir()
  } catch {
    return '/'
  }
}

import type { SettingName } from '../config/login-options.ts'
import type { Ask } from './complete-login.ts'
import { createPrompt, type Terminal } from './prompt.ts'

const QUESTIONS: Readonly<Partial<Record<SettingName, string>>> = {
  auth_url: 'URL of Keystone',
  username: 'User name',
  user_domain_name: 'Domain of the user (empty: Default)',
  project_name: 'Project (empty: none)',
  password: 'Password',
  passcode: 'One-time passcode',
  token: 'Token',
  application_credential_id: 'Id of the application credential',
  application_credential_secret: 'Secret of the application credential',
}

/** Asks for the values of a log-in; undefined when stdin is no terminal. What must not be empty is asked for again. */
export function createAsk(terminal: Terminal): Ask | undefined {
  const prompt = createPrompt(terminal)
  if (prompt === undefined) return undefined
  return async ({ name, secret, optional }) => {
    for (;;) {
      const answer = await prompt(QUESTIONS[name] ?? name, { hidden: secret })
      const text = secret ? answer : answer.trim()
      if (text !== '' || optional) return text
    }
  }
}

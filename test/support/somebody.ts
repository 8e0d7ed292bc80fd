import type { SettingName } from '../../src/config/login-options.ts'
import type { Ask } from '../../src/exec/complete-login.ts'

/** Somebody who gives these answers by name; the questions are recorded. */
export function somebody(answers: Partial<Record<SettingName, string>>) {
  const questions: Parameters<Ask>[0][] = []
  const ask: Ask = async (question) => {
    questions.push(question)
    return answers[question.name] ?? ''
  }
  return { questions, open: async () => ask }
}

import t from 'tap'
import { kmsCases } from '../support/kms-cases.ts'
import { simulatedOpenStack } from '../support/kms-program.ts'

t.jobs = 4
const { admin, barbican } = await simulatedOpenStack(t)
kmsCases(t, admin, barbican.url)

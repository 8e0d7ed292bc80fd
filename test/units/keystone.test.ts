import { importUnitTests } from '../support/unit-tests.ts'

await importUnitTests('keystone')

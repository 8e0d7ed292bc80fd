import t from 'tap'
import { concurrencyCases } from '../support/concurrency-cases.ts'
import { realKeystone } from '../support/real-keystone.ts'

concurrencyCases(t, await realKeystone('fernet').admin())

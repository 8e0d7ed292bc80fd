import { globSync } from 'node:fs'
import path from 'node:path'
import { unitTests } from './support/unit-tests.ts'

/** Prints the files that `npm test` gives to tap: a file for the unit tests of a folder, and the other tests. */
const APART = /^test\/(openstack|apiserver|load|units)\//
const groups = globSync('test/units/*.test.ts').sort()
const grouped = new Set(unitTests(groups.map((file) => path.basename(file, '.test.ts'))))
const others = globSync('test/**/*.test.ts').filter((file) => !APART.test(file) && !grouped.has(file))
console.log([...others.sort(), ...groups].join('\n'))

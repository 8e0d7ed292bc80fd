#!/bin/sh
# npm test: format, lint, types, build, and the tests that need only Node. Arguments go to tap; names of
# test files run these alone.
set -e
biome check
tsc -p .
npm run -s build
case " $* " in *.test.ts\ *) ;; *) set -- "$@" $(node test/all-tests.ts) ;; esac
PORTCULLIS_BUILT=1 exec tap run "$@"

#!/bin/sh
# npm test: format, lint, types, build, and the tests that need only Node. Arguments go to tap.
set -e
biome check
tsc -p .
npm run -s build
PORTCULLIS_BUILT=1 exec tap run "$@"

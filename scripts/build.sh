#!/bin/sh
# Builds the JavaScript that the package and the image hold into DIR, which is emptied first.
set -eu
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
rm -rf "$1" && mkdir -p "$1" && out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
node_modules/.bin/esbuild src/main.ts --bundle --splitting --platform=node --format=esm --target=node24 --outdir="$out" \
  --log-level=warning --legal-comments=eof \
  "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
cp src/kms/*.proto "$out/"

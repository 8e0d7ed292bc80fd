#!/bin/sh
# Brings a bare clone to the point where the npm scripts work: the packages of the lock file (Node 24 among
# them) and tap's plugin list. Does nothing when that is so already.
set -e
cd "$(dirname "$0")/.."
stamp=node_modules/.portcullis-setup
if [ ! -e "$stamp" ] || [ package-lock.json -nt "$stamp" ] || [ .taprc -nt "$stamp" ]; then
  npm ci --no-audit --no-fund
  PATH="$PWD/node_modules/.bin:$PATH" tap build >/dev/null
  touch "$stamp"
fi

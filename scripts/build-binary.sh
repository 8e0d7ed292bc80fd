#!/bin/sh
# Makes build/portcullis: the commands for people (log-in, token, completion) and Node in one executable file for this
# Linux machine's architecture (https://nodejs.org/api/single-executable-applications.html).
set -e
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH
[ "$(uname)" = Linux ] || { echo 'build:binary: made for Linux' >&2; exit 1; }
rm -rf build && mkdir build
version=$(node -p 'require("./package.json").version')
esbuild src/client.ts --bundle --platform=node --format=cjs --target=node24 --minify --legal-comments=eof \
  --define:PORTCULLIS_VERSION="\"$version\"" --outfile=build/client.cjs --log-level=warning
cat > build/sea.json <<END
{ "main": "build/client.cjs", "output": "build/client.blob", "useCodeCache": true,
  "disableExperimentalSEAWarning": true, "execArgvExtension": "none" }
END
node --experimental-sea-config build/sea.json
cp "$(node -p process.execPath)" build/portcullis
chmod 755 build/portcullis
postject build/portcullis NODE_SEA_BLOB build/client.blob \
  --sentinel-fuse NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2 >/dev/null 2>&1
ln -s portcullis build/kubectl-keystone
ln -s portcullis build/client-keystone-auth
rm build/client.cjs build/client.blob build/sea.json

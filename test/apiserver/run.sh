#!/bin/sh
# The tests of this folder on a real kube-apiserver and etcd: an empty store, one file after the other, and nothing
# is left running. The first run compiles both (5 minutes). Arguments go to tap (names of test files, --grep, ...).
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH=$PWD/node_modules/.bin:$PATH
export KUBERNETES_HOME="${KUBERNETES_HOME:-$HOME/.cache/portcullis-kubernetes}"
trap 'bash test/apiserver/down.sh' EXIT
trap 'exit 130' INT TERM

API_PORT=16443 ETCD_PORT=12379 RESET=1 bash test/apiserver/up.sh || exit
tap run --jobs=1 --timeout=300 --include='test/apiserver/*.test.ts' --exclude= "$@" test/apiserver/*.test.ts

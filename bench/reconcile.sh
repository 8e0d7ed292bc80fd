#!/bin/sh
# bench/reconcile.ts on a kube-apiserver with an empty store; nothing is left running.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/ports.sh
trap 'bash test/apiserver/down.sh' EXIT
RESET=1 bash test/apiserver/up.sh >/dev/null || exit
node bench/reconcile.ts "$@"

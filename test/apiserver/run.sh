#!/bin/sh
# The tests of this folder on a real kube-apiserver and etcd (an empty store, one file after the other) with a real
# Keystone behind; nothing is left running. The first run compiles kube-apiserver, etcd and kubectl (5 minutes).
# Arguments go to tap (--grep, ...); names of test files run these alone.
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH=$PWD/node_modules/.bin:$PATH
. test/ports.sh
stop() { bash test/apiserver/down.sh; fernet bash test/openstack/down.sh; }
trap stop EXIT
trap 'exit 130' INT TERM

fernet env RESET=1 bash test/openstack/up.sh || exit
RESET=1 bash test/apiserver/up.sh || exit
case " $* " in *.test.ts\ *) ;; *) set -- "$@" test/apiserver/*.test.ts ;; esac
tap run --jobs=1 --timeout=300 --include='test/apiserver/*.test.ts' --exclude= "$@"

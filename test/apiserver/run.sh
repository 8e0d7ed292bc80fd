#!/bin/sh
# The tests of this folder on a real kube-apiserver and etcd (an empty store, one file after the other) with a real
# Keystone behind; test/stop-servers.sh stops them. The first run compiles kube-apiserver, etcd and kubectl (5 minutes).
# Arguments go to tap (--grep, ...); names of test files run these alone.
set -eu
cd "$(dirname "$0")/../.."
. test/ports.sh
fernet env RESET=1 bash test/openstack/up.sh
RESET=1 bash test/apiserver/up.sh
case " $* " in *.test.ts\ *) ;; *) set -- "$@" test/apiserver/*.test.ts ;; esac
exec tap run --jobs=1 --timeout=300 --include='test/apiserver/*.test.ts' --exclude= "$@"

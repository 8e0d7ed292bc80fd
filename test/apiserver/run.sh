#!/bin/sh
# The tests of this folder on a real kube-apiserver and etcd (an empty store, one file after the other) with a real
# Keystone behind; nothing is left running. The first run compiles kube-apiserver, etcd and kubectl (5 minutes).
# Arguments go to tap (names of test files, --grep, ...).
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH=$PWD/node_modules/.bin:$PATH
export KUBERNETES_HOME="${KUBERNETES_HOME:-$HOME/.cache/portcullis-kubernetes}"
base=${PORTCULLIS_TEST_STATE:-$HOME/.cache/portcullis-test/openstack}
export OPENSTACK_ROOT="$base/root" OPENSTACK_FERNET_HOME="$base/fernet"
openstack() { OPENSTACK_HOME="$base/fernet" KS_PORT=15200 BB_PORT=19400 "$@"; }
stop() { bash test/apiserver/down.sh; openstack bash test/openstack/down.sh; }
trap stop EXIT
trap 'exit 130' INT TERM

openstack env RESET=1 bash test/openstack/up.sh || exit
API_PORT=16443 ETCD_PORT=12379 RESET=1 bash test/apiserver/up.sh || exit
tap run --jobs=1 --timeout=300 --include='test/apiserver/*.test.ts' --exclude= "$@" test/apiserver/*.test.ts

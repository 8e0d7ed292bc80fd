#!/bin/sh
# Starts two real Keystones on loopback (Fernet and JWS tokens) with a Barbican each, runs the tests that need
# them, and stops them again. Needs Debian 12 or its packages, Python 3 and apt-get; root is not needed.
set -e
cd "$(dirname "$0")/../.."
base=${PORTCULLIS_TEST_STATE:-$HOME/.cache/portcullis-test/openstack}
export OPENSTACK_ROOT="$base/root"
fernet() { OPENSTACK_HOME="$base/fernet" KS_PORT=15200 BB_PORT=19400 "$@"; }
jws() { OPENSTACK_HOME="$base/jws" KS_PORT=15201 BB_PORT=19401 TOKEN_PROVIDER=jws "$@"; }
stop() { fernet bash test/openstack/down.sh; jws bash test/openstack/down.sh; }
trap stop EXIT
trap 'exit 130' INT TERM
fernet env RESET=1 bash test/openstack/up.sh
jws env RESET=1 bash test/openstack/up.sh
export OPENSTACK_FERNET_HOME="$base/fernet" OPENSTACK_JWS_HOME="$base/jws"
tap run --jobs=1 --timeout=300 --include='test/openstack/*.test.ts' --exclude= "$@" test/openstack/*.test.ts

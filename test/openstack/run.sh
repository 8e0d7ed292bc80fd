#!/bin/sh
# Starts two real Keystones on loopback (Fernet and JWS tokens) with a Barbican each, runs the tests that need
# them, and stops them again. Needs Debian 12 or its packages, Python 3 and apt-get; root is not needed.
set -e
cd "$(dirname "$0")/../.."
. test/ports.sh
stop() { fernet bash test/openstack/down.sh; jws bash test/openstack/down.sh; }
trap stop EXIT
trap 'exit 130' INT TERM
fernet env RESET=1 bash test/openstack/up.sh
jws env RESET=1 bash test/openstack/up.sh
tap run --jobs=1 --timeout=300 --include='test/openstack/*.test.ts' --exclude= "$@"

#!/bin/sh
# Starts two real Keystones on loopback (Fernet and JWS tokens) with a Barbican each and runs the tests that need
# them; test/stop-servers.sh stops them. Needs Debian 12 or its packages, Python 3 and apt-get; root is not needed.
set -e
cd "$(dirname "$0")/../.."
. test/ports.sh
fernet env RESET=1 bash test/openstack/up.sh
jws env RESET=1 bash test/openstack/up.sh
exec tap run --jobs=1 --timeout=300 --include='test/openstack/*.test.ts' --exclude= "$@"

#!/usr/bin/env bash
# Real OpenStack Keystone + Barbican on loopback, from Debian 12 packages.
# Idempotent: installs what is missing, makes what is missing, starts what is not running,
# returns when both answer.  No systemd, no RabbitMQ, no docker; listens on 127.0.0.1 only.
#
#   OPENSTACK_HOME   state folder                      (default: ~/.cache/portcullis-openstack)
#   KS_PORT BB_PORT  ports                             (5000, 9311)
#   TOKEN_PROVIDER   fernet | jws                      (fernet)
#   TOKEN_EXPIRATION seconds                           (3600)
#   KS_CACHE         memory | memcached | off          (memory; memcached = own one on MC_PORT)
#   KS_WORKERS       keystone processes                (1; more than 1 needs KS_CACHE=memcached or off)
#   BB_TOKEN_CACHE   seconds keystonemiddleware caches a token in Barbican (-1 = never)
#   BB_QUOTA_SECRETS secrets per project               (-1 = no limit)
#   KS_EXTRA BB_EXTRA  raw text added to keystone.conf / barbican.conf (a later value wins)
#   MODE             extract | install                 (extract; see below)
#   OPENSTACK_ROOT      where MODE=extract unpacks        ($OPENSTACK_HOME/root; several instances can share one)
#   RESET=1          go back to the freshly seeded state first (stops both)
set -Eeuo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
H=${OPENSTACK_HOME:-$HOME/.cache/portcullis-openstack}
KS_PORT=${KS_PORT:-5000}; BB_PORT=${BB_PORT:-9311}; MC_PORT=${MC_PORT:-11311}
TOKEN_PROVIDER=${TOKEN_PROVIDER:-fernet}; TOKEN_EXPIRATION=${TOKEN_EXPIRATION:-3600}
KS_CACHE=${KS_CACHE:-memory}; KS_WORKERS=${KS_WORKERS:-1}
BB_TOKEN_CACHE=${BB_TOKEN_CACHE:--1}; BB_QUOTA_SECRETS=${BB_QUOTA_SECRETS:--1}
ADMIN_PASSWORD=${ADMIN_PASSWORD:-adminpw}
PY=/usr/bin/python3            # Debian's, never a pyenv shim
ROOT=${OPENSTACK_ROOT:-$H/root}
R=; PYP=; LDP=                 # set when the packages are unpacked under $H/root
umask 077                      # keystone warns when key folders are world readable
mkdir -p "$H"/{etc/keystone,etc/barbican/.barbican,var/fernet-keys,var/fernet-receipts,var/credential-keys,var/jws/public,var/jws/private,log,pid,wsgi}
exec 9>"$H/pid/up.lock"; flock 9
say(){ printf '[up %6.2fs] %s\n' "$(awk -v a="$EPOCHREALTIME" -v b="$T0" 'BEGIN{print a-b}')" "$*"; }
T0=$EPOCHREALTIME
trap 'rc=$?; echo "up.sh: line $LINENO failed ($rc); the ends of its logs:" >&2; tail -n 8 "$H"/log/{manage,keystone,barbican}.log "$H"/log/*.gunicorn.log >&2 2>/dev/null; exit $rc' ERR
clean(){ ${EXEC:-} env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME="$H/etc/barbican" PYTHONNOUSERSITE=1 OS_KEYSTONE_CONFIG_DIR="$H/etc/keystone" ${PYP:+PYTHONPATH="$PYP" LD_LIBRARY_PATH="$LDP"} "$@"; }
alive(){ local p; p=$(cat "$1" 2>/dev/null) && [ -n "$p" ] && kill -0 "$p" 2>/dev/null && tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -q -- "$2"; }
http_ok(){ if command -v curl >/dev/null; then curl -sf -m 2 -o /dev/null "$1"; else $PY -c 'import sys,urllib.request as u; u.urlopen(sys.argv[1], timeout=2)' "$1" 2>/dev/null; fi; }
ks_up(){ alive "$H/pid/keystone.pid" ks_wsgi && http_ok "http://127.0.0.1:$KS_PORT/v3"; }
bb_up(){ alive "$H/pid/barbican.pid" bb_wsgi && http_ok "http://127.0.0.1:$BB_PORT/healthcheck"; }

# ---- 1. packages ------------------------------------------------------------------------------
# MODE=extract (default): the debs that are not installed here are downloaded and unpacked under $H/root and
#   used through PYTHONPATH: ~5 s, no maintainer script runs, nothing on the system changes, root is not needed.
# MODE=install: apt-get install: ~45 s, nearly all of it dpkg and byte compiling.
PKGS=(python3-keystone python3-barbican gunicorn)
[ "$KS_CACHE" = memcached ] && PKGS+=(memcached)
missing=()
for p in "${PKGS[@]}"; do [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null)" = 'ii ' ] || missing+=("$p"); done
apt_log="$H/log/apt.log"
aptq(){ (umask 022; DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@") >>"$apt_log" 2>&1; }
try(){ aptq "$@" || { say "refreshing package lists"; aptq update; aptq "$@"; }; }   # lists absent or stale
if [ ${#missing[@]} -gt 0 ] && [ "${MODE:-extract}" = extract ]; then
  want=(); for p in "${missing[@]}"; do grep -qsx -- "$p" "$ROOT/.stamp" || want+=("$p"); done
  if [ ${#want[@]} -gt 0 ]; then
    say "downloading ${want[*]}"
    rm -rf "$H/debs"; mkdir -p "$ROOT" "$H/debs/partial"
    try install --download-only --no-install-recommends -o Dir::Cache::archives="$H/debs" -o Debug::NoLocking=true \
        -o APT::Sandbox::User="$(id -un)" "${want[@]}" || { tail -20 "$apt_log"; exit 5; }
    say "unpacking $(ls "$H"/debs/*.deb | wc -l) packages, $(du -sm "$H/debs" | cut -f1) MB"
    (umask 022; ls "$H"/debs/*.deb | xargs -P "$(nproc)" -I{} sh -c 'dpkg-deb --fsys-tarfile "$1" | tar -x --no-same-owner -C "$2" --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale --exclude="*/locale/*/LC_MESSAGES"' _ {} "$ROOT")
    rm -rf "$H/debs"; printf '%s\n' "${want[@]}" >>"$ROOT/.stamp"
    say "packages ready"
  fi
elif [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  made_policy=; if [ ! -e /usr/sbin/policy-rc.d ]; then (umask 022; printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d); made_policy=1; fi
  rc=0; try install --no-install-recommends -o Dpkg::Options::=--force-unsafe-io -o DPkg::Lock::Timeout=300 "${missing[@]}" || rc=$?
  [ -n "$made_policy" ] && rm -f /usr/sbin/policy-rc.d
  [ "$rc" = 0 ] || { tail -20 "$apt_log"; exit "$rc"; }
  say "packages installed"
fi
if [ -e "$ROOT/.stamp" ]; then R="$ROOT"; PYP="$R/usr/lib/python3/dist-packages"; LDP="$R/usr/lib/x86_64-linux-gnu"; fi
bin(){ if [ -n "$R" ] && [ -e "$R/usr/bin/$1" ]; then echo "$R/usr/bin/$1"; else echo "/usr/bin/$1"; fi; }

# ---- 2. reset ---------------------------------------------------------------------------------
if [ "${RESET:-0}" = 1 ]; then
  OPENSTACK_HOME="$H" UP_LOCK_HELD=1 bash "$HERE/down.sh"
  rm -f "$H"/var/{keystone,barbican}.db* "$H"/var/*.done
  if [ -e "$H/golden/seed.done" ]; then cp -p "$H"/golden/* "$H/var/"; fi
fi

# ---- 3. configuration -------------------------------------------------------------------------
case $KS_CACHE in
  memory)    CACHE=$'enabled = true\nbackend = dogpile.cache.memory' ;;
  memcached) CACHE=$'enabled = true\nbackend = dogpile.cache.memcached\nbackend_argument = url:127.0.0.1:'$MC_PORT ;;
  off)       CACHE='enabled = false' ;;
  *) echo "KS_CACHE?" >&2; exit 2 ;;
esac
[ "$KS_WORKERS" -gt 1 ] && [ "$KS_CACHE" = memory ] && { echo "KS_WORKERS>1 needs KS_CACHE=memcached or off: a memory cache is per process, revocation would be seen late" >&2; exit 2; }
cat >"$H/etc/keystone/keystone.conf.new" <<EOF
[DEFAULT]
log_file = $H/log/keystone.log
use_stderr = false
public_endpoint = http://127.0.0.1:$KS_PORT/
[database]
connection = sqlite:///$H/var/keystone.db?check_same_thread=false
sqlite_synchronous = false
[token]
provider = $TOKEN_PROVIDER
expiration = $TOKEN_EXPIRATION
[fernet_tokens]
key_repository = $H/var/fernet-keys
max_active_keys = 3
[fernet_receipts]
# left at its default fernet_setup would write /etc/keystone/fernet-keys
key_repository = $H/var/fernet-receipts
[jwt_tokens]
jws_public_key_repository = $H/var/jws/public
jws_private_key_repository = $H/var/jws/private
[credential]
key_repository = $H/var/credential-keys
[cache]
$CACHE
[auth]
# one-time passcodes are off as Keystone is delivered
methods = password,token,application_credential,totp
[identity]
# bcrypt cost: 4 is the least; the default 12 costs 200 ms a password
password_hash_rounds = 4
[oslo_messaging_notifications]
driver = noop
${KS_EXTRA:-}
EOF
cat >"$H/etc/barbican/.barbican/barbican.conf.new" <<EOF
[DEFAULT]
log_file = $H/log/barbican.log
use_stderr = false
host_href = http://127.0.0.1:$BB_PORT
sql_connection = sqlite:///$H/var/barbican.db?check_same_thread=false
db_auto_create = false
transport_url = fake://
[queue]
# orders are worked off inside the API request: no RabbitMQ, no barbican-worker
enable = false
[keystone_notifications]
enable = false
[quotas]
quota_secrets = $BB_QUOTA_SECRETS
[secretstore]
namespace = barbican.secretstore.plugin
enabled_secretstore_plugins = store_crypto
[crypto]
namespace = barbican.crypto.plugin
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
# base64 of 32 bytes
kek = YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:$KS_PORT
auth_url = http://127.0.0.1:$KS_PORT
auth_type = password
username = barbican
password = barbicanpw
project_name = service
user_domain_name = Default
project_domain_name = Default
service_token_roles_required = true
token_cache_time = $BB_TOKEN_CACHE
# without it every application credential with access rules gets 401 here
service_type = key-manager
${BB_EXTRA:-}
EOF
cat >"$H/etc/barbican/barbican-api-paste.ini" <<EOF
[composite:main]
use = egg:Paste#urlmap
/: barbican_version
/healthcheck: healthcheck
/v1: barbican-api-keystone
[pipeline:barbican_version]
pipeline = http_proxy_to_wsgi microversion versionapp
[pipeline:barbican-api-keystone]
pipeline = http_proxy_to_wsgi authtoken context microversion apiapp
[app:apiapp]
paste.app_factory = barbican.api.app:create_main_app
[app:versionapp]
paste.app_factory = barbican.api.app:create_version_app
[filter:context]
paste.filter_factory = barbican.api.middleware.context:ContextMiddleware.factory
[filter:microversion]
paste.filter_factory = barbican.api.middleware.microversion:MicroversionMiddleware.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
[filter:http_proxy_to_wsgi]
paste.filter_factory = oslo_middleware:HTTPProxyToWSGI.factory
[app:healthcheck]
paste.app_factory = oslo_middleware:Healthcheck.app_factory
backends = disable_by_file
disable_by_file_path = $H/etc/barbican/healthcheck_disable
EOF
cat >"$H/wsgi/ks_wsgi.py" <<'EOF'
import sys
sys.argv = ['keystone-wsgi-public']          # oslo.config reads sys.argv
from keystone.server.wsgi import initialize_public_application
application = initialize_public_application()  # finds keystone.conf by OS_KEYSTONE_CONFIG_DIR
EOF
cat >"$H/wsgi/bb_wsgi.py" <<'EOF'
import os, sys
sys.argv = ['barbican-wsgi-api']
from paste import deploy                      # barbican.conf is found as $HOME/.barbican/barbican.conf
application = deploy.loadapp('config:' + os.environ['HOME'] + '/barbican-api-paste.ini')
EOF
# a changed configuration restarts the service it is for
KS_CHANGED=; BB_CHANGED=
settle(){ if cmp -s "$1.new" "$1"; then rm -f "$1.new"; return 1; else mv -f "$1.new" "$1"; return 0; fi; }
settle "$H/etc/keystone/keystone.conf" && KS_CHANGED=1
settle "$H/etc/barbican/.barbican/barbican.conf" && BB_CHANGED=1
WANT="workers=$KS_WORKERS port=$KS_PORT"; [ "$(cat "$H/pid/keystone.want" 2>/dev/null)" = "$WANT" ] || KS_CHANGED=1
echo "$WANT" >"$H/pid/keystone.want"
stop(){ local p; if alive "$H/pid/$1.pid" "$2"; then p=$(cat "$H/pid/$1.pid"); kill -QUIT "$p"; for _ in $(seq 200); do kill -0 "$p" 2>/dev/null || break; sleep 0.02; done; fi; rm -f "$H/pid/$1.pid"; }
[ -n "$KS_CHANGED" ] && stop keystone ks_wsgi
[ -n "$BB_CHANGED" ] && stop barbican bb_wsgi

if [ "$KS_CACHE" = memcached ] && ! alive "$H/pid/memcached.pid" memcached; then
  EXEC=exec; clean setsid "$(bin memcached)" -u "$(id -un)" -l 127.0.0.1 -p "$MC_PORT" -U 0 -m 64 >"$H/log/memcached.log" 2>&1 </dev/null 9>&- &
  unset EXEC; echo $! >"$H/pid/memcached.pid"
fi

# ---- 4. databases and keys --------------------------------------------------------------------
pids=()
ksm(){ clean $PY "$(bin keystone-manage)" --config-file "$H/etc/keystone/keystone.conf" "$@" 2>>"$H/log/manage.log"; }
if [ ! -s "$H/var/jws/private/private.pem" ]; then   # what create_jws_keypair does (ES256), without 2 s of start-up
  clean $PY -c 'import sys; from keystone.common import jwt_utils as j; j.create_jws_keypair(sys.argv[1], sys.argv[2])' \
    "$H/var/jws/private/private.pem" "$H/var/jws/public/public.pem" & pids+=($!)
fi
fresh=
need(){ [ "$(cat "$H/var/$1.done" 2>/dev/null || echo none)" != "$2" ]; }   # a step is done when its marker says so
need ks-sync 1 && { fresh=1; say "keystone db_sync"; rm -f "$H"/var/keystone.db* "$H"/var/{bootstrap,seed}.done; ksm db_sync & pids+=($!); }
need bb-sync 1 && { rm -f "$H"/var/barbican.db*; (cd / && clean $PY -m barbican.cmd.db_manage upgrade 2>>"$H/log/manage.log") & pids+=($!); }
[ -e "$H/var/fernet-keys/0" ]     || { ksm fernet_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)" & pids+=($!); }
[ -e "$H/var/credential-keys/0" ] || { ksm credential_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)" & pids+=($!); }
for p in "${pids[@]}"; do wait "$p"; done      # by pid: a bare wait would wait for memcached too
echo 1 >"$H/var/ks-sync.done"; echo 1 >"$H/var/bb-sync.done"
if need bootstrap "$KS_PORT"; then
  say "keystone bootstrap"
  ksm bootstrap --bootstrap-username admin --bootstrap-password "$ADMIN_PASSWORD" --bootstrap-project-name admin \
    --bootstrap-role-name admin --bootstrap-service-name keystone --bootstrap-region-id RegionOne \
    --bootstrap-admin-url "http://127.0.0.1:$KS_PORT/v3" --bootstrap-public-url "http://127.0.0.1:$KS_PORT/v3" --bootstrap-internal-url "http://127.0.0.1:$KS_PORT/v3"
  echo "$KS_PORT" >"$H/var/bootstrap.done"
fi

# ---- 5. services ------------------------------------------------------------------------------
serve(){ # name module port workers
  rm -f "$H/pid/$1.pid"
  # gthread with ONE thread: keep-alive works, requests never overlap in SQLite, and Python's GIL makes more threads no faster.
  # TCP_DEFER_ACCEPT: a connection that has sent nothing yet (HTTP clients open spare ones) must not reach, and so block, that thread
  printf 'import socket\ndef when_ready(server):\n    for l in server.LISTENERS:\n        l.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 300)\n' >"$H/wsgi/gunicorn.conf.py"
  EXEC=exec; clean setsid $PY "$(bin gunicorn)" --bind "127.0.0.1:$3" --worker-class gthread --threads 1 --workers "$4" --keep-alive 75 \
    --config "$H/wsgi/gunicorn.conf.py" --timeout 120 --graceful-timeout 0 --worker-tmp-dir /dev/shm --chdir "$H/wsgi" --pid "$H/pid/$1.pid" "$2:application" \
    >"$H/log/$1.gunicorn.log" 2>&1 </dev/null 9>&- &
  unset EXEC
}
for s in "keystone ks_wsgi $KS_PORT $KS_WORKERS" "barbican bb_wsgi $BB_PORT 1"; do
  set -- $s
  if ! alive "$H/pid/$1.pid" "$2"; then
    for _ in $(seq 50); do (exec 3<>"/dev/tcp/127.0.0.1/$3") 2>/dev/null || break; sleep 0.1; done   # an orphan of a killed master leaves in ~1 s
    if (exec 3<>"/dev/tcp/127.0.0.1/$3") 2>/dev/null; then echo "port $3 is taken by something else" >&2; exit 3; fi
    say "starting $1 on 127.0.0.1:$3"; serve "$@"
  fi
done
for _ in $(seq 600); do ks_up && break; sleep 0.05; done; ks_up || { tail -20 "$H/log/keystone.gunicorn.log"; exit 4; }; say "keystone answers"
for _ in $(seq 600); do bb_up && break; sleep 0.05; done; bb_up || { tail -20 "$H/log/barbican.gunicorn.log"; exit 4; }; say "barbican answers"

# ---- 6. seed: project service, role service, user barbican, catalog entry ---------------------
if need seed "$BB_PORT"; then
  clean env KS="http://127.0.0.1:$KS_PORT/v3" BB="http://127.0.0.1:$BB_PORT" PW="$ADMIN_PASSWORD" $PY - <<'EOF'
import json, os, urllib.request
KS, BB, PW = os.environ['KS'], os.environ['BB'], os.environ['PW']
tok = None
def call(m, p, body=None):
    r = urllib.request.Request(KS + p, method=m, data=None if body is None else json.dumps(body).encode(),
                               headers={'Content-Type': 'application/json', **({'X-Auth-Token': tok} if tok else {})})
    with urllib.request.urlopen(r) as f:
        d = f.read(); return (json.loads(d) if d else None), f.headers
dom = {'id': 'default'}
_, h = call('POST', '/auth/tokens', {'auth': {'identity': {'methods': ['password'], 'password': {'user': {'name': 'admin', 'domain': dom, 'password': PW}}},
                                              'scope': {'project': {'name': 'admin', 'domain': dom}}}})
tok = h['X-Subject-Token']
def ensure(kind, coll, name, extra={}):
    got = call('GET', f'/{coll}?name={name}')[0][coll]
    return got[0] if got else call('POST', f'/{coll}', {kind: {'name': name, **extra}})[0][kind]
prj = ensure('project', 'projects', 'service', {'domain_id': 'default'})
rol = ensure('role', 'roles', 'service')
for n in ('creator', 'observer', 'audit', 'key-manager:service-admin'): ensure('role', 'roles', n)
usr = ensure('user', 'users', 'barbican', {'domain_id': 'default', 'password': 'barbicanpw', 'default_project_id': prj['id']})
call('PUT', f"/projects/{prj['id']}/users/{usr['id']}/roles/{rol['id']}")
svc = ensure('service', 'services', 'barbican', {'type': 'key-manager'})
have = {e['interface']: e for e in call('GET', f"/endpoints?service_id={svc['id']}")[0]['endpoints']}
for i in ('public', 'internal', 'admin'):
    if i not in have: call('POST', '/endpoints', {'endpoint': {'service_id': svc['id'], 'interface': i, 'region_id': 'RegionOne', 'url': BB}})
    elif have[i]['url'] != BB: call('PATCH', '/endpoints/' + have[i]['id'], {'endpoint': {'url': BB}})
EOF
  echo "$BB_PORT" >"$H/var/seed.done"
  if [ -n "$fresh" ]; then    # a consistent copy to RESET to
    mkdir -p "$H/golden"
    $PY - "$H" <<'EOF'
import sqlite3, sys
for n in ('keystone', 'barbican'):
    s, d = sqlite3.connect(f'{sys.argv[1]}/var/{n}.db'), sqlite3.connect(f'{sys.argv[1]}/golden/{n}.db')
    s.backup(d); d.close(); s.close()
EOF
    cp -p "$H"/var/*.done "$H/golden/"
  fi
  say "seeded"
fi
cat >"$H/openrc" <<EOF
export OS_AUTH_URL=http://127.0.0.1:$KS_PORT/v3 OS_IDENTITY_API_VERSION=3 OS_USERNAME=admin OS_PASSWORD=$ADMIN_PASSWORD OS_PROJECT_NAME=admin OS_USER_DOMAIN_ID=default OS_PROJECT_DOMAIN_ID=default OS_REGION_NAME=RegionOne
EOF
mkdir -p "$H/bin"
wrap(){ local n=$1; shift; { echo '#!/bin/sh'; printf 'exec'; printf ' %q' env ${PYP:+"PYTHONPATH=$PYP" "LD_LIBRARY_PATH=$LDP"} "$PY" "$(bin "$n")" "$@"; printf ' "$@"\n'; } >"$H/bin/$n"; chmod 755 "$H/bin/$n"; }
wrap openstack; wrap keystone-manage --config-file "$H/etc/keystone/keystone.conf"
say "up: keystone http://127.0.0.1:$KS_PORT/v3 ($TOKEN_PROVIDER), barbican http://127.0.0.1:$BB_PORT"

#!/usr/bin/env bash
# Stops what up.sh started, each by its own pid file.
#   PURGE=1 also removes databases, keys, golden copies, configuration and logs; PURGE=all the unpacked packages too.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); H=${OPENSTACK_HOME:-$HOME/.cache/portcullis-openstack}
[ -d "$H/pid" ] || exit 0
if [ -z "${UP_LOCK_HELD:-}" ]; then exec 9>"$H/pid/up.lock"; flock 9; fi
live=()
for s in "barbican bb_wsgi" "keystone ks_wsgi" "memcached memcached"; do
  set -- $s; f="$H/pid/$1.pid"; p=$(cat "$f" 2>/dev/null || true)
  # the pid must still be the process we started (a pid can be reused)
  if [ -n "$p" ] && kill -0 "$p" 2>/dev/null && tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -q -- "$2"; then
    sig=QUIT; [ "$1" = memcached ] && sig=TERM   # gunicorn: QUIT = at once, TERM = wait for keep-alive clients
    kill -"$sig" "$p" 2>/dev/null || true; live+=("$1:$p")
  else rm -f "$f"; fi
done
for e in "${live[@]}"; do
  n=${e%%:*}; p=${e#*:}
  for _ in $(seq 200); do kill -0 "$p" 2>/dev/null || break; sleep 0.02; done
  if kill -0 "$p" 2>/dev/null; then kill -KILL "$p" 2>/dev/null || true; fi
  rm -f "$H/pid/$n.pid"; echo "stopped $n ($p)"
done
case "${PURGE:-0}" in
  1)   rm -rf "$H"/{var,golden,etc,log,wsgi,bin,openrc} ;;
  all) rm -rf "$H"/{var,golden,etc,log,wsgi,bin,openrc,root,debs} ;;
esac

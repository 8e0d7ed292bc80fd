#!/usr/bin/env bash
# Stops what up.sh started, each by its own pid file.  ONLY=kube-apiserver or ONLY=etcd: just that one.
#   PURGE=1 also removes store, certificates and logs (the binaries stay).
set -euo pipefail
H=${KUBERNETES_HOME:-$HOME/.cache/portcullis-kubernetes}
[ -d "$H/pid" ] || exit 0
if [ -z "${UP_LOCK_HELD:-}" ]; then exec 9>"$H/pid/up.lock"; flock 9; fi
for n in kube-apiserver etcd; do
  [ -z "${ONLY:-}" ] || [ "$ONLY" = "$n" ] || continue
  f="$H/pid/$n.pid"; p=$(cat "$f" 2>/dev/null || true)
  # the pid must still be the process we started (a pid can be reused)
  if [ -n "$p" ] && kill -0 "$p" 2>/dev/null && tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -q -- "$n"; then
    kill -TERM "$p" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$p" 2>/dev/null || break; sleep 0.05; done
    if kill -0 "$p" 2>/dev/null; then kill -KILL "$p" 2>/dev/null || true; fi
    echo "stopped $n ($p)"
  fi
  rm -f "$f"
done
if [ "${PURGE:-0}" = 1 ]; then rm -rf "$H"/{etcd,pki,log,pid,admin.kubeconfig,user.kubeconfig,kubectl}; fi

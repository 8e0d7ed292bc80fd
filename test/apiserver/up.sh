#!/usr/bin/env bash
# A real kube-apiserver and a real etcd on loopback, and a kubectl for them, compiled from their Go modules.
# Idempotent: builds what is missing (about 5 min once on 2 cores, 3 s afterwards), makes certificates, starts what is not
# running, returns when the apiserver is ready.  No kubelet, no scheduler, no controllers: the API is what is needed here.
#
#   KUBERNETES_HOME    state folder                             (default: ~/.cache/portcullis-kubernetes)
#   KUBERNETES_BIN     kube-apiserver, etcd and kubectl         (~/.cache/portcullis-kubernetes/bin, for all instances)
#   API_PORT ETCD_PORT ports                                    (6443, 2379; etcd peers use ETCD_PORT+1)
#   TOKEN_WEBHOOK      kubeconfig of the TokenReview webhook    (none)   TOKEN_WEBHOOK_VERSION  v1 | v1beta1 (v1)
#   AUTHZ_CONFIG       an AuthorizationConfiguration file       (none: --authorization-mode=RBAC)
#   ENCRYPTION_CONFIG  an EncryptionConfiguration file          (none)   reloads by itself when the file changes
#   APISERVER_ARGS     more flags, separated by blanks
#   ETCD_SHARED        1: use the etcd that another instance runs on ETCD_PORT (for several apiservers on one store)
#   RESET=1            stop both and start with an empty store
# A changed flag or a changed file of these restarts the apiserver.
# Leaves: $KUBERNETES_HOME/admin.kubeconfig (group system:masters), user.kubeconfig (nobody: for `kubectl --token`),
# pki/ca.crt, log/; down.sh stops both.
set -Eeuo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
H=${KUBERNETES_HOME:-$HOME/.cache/portcullis-kubernetes}; B=${KUBERNETES_BIN:-$HOME/.cache/portcullis-kubernetes/bin}
API_PORT=${API_PORT:-6443}; ETCD_PORT=${ETCD_PORT:-2379}; VERSION=v1.36.3
for need in openssl curl flock setsid awk; do
  command -v "$need" >/dev/null || { echo "up.sh: $need is missing: install the package $need" >&2; exit 6; }
done
umask 077; mkdir -p "$H"/{pki,log,pid,etcd} "$B"
exec 9>"$H/pid/up.lock"; flock 9
T0=$EPOCHREALTIME; say(){ printf '[up %6.2fs] %s\n' "$(awk -v a="$EPOCHREALTIME" -v b="$T0" 'BEGIN{print a-b}')" "$*"; }
trap 'rc=$?; echo "up.sh: line $LINENO failed ($rc); the ends of its logs:" >&2; tail -n 8 "$H"/log/*.log >&2 2>/dev/null; exit $rc' ERR
alive(){ local p; p=$(cat "$H/pid/$1.pid" 2>/dev/null) && [ -n "$p" ] && kill -0 "$p" 2>/dev/null && tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -q -- "$1"; }
wait_for(){ local what=$1 n=$2; shift 2; for _ in $(seq "$n"); do "$@" && { say "$what"; return 0; }; sleep 0.1; done; echo "not: $what" >&2; return 1; }

[ "${RESET:-0}" = 1 ] && { KUBERNETES_HOME="$H" UP_LOCK_HELD=1 bash "$HERE/down.sh"; rm -rf "$H/etcd"; mkdir -p "$H/etcd"; }

# ---- 1. binaries ------------------------------------------------------------------------------
# keyed by all that goes into them, so that they are built once for each version
want="$VERSION $(cd "$HERE/fixture" && cat go.mod go.sum */main.go | sha256sum | cut -c1-16)"
build(){
  command -v go >/dev/null || { echo "up.sh: go is missing: install Go 1.26 or newer from https://go.dev/dl (Debian 12's is too old)" >&2; exit 6; }
  say "building kube-apiserver $VERSION, etcd and kubectl"
  local x=k8s.io/component-base/version new="$B/.new"
  rm -rf "$new"; mkdir -p "$new"
  (umask 022; cd "$HERE/fixture"; GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X $x.gitVersion=$VERSION -X $x.gitMajor=1 -X $x.gitMinor=36" -o "$new/" ./kube-apiserver ./etcd ./kubectl)
  mv -f "$new"/* "$B/"; rmdir "$new"; echo "$want" >"$B/.version"; say built
}
exec 8>"$B/.lock"; flock 8
[ "$(cat "$B/.version" 2>/dev/null)" = "$want" ] || build
exec 8>&-

# ---- 2. certificates --------------------------------------------------------------------------
cert(){ # name subject extensions...
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$H/pki/$1.key" -subj "$2" 2>/dev/null |
    openssl x509 -req -CA "$H/pki/ca.crt" -CAkey "$H/pki/ca.key" -CAcreateserial -days 365 -out "$H/pki/$1.crt" -extfile <(echo "$3") 2>/dev/null; }
if [ ! -e "$H/pki/admin.crt" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$H/pki/ca.key" -out "$H/pki/ca.crt" -days 365 -subj /CN=loopback-ca 2>/dev/null
  cert apiserver /CN=kube-apiserver $'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes,IP:10.0.0.1\nextendedKeyUsage=serverAuth'
  openssl genrsa -out "$H/pki/sa.key" 2048 2>/dev/null
  cert admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
fi
b64(){ base64 -w0 "$1"; }
kubeconfig(){ # file credentials
  cat >"$H/$1" <<Y
apiVersion: v1
kind: Config
clusters: [{name: loopback, cluster: {server: "https://127.0.0.1:$API_PORT", certificate-authority-data: $(b64 "$H/pki/ca.crt")}}]
users: [{name: user, user: {$2}}]
contexts: [{name: loopback, context: {cluster: loopback, user: user}}]
current-context: loopback
Y
}
kubeconfig admin.kubeconfig "client-certificate-data: $(b64 "$H/pki/admin.crt"), client-key-data: $(b64 "$H/pki/admin.key")"
kubeconfig user.kubeconfig ""

# ---- 3. etcd ----------------------------------------------------------------------------------
etcd_ok(){ curl -sf -m 2 -o /dev/null "http://127.0.0.1:$ETCD_PORT/health"; }
if [ "${ETCD_SHARED:-0}" != 1 ] && ! alive etcd; then
  setsid "$B/etcd" --data-dir "$H/etcd" --unsafe-no-fsync --listen-client-urls "http://127.0.0.1:$ETCD_PORT" --advertise-client-urls "http://127.0.0.1:$ETCD_PORT" \
    --listen-peer-urls "http://127.0.0.1:$((ETCD_PORT + 1))" --initial-advertise-peer-urls "http://127.0.0.1:$((ETCD_PORT + 1))" --initial-cluster "default=http://127.0.0.1:$((ETCD_PORT + 1))" \
    >"$H/log/etcd.log" 2>&1 </dev/null 9>&- & echo $! >"$H/pid/etcd.pid"
fi
wait_for "etcd answers" 200 etcd_ok

# ---- 4. kube-apiserver ------------------------------------------------------------------------
args=(--etcd-servers "http://127.0.0.1:$ETCD_PORT" --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$API_PORT" --endpoint-reconciler-type none
  --tls-cert-file "$H/pki/apiserver.crt" --tls-private-key-file "$H/pki/apiserver.key" --client-ca-file "$H/pki/ca.crt" --service-cluster-ip-range 10.0.0.0/24
  --service-account-issuer https://kubernetes.default.svc --service-account-signing-key-file "$H/pki/sa.key" --service-account-key-file "$H/pki/sa.key"
  --disable-admission-plugins ServiceAccount --cert-dir "$H/pki")
[ -n "${TOKEN_WEBHOOK:-}" ] && args+=(--authentication-token-webhook-config-file "$TOKEN_WEBHOOK" --authentication-token-webhook-version "${TOKEN_WEBHOOK_VERSION:-v1}")
if [ -n "${AUTHZ_CONFIG:-}" ]; then args+=(--authorization-config "$AUTHZ_CONFIG"); else args+=(--authorization-mode RBAC); fi
[ -n "${ENCRYPTION_CONFIG:-}" ] && args+=(--encryption-provider-config "$ENCRYPTION_CONFIG" --encryption-provider-config-automatic-reload)
# shellcheck disable=SC2206
args+=(${APISERVER_ARGS:-})
ready(){ alive kube-apiserver || return 1; curl -sf -m 2 -o /dev/null --cacert "$H/pki/ca.crt" --cert "$H/pki/admin.crt" --key "$H/pki/admin.key" "https://127.0.0.1:$API_PORT/readyz"; }
want=$(cat <(printf '%s\n' "$VERSION" "${args[@]}") ${TOKEN_WEBHOOK:+"$TOKEN_WEBHOOK"} ${AUTHZ_CONFIG:+"$AUTHZ_CONFIG"} | sha256sum)
if alive kube-apiserver && [ "$want" != "$(cat "$H/pid/kube-apiserver.want" 2>/dev/null)" ]; then KUBERNETES_HOME="$H" ONLY=kube-apiserver UP_LOCK_HELD=1 bash "$HERE/down.sh"; fi
if ! alive kube-apiserver; then
  setsid "$B/kube-apiserver" "${args[@]}" >"$H/log/kube-apiserver.log" 2>&1 </dev/null 9>&- & echo $! >"$H/pid/kube-apiserver.pid"
  echo "$want" >"$H/pid/kube-apiserver.want"
fi
wait_for "kube-apiserver is ready on https://127.0.0.1:$API_PORT; kubeconfig $H/admin.kubeconfig" 900 ready

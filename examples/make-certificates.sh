#!/bin/sh
# Makes what kube-apiserver and Portcullis prove themselves to each other with, into DIR (needs openssl):
#   ca.crt ca.key        an authority for these two alone; keep ca.key off the hosts
#   tls.crt tls.key      Portcullis, under the NAMEs by which kube-apiserver reaches it: IP:127.0.0.1 DNS:... (default: loopback)
#   client.crt client.key  kube-apiserver, towards Portcullis
# Those that are there already are kept.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 DIR [NAME...]" >&2; exit 2; }
dir=$1
shift
[ $# -gt 0 ] || set -- IP:127.0.0.1 DNS:localhost
names=$(IFS=,; echo "$*")
days=825
mkdir -p "$dir"
cd "$dir"
umask 077

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$1.key"; }
signed() { # name, common name, extensions
  [ -e "$1.crt" ] && return
  new_key "$1"
  printf '%s\n' "$3" >"$1.ext"
  openssl req -new -key "$1.key" -subj "/CN=$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days $days -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  rm "$1.ext"
}
if [ ! -e ca.crt ]; then
  new_key ca
  openssl req -x509 -new -key ca.key -days 3650 -subj /CN=portcullis-ca -out ca.crt
fi
signed tls portcullis "subjectAltName=$names
extendedKeyUsage=serverAuth"
signed client kube-apiserver 'extendedKeyUsage=clientAuth'
chmod 644 ca.crt tls.crt client.crt

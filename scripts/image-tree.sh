#!/bin/sh
# Lays out all files of the container image below DIR (new or empty): Node's runtime and the libraries that it links
# to, the built package, the programs in /bin, a user who is not root. Needs `npm ci` and a Debian 12 or its like.
set -eu
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
cd "$(dirname "$0")/.."
umask 022
mkdir -p "$1"
tree=$(cd "$1" && pwd)
[ -z "$(ls -A "$tree")" ] || { echo "$0: $1 is not empty" >&2; exit 2; }

# ---- the package, as a checkout lies: the launcher finds Node beside it -------------------------
home=$tree/opt/portcullis
mkdir -p "$home/bin" "$home/node_modules/node/bin"
# built in a copy: others may be building or running what stands here
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R package.json scripts src "$copy/"
ln -s "$PWD/node_modules" "$copy/node_modules"
(cd "$copy" && npm run --silent build)
cp -R "$copy/dist" policies package.json LICENSE "$home/"
cp bin/portcullis "$home/bin/"
cp node_modules/node/bin/node "$home/node_modules/node/bin/"
chmod -R u=rwX,go=rX "$home"

# ---- the programs -------------------------------------------------------------------------------
mkdir -p "$tree/bin" "$tree/etc" "$tree/var/lib/dpkg/status.d" "$tree/tmp"
chmod 1777 "$tree/tmp"
for name in portcullis k8s-keystone-auth barbican-kms-plugin client-keystone-auth kubectl-keystone; do
  ln -s ../opt/portcullis/bin/portcullis "$tree/bin/$name"
done
# a shell for the launcher, and for manifests that put flags together with `sh -c`
cp -L "$(command -v dash)" "$tree/bin/sh"
cp -L "$(command -v readlink)" "$tree/bin/readlink"

# ---- what these link to, the loader among it, and what a scanner needs to know about it ---------
for program in "$home/node_modules/node/bin/node" "$tree/bin/sh" "$tree/bin/readlink"; do
  ldd "$program" | sed -nE 's/.*[[:space:]](\/[^ ]+) \(0x[0-9a-f]+\)$/\1/p; s/^[[:space:]]*(\/[^ ]+) \(0x[0-9a-f]+\)$/\1/p'
done | sort -u | while read -r library; do
  mkdir -p "$tree$(dirname "$library")"
  cp -L "$library" "$tree$library"
  # dpkg knows a file by its path below /lib or below /usr/lib
  package=$(dpkg -S "$library" "/usr$library" 2>/dev/null | head -n 1 | cut -d: -f1) || true
  [ -z "$package" ] || dpkg -s "$package" >"$tree/var/lib/dpkg/status.d/$package"
done
cp -L /etc/os-release "$tree/etc/"

# ---- users and names ----------------------------------------------------------------------------
cat >"$tree/etc/passwd" <<'PASSWD'
root:x:0:0:root:/:/bin/sh
nonroot:x:65532:65532:nonroot:/tmp:/bin/sh
PASSWD
printf 'root:x:0:\nnonroot:x:65532:\n' >"$tree/etc/group"
echo 'hosts: files dns' >"$tree/etc/nsswitch.conf"

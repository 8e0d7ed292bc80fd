#!/bin/sh
# Stops every Keystone, Barbican, kube-apiserver and etcd that the suites of this clone's ports have started.
cd "$(dirname "$0")/.." || exit
. test/ports.sh
for pid in "$state"/*/pid; do
  home=${pid%/pid}
  OPENSTACK_HOME=$home bash test/openstack/down.sh
  KUBERNETES_HOME=$home bash test/apiserver/down.sh
done

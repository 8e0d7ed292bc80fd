# Sourced by the suites on real servers: where each server listens and keeps its state.
# PORTCULLIS_TEST_SHIFT=N moves every port by N and keeps the state apart, so that several clones can test at once.
SHIFT=${PORTCULLIS_TEST_SHIFT:-0}
cache="$HOME/.cache/portcullis-test" state="$HOME/.cache/portcullis-test/$SHIFT"
export OPENSTACK_ROOT="$cache/openstack/root" OPENSTACK_FERNET_HOME="$state/fernet" OPENSTACK_JWS_HOME="$state/jws"
export KUBERNETES_HOME="$state/kubernetes" KUBERNETES_BIN="${KUBERNETES_BIN:-$HOME/.cache/portcullis-kubernetes/bin}"
export API_PORT=$((16443 + SHIFT)) ETCD_PORT=$((12379 + SHIFT))
fernet() { OPENSTACK_HOME="$OPENSTACK_FERNET_HOME" KS_PORT=$((15200 + SHIFT)) BB_PORT=$((19400 + SHIFT)) "$@"; }
jws() { OPENSTACK_HOME="$OPENSTACK_JWS_HOME" KS_PORT=$((15201 + SHIFT)) BB_PORT=$((19401 + SHIFT)) TOKEN_PROVIDER=jws "$@"; }

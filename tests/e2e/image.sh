#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The image is built from nothing and run: a dockerd of our own, a base image made by debootstrap (no registry is asked), the
# image of docker/Dockerfile between two wires, and the lab that docker/compose.yaml runs. usage: image.sh [DEBIAN]
# DEBIAN is 12, or 13 for DPDK 24.11. Exit 77 when this machine cannot.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
debian=${1:-12}
case $debian in 12) suite=bookworm ;; 13) suite=trixie ;; *) echo "usage: image.sh [12|13]" >&2; exit 2 ;; esac
unable() { printf 'image: %s\n' "$*"; exit 77; }
[ "$(id -u)" -eq 0 ] || unable "needs root"
for tool in debootstrap dockerd docker ip; do command -v $tool >/dev/null || unable "$tool is not installed"; done
mirror=$(apt-cache policy base-files 2>/dev/null | sed -n 's/^ *[0-9]* \(https\{0,1\}:[^ ]*\) .*main.*/\1/p' | head -n 1)
[ -n "$mirror" ] || unable "this machine's apt names no web mirror to make a base image from"

work=$(mktemp -d) port=ski$$
export DOCKER_HOST=unix://$work/docker.sock DOCKER_BUILDKIT=0
dockerd= failed=0
tidy() {
    docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
    [ -z "$dockerd" ] || { kill "$dockerd" && wait "$dockerd"; } 2>/dev/null || true
    for side in 0 1; do ip link del "$port-$side" 2>/dev/null || true; done
    umount -lR "$work" 2>/dev/null || true
    grep -q " $work" /proc/self/mounts || rm -rf --one-file-system "$work"
}
trap tidy EXIT

check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then printf 'pass: %s\n' "$what"; else
        printf 'FAIL: %s\n' "$what"
        tail -n 15 "$work/said"
        failed=1
    fi
}
until_true() { # COMMAND...: within a time that no machine needs
    for _ in $(seq 120); do "$@" && return; sleep 0.5; done
    return 1
}

dockerd --storage-driver=vfs --data-root "$work/data" --exec-root "$work/exec" -p "$work/pid" -H "$DOCKER_HOST" \
    --iptables=false --ip6tables=false --bridge=none >"$work/dockerd.log" 2>&1 &
dockerd=$!
answers() { docker version >/dev/null 2>&1; }
until_true answers || { tail -n 3 "$work/dockerd.log"; unable "dockerd does not run here"; }

printf 'making the base image ...\n'
debootstrap --variant=minbase $suite "$work/base" "$mirror" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 3 "$work/debootstrap.log"; unable "debootstrap did not succeed"; }
cp /etc/apt/apt.conf.d/*proxy* "$work/base/etc/apt/apt.conf.d/" 2>/dev/null || true
tar -C "$work/base" -c . | docker import - "debian:$debian-slim" >/dev/null
rm -rf --one-file-system "$work/base"

build() { # TAG OPTION...
    docker build --network host --build-arg "DEBIAN=$debian" --build-arg http_proxy --build-arg https_proxy \
        -f "$root/docker/Dockerfile" -t "$1" "${@:2}" "$root"
}
printf 'building ...\n'
check "the image is built on Debian $debian" build sekisho
check "and the lab" build sekisho-lab --target lab
[ $failed -eq 0 ] || exit 1
size=$(docker image inspect -f '{{.Size}}' sekisho)
check "the image is small: $((size / 1000000)) MB" [ "$size" -lt 60000000 ]

# A wire in, a wire out, and an ordinary user with two capabilities between them.
mkdir -m 755 "$work/etc"
cp "$root/config/examples/strict.yaml" "$work/etc/policy.yaml"
cat >"$work/etc/sekisho.yaml" <<Y
version: 1
policy: policy.yaml
edges:
  - name: edge
    inside: {device: "net_af_packet0,iface=$port-0"}
    outside: {device: "net_af_packet1,iface=$port-1"}
memory: {flows: 65536, hugepages: no}
Y
for side in 0 1; do
    ip link add "$port-$side" type veth peer name "$port-p$side"
    ip link set "$port-$side" up
    ip link set "$port-p$side" up
done
docker run -d --name fw --network host --cap-drop ALL --cap-add NET_RAW --cap-add NET_ADMIN --read-only \
    --tmpfs /run/sekisho:uid=64999,gid=64999,mode=0750 -v "$work/etc:/etc/sekisho:ro" sekisho >/dev/null
healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' fw)" = healthy ]; }
check "it runs, and its health check says so" until_true healthy
[ $failed -eq 0 ] || docker logs fw
check "its command line answers" docker exec fw sekisho status
check "it is an ordinary user" grep -q '^Uid:[[:space:]]64999' "/proc/$(docker inspect -f '{{.State.Pid}}' fw)/status"
check "with what its ports need" grep -q '^CapEff:[[:space:]]0000000000003000' "/proc/$(docker inspect -f '{{.State.Pid}}' fw)/status"
check "the doctor sees no fault" docker exec fw sekisho doctor
docker stop fw >/dev/null
docker logs fw >"$work/log" 2>&1
check "it stops cleanly: $(sed -n 's/.*conservation: //p' "$work/log")" grep -q 'conservation: .*holds' "$work/log"

check "the lab shows the founding case" docker run --rm --network none --cap-add SYS_ADMIN \
    --cap-add NET_ADMIN --device /dev/net/tun --security-opt seccomp=unconfined --security-opt apparmor=unconfined sekisho-lab
tail -n 12 "$work/said"
exit $failed

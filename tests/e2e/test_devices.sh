#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The same traffic over each kind of port that needs no hardware: AF_PACKET, AF_XDP, TAP, memif, and vhost with
# virtio-user. Both hosts' kernels talk TCP, both initiate IKE between equal ports, a connection has no rule; then
# what was received is what was sent, dropped by reason or held, and what a driver lost is told apart. All with one
# worker and with three.
# Usage: test_devices.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
. "$here/device_traffic.sh"
two_hosts_begin "$@"

device_traffic_begin
policy aws-like | sed 's/protocol: tcp, ports: 8080/protocol: all/' >"$work/open.yaml"

# ---- each kind -----------------------------------------------------------------------------------

frames() { ip -n "$mid" -s -j link show p-in | jq '.[0].stats64.rx.packets'; }
of_inside() { counter ".ports[] | select(.side == \"inside\").$1"; } # KEY
unaccounted() { echo $(($(frames) - $(of_inside received) - $(of_inside driver_missed))); }
unaccounted_is() { [ "$(unaccounted)" = "$1" ]; } # FRAMES

# Frames that come faster than they are taken: more than the ring holds, while nobody takes any.
overrun() {
    local burst bursts=() before missed
    before=$(unaccounted)
    missed=$(of_inside driver_missed)
    kill -STOP "$daemon"
    for ((burst = 0; burst < 5; burst++)); do
        on "$in" ping -q -c 100 -i 0.002 -W 1 192.0.2.1 >/dev/null 2>&1 &
        bursts+=($!)
    done
    wait "${bursts[@]}" || true
    kill -CONT "$daemon"
    check "$kind: after a stop it forwards" on "$in" ping -c 1 -W 10 192.0.2.1
    check "$kind: what came was received, or missed as the ring was full" soon unaccounted_is "$before"
    missed=$(($(of_inside driver_missed) - missed))
    check "$kind: $missed frames were missed" [ "$missed" -ge 50 ]
}

over_af_packet() {
    device_in=net_af_packet0,iface=p-in,blocksz=4096,framesz=2048,framecnt=64
    device_out=net_af_packet1,iface=p-out,framecnt=8192
    sekishod_start strict.yaml
    device_traffic
    overrun
    sekishod_stop
}

over_af_xdp() {
    device_in=net_af_xdp0,iface=p-in device_out=net_af_xdp1,iface=p-out
    sekishod_start strict.yaml
    device_traffic
    sekishod_stop
    check "$kind: the interfaces are as before" fails grep -q xdp <(ip -n "$mid" link show)
}

# Interfaces that sekishod makes, each in a bridge with a host's wire.
over_tap() {
    device_in=net_tap0,iface=tap-in device_out=net_tap1,iface=tap-out
    sekishod_start strict.yaml
    for side in in out; do
        ip -n "$mid" link add "br-$side" type bridge mcast_snooping 0
        ip -n "$mid" link set "p-$side" master "br-$side"
        ip -n "$mid" link set "tap-$side" master "br-$side"
        ip -n "$mid" link set "tap-$side" addrgenmode none
        ip -n "$mid" link set "br-$side" addrgenmode none up
    done
    device_traffic
    sekishod_stop
    ip -n "$mid" link del br-in
    ip -n "$mid" link del br-out
}

# Two firewalls in a row, joined in memory.
far_start() { # DEVICE: the second firewall, from this port to the outside
    sed -e "s|device: \"$device_in\"|device: \"$1\"|" \
        -e "s|device: \"$device_out\"|device: \"net_af_packet1,iface=p-out,framecnt=8192\"|" \
        -e "s|strict.yaml|open.yaml|" -e "s|$work/s.sock|$work/far.sock|" -e "s|$work/ro.sock|$work/far-ro.sock|" \
        "$work/sekisho.yaml" >"$work/far.yaml"
    ip netns exec "$mid" "$build/app/sekishod/sekishod" -c "$work/far.yaml" 2>"$work/far.log" &
    far=$!
    for _ in $(seq 200); do
        grep -q 'ready' "$work/far.log" && return
        sleep 0.1
    done
    cat "$work/far.log"
    echo "the second sekishod did not start"
    exit 1
}

far_stop() {
    kill "$far"
    wait "$far" || true
    check "$kind: conservation of the second: $(sed -n 's/.*conservation: //p' "$work/far.log")" \
        grep -q 'conservation: .*: holds' "$work/far.log"
}

in_a_row() { # DEVICE FAR-DEVICE
    device_in=net_af_packet0,iface=p-in,framecnt=8192 device_out=$1
    sekishod_start strict.yaml
    far_start "$2"
    device_traffic
    sekishod_stop
    far_stop
}

over_memif() {
    in_a_row "net_memif0,role=server,socket=$work/memif.sock" "net_memif0,role=client,socket=$work/memif.sock"
}

over_vhost() {
    in_a_row "net_vhost0,iface=$work/vhost.sock" "net_virtio_user0,path=$work/vhost.sock"
}

# ---- which there are -----------------------------------------------------------------------------

sockets_of_xdp() { # exit 0 if the kernel has them, and maps to reach them by
    python3 - <<'PY'
import ctypes, os, platform, socket, struct, sys
BPF_MAP_CREATE, BPF_MAP_TYPE_XSKMAP, AF_XDP = 0, 17, 44
number = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
if number is None:
    sys.exit(1)
try:
    socket.socket(AF_XDP, socket.SOCK_RAW).close()
except OSError:
    sys.exit(1)
attributes = ctypes.create_string_buffer(struct.pack("IIIII", BPF_MAP_TYPE_XSKMAP, 4, 4, 1, 0), 128)
sys.exit(ctypes.CDLL(None).syscall(number, BPF_MAP_CREATE, attributes, 128) < 0)
PY
}
has_driver() { # NAME
    compgen -G "$(pkg-config --variable=libdir libdpdk)/dpdk/pmds-*/librte_net_$1.so*" >/dev/null
}

has_tap() { (exec 3<>/dev/net/tun) 2>/dev/null; }

kinds=(af_packet)
offer() { # KIND WHAT-IT-LACKS COMMAND...: it is there if the command succeeds
    if "${@:3}"; then
        kinds+=("$1")
    else
        echo "skipped: $1: $2"
    fi
}
offer af_xdp "no driver in this DPDK, or no such sockets in this kernel" eval 'has_driver af_xdp && sockets_of_xdp'
offer tap "no driver in this DPDK, or /dev/net/tun cannot be opened" eval 'has_driver tap && has_tap'
offer memif "no driver in this DPDK" has_driver memif
offer vhost "no drivers in this DPDK" eval 'has_driver vhost && has_driver virtio'

for workers in 1 "1, 2, 3"; do
    for name in "${kinds[@]}"; do
        kind="$name, workers $workers"
        "over_$name"
    done
done
two_hosts_end

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The lab of the founding case: two real IKE daemons, a filter in front of each.
#
#   namespace A            namespace F (sekishod, or a bridge)                namespace B
#   charon, eth0 ---- a-in [edge gateway-a] a-out ==== b-out [edge gateway-b] b-in ---- eth0, charon
#   198.51.100.1                                                                       198.51.100.2
#   10.1.0.1 on lo                                                                     10.2.0.1 on lo
#
# lab.sh probe
#     Exit 0 if this machine can run the lab; else one sentence and exit 77.
# lab.sh run --out DIR [--semantics aws-like|strict] [--initiate both|a|b] [--ike 1|2]
#            [--filter sekisho|bridge] [--build DIR] [--wait SECONDS] [--ping yes|no] [--renew SECONDS]
#     With --renew, A's filter lets everything through, A renews its IKE SA so often, both renew their ESP and look
#     whether the other still lives, and the run stays for five renewals, with a ping a second.
#     One run. Leaves in DIR: result.json, b-outside.pcap (the wire before B's filter), logs.
#     Exit 0 when the run itself went well, whether the SA came up or not.
#
# Namespaces live as long as the `sleep` that holds each, so nothing has a name that could clash or stay behind.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
charon=/usr/lib/ipsec/charon

A=198.51.100.1 A_NET=10.1.0.0/24 A_HOST=10.1.0.1
B=198.51.100.2 B_NET=10.2.0.0/24 B_HOST=10.2.0.1

fail() { printf 'lab: %s\n' "$*" >&2; exit 1; }
unable() { printf 'lab: %s\n' "$*"; exit 77; }

probe() {
    [ "$(id -u)" -eq 0 ] || unable "the live case needs root, to make network namespaces"
    local tool
    for tool in ip ethtool tcpdump swanctl ping jq nsenter unshare; do
        command -v $tool >/dev/null || unable "the live case needs the program '$tool', which is not installed"
    done
    [ -x $charon ] || unable "the live case needs strongSwan's charon, which is not installed"
    [ -e /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so ] ||
        unable "the live case needs strongSwan's kernel-libipsec plugin (libcharon-extra-plugins)"
    # Opened, not only looked at: in a container the file may be there and refuse.
    (exec 3<>/dev/net/tun) 2>/dev/null || unable "the live case needs /dev/net/tun, which this machine does not give"
    unshare -n -m sh -c 'ip link add x type veth peer name y && mount -t tmpfs none /run' 2>/dev/null ||
        unable "the live case needs network namespaces, veth pairs and mounts, which this machine does not give"
}

# ---- one run --------------------------------------------------------------------------------------

pids=()
last_pid=
pid_A= pid_B= pid_F=

spawn() { # LOG COMMAND...: start in the background and remember it
    local log=$1
    shift
    "$@" >>"$log" 2>&1 </dev/null &
    last_pid=$!
    pids+=("$last_pid")
}

# Ends what this run started, by id, the newest first; the namespaces go with the last process in them.
tidy() {
    local i pid tries
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        pid=${pids[i]}
        kill -TERM "$pid" 2>/dev/null || true
        for ((tries = 0; tries < 30; tries++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    pids=()
}

hold() { # NAME: a network namespace and a mount namespace of its own
    local tries
    spawn "$out/holder.log" unshare -n -m sleep 900
    printf -v "pid_$1" %s "$last_pid"
    for ((tries = 0; tries < 50; tries++)); do
        [ "$(readlink "/proc/$last_pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] &&
            [ "$(cat "/proc/$last_pid/comm")" = sleep ] && return 0
        sleep 0.05
    done
    fail "a network namespace could not be made"
}

# -r: joining a mount namespace also leaves a chroot, and the lab must run in one.
in_ns() { # NAME COMMAND...
    local holder=pid_$1
    shift
    nsenter -t "${!holder}" -n -m -r -w -- "$@"
}

quiet_port() { # NAME PORT: no IPv6 chatter, and no checksum or segment that exists on paper only
    in_ns "$1" sh -c "
        mount -o remount,rw /proc/sys 2>/dev/null
        echo 1 >/proc/sys/net/ipv6/conf/$2/disable_ipv6 2>/dev/null
        ethtool -K $2 tx off rx off tso off gso off gro off >/dev/null 2>&1
        ip link set $2 up" || fail "port $2 could not be set up"
}

wire() {
    in_ns F ip link add a-in type veth peer name eth0 netns "$pid_A"
    in_ns F ip link add b-in type veth peer name eth0 netns "$pid_B"
    in_ns F ip link add a-out type veth peer name b-out
    local port
    for port in a-in a-out b-out b-in; do quiet_port F $port; done
    quiet_port A eth0
    quiet_port B eth0
    in_ns A ip link set lo up
    in_ns B ip link set lo up
    in_ns A ip address add $A/24 dev eth0
    in_ns B ip address add $B/24 dev eth0
    in_ns A ip address add $A_HOST/32 dev lo
    in_ns B ip address add $B_HOST/32 dev lo
    # Each gateway knows the other's link address beforehand: ARP is not what is tested here, and an answer
    # to it that comes late would shift who speaks first.
    local mac_a mac_b
    mac_a=$(in_ns A ip -j link show eth0 | jq -r '.[0].address')
    mac_b=$(in_ns B ip -j link show eth0 | jq -r '.[0].address')
    in_ns A ip neighbour replace $B lladdr "$mac_b" dev eth0
    in_ns B ip neighbour replace $A lladdr "$mac_a" dev eth0
}

bridge_filter() {
    local side
    for side in a b; do
        in_ns F ip link add "br-$side" type bridge mcast_snooping 0
        quiet_port F "br-$side"
        in_ns F ip link set "$side-in" master "br-$side"
        in_ns F ip link set "$side-out" master "br-$side"
    done
}

sekisho_filter() {
    local daemon=$build/app/sekishod/sekishod policy_a policy_b tries
    [ -x "$daemon" ] || fail "no daemon at $daemon; build it first"
    case $semantics in
        aws-like) policy_a=gateway-a-aws-like.yaml policy_b=aws-like.yaml ;;
        strict) policy_a=gateway-a-strict.yaml policy_b=strict.yaml ;;
        *) fail "semantics is aws-like or strict, not '$semantics'" ;;
    esac
    policy_a=$root/config/examples/$policy_a
    [ "$renew" -eq 0 ] || policy_a=$here/lab/open.yaml
    sed -e "s|@DIR@|$out|g" \
        -e "s|@POLICY_A@|$policy_a|g" \
        -e "s|@POLICY_B@|$root/config/examples/$policy_b|g" \
        "$here/lab/sekisho.yaml.in" >"$out/sekisho.yaml"
    spawn "$out/sekishod.log" nsenter -t "$pid_F" -n -m -r -w -- "$daemon" -c "$out/sekisho.yaml"
    daemon_pid=$last_pid
    # It forwards once its control socket answers.
    for ((tries = 0; tries < 200; tries++)); do
        kill -0 "$daemon_pid" 2>/dev/null || { tail -n 5 "$out/sekishod.log" >&2; fail "sekishod did not start"; }
        [ -S "$out/sekisho.sock" ] && ask status >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    tail -n 5 "$out/sekishod.log" >&2
    fail "sekishod did not answer on its control socket within 20 seconds"
}

ask() { # VERB...: the CLI against this run's daemon
    "$build/app/sekisho/sekisho" "$@" --socket "$out/sekisho.sock"
}

gateway() { # NAME LOCAL REMOTE LOCAL_NET REMOTE_NET START
    local dir=$out/$1 holder=pid_$1 ike_life=14400 esp_life=3600 look=0
    mkdir -p "$dir"
    if [ "$renew" -gt 0 ]; then
        # B's own turn to renew the IKE SA never comes
        [ "$1" = B ] || ike_life=$renew
        esp_life=$((renew + 2)) look=$((renew / 2))
    fi
    sed -e "s|@DIR@|$dir|g" "$here/lab/strongswan.conf.in" >"$dir/strongswan.conf"
    sed -e "s|@IKE@|$ike|" -e "s|@LOCAL@|$2|" -e "s|@REMOTE@|$3|" \
        -e "s|@IKE_LIFE@|$ike_life|" -e "s|@ESP_LIFE@|$esp_life|" -e "s|@LOOK@|$look|" \
        -e "s|@LOCAL_NET@|$4|" -e "s|@REMOTE_NET@|$5|" -e "s|@START@|$6|" \
        "$here/lab/swanctl.conf.in" >"$dir/swanctl.conf"
    # charon writes its pid file to a fixed place: give it a /run of its own.
    in_ns "$1" mount -t tmpfs tmpfs "$(readlink -f /var/run)"
    spawn "$dir/stdout.log" nsenter -t "${!holder}" -n -m -r -w -- env STRONGSWAN_CONF="$dir/strongswan.conf" $charon
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        [ -S "$dir/vici" ] && return 0
        sleep 0.1
    done
    tail -n 5 "$dir/stdout.log" >&2
    fail "charon of gateway $1 did not start"
}

swan() { # NAME ARGUMENT...
    local name=$1
    shift
    in_ns "$name" env STRONGSWAN_CONF="$out/$name/strongswan.conf" swanctl "$@" --uri "unix://$out/$name/vici"
}

load() { # NAME
    swan "$1" --load-all --file "$out/$1/swanctl.conf" >"$out/$1/load.log" 2>&1 && return 0
    tail -n 5 "$out/$1/load.log" >&2
    fail "gateway $1 refused its configuration"
}

sa_is_up() { # on both gateways
    swan A --list-sas 2>/dev/null | grep -q 'INSTALLED' && swan B --list-sas 2>/dev/null | grep -q 'INSTALLED'
}

run() {
    semantics=aws-like initiate=both ike=2 filter=sekisho build=$root/build out= wait_s= ping=yes renew=0 daemon_pid=
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || fail "$1 needs a value"
        case $1 in
            --semantics) semantics=$2 ;; --initiate) initiate=$2 ;; --ike) ike=$2 ;;
            --filter) filter=$2 ;; --build) build=$2 ;; --out) out=$2 ;;
            --wait) wait_s=$2 ;; --ping) ping=$2 ;; --renew) renew=$2 ;;
            *) fail "unknown option $1" ;;
        esac
        shift 2
    done
    [ -n "$out" ] || fail "--out DIR is needed"
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    # Absolute: what joins a namespace begins at its root.
    [ "$filter" != sekisho ] || build=$(cd "$build" && pwd)
    : "${wait_s:=15}"
    trap tidy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    local start_a=none start_b=none
    case $initiate in
        both) start_a=start start_b=start ;;
        a) start_a=start ;;
        b) start_b=start ;;
        *) fail "--initiate is both, a or b" ;;
    esac

    hold A
    hold B
    hold F
    wire
    case $filter in
        bridge) bridge_filter ;;
        sekisho) sekisho_filter ;;
        *) fail "--filter is sekisho or bridge" ;;
    esac

    # In immediate mode every packet is in the file at once; -U writes it through.
    rm -f "$out/b-outside.pcap"
    spawn "$out/tcpdump.log" nsenter -t "$pid_F" -n -m -r -w -- \
        tcpdump -i b-out -n -U --immediate-mode -Z root -w "$out/b-outside.pcap"
    local dump=$last_pid tries
    for ((tries = 0; tries < 50; tries++)); do
        grep -q 'listening on' "$out/tcpdump.log" && break
        sleep 0.1
    done

    gateway A $A $B $A_NET $B_NET $start_a
    gateway B $B $A $B_NET $A_NET $start_b
    [ "$renew" -eq 0 ] || load A # so that it answers at once
    # One after the other, B first and A as soon as B's packet is on the wire: so it is always the same packet
    # that meets a filter which has seen nothing (B's, at A's filter), and the same that crosses it (A's, at B's).
    load B
    if [ $start_b = start ]; then
        for ((tries = 0; tries < 60; tries++)); do
            [ "$(stat -c %s "$out/b-outside.pcap")" -gt 24 ] && break
            sleep 0.05
        done
    fi
    [ "$renew" -gt 0 ] || load A

    local sa=down pinged=no deadline=$((SECONDS + wait_s))
    while [ $SECONDS -lt $deadline ]; do
        if sa_is_up; then
            sa=up
            break
        fi
        sleep 0.25
    done
    if [ $sa = up ] && [ "$ping" = yes ]; then
        for ((tries = 0; tries < 5; tries++)); do
            if in_ns A ping -c 2 -W 1 -i 0.2 -I $A_HOST $B_HOST >"$out/ping.log" 2>&1; then
                pinged=yes
                break
            fi
            sleep 0.5
        done
    fi
    local lost=0
    for ((tries = 0; tries < renew * 5; tries++)); do
        in_ns A ping -c 1 -W 1 -I $A_HOST $B_HOST >>"$out/ping.log" 2>&1 || lost=$((lost + 1))
        sleep 1
    done
    swan A --list-sas >"$out/A/sas.txt" 2>&1 || true
    swan B --list-sas >"$out/B/sas.txt" 2>&1 || true

    local no_proof=null
    if [ $filter = sekisho ]; then
        ask stats -o json >"$out/stats.json" 2>"$out/ask.log" || fail "sekishod stopped answering during the run"
        ask drops -o json >"$out/drops.json" 2>>"$out/ask.log" || true
        kill -0 "$daemon_pid" 2>/dev/null || fail "sekishod died during the run"
        grep -q 'no-proof-ike' "$out/drops.json" && no_proof=true || no_proof=false
    fi
    kill -TERM "$dump" 2>/dev/null || true
    wait "$dump" 2>/dev/null || true
    jq -n --arg s "$semantics" --arg i "$initiate" --arg k "$ike" --arg f "$filter" --arg sa $sa --arg p $pinged \
        --argjson n $no_proof --argjson l $lost \
        '{semantics: $s, initiate: $i, ike: $k, filter: $f, sa: $sa, ping: $p, no_proof_ike: $n, lost: $l}' >"$out/result.json"
    tidy
}

case ${1:-} in
    probe) probe ;;
    run)
        shift
        probe
        run "$@"
        ;;
    *)
        printf 'usage: lab.sh probe | lab.sh run --out DIR [options]; see the head of this file\n' >&2
        exit 2
        ;;
esac

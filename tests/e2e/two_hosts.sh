# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Two hosts with a live sekishod between them; sourced by the tests that send real traffic.
#
#   namespace $in                     namespace $mid                     namespace $out
#   eth0 192.0.2.2, fd00::2 ---- p-in [edge of sekishod] p-out ---- eth0 192.0.2.1, fd00::1
#
#   two_hosts_begin "$@"    reads --build DIR [--long], makes hosts and wires; exit 77 if this machine cannot
#   sekishod_start POLICY   and sekishod_stop, which checks conservation; $appliance_more goes into its file
# `workers`, from the environment or before sekishod_start, says which lcores poll: 1, or "1, 2, 3".
#   two_hosts_end           the last command: fails if any check has
#
# With bad_wires=yes before the beginning, each wire has a place in its middle where `damage` makes it lose,
# double and reorder frames: a bridge with the kernel's netem where there is one, else bad_wire.c.
#
#   p-in ---- p-in-near [bridge or bad_wire] p-in-far ---- eth0 of $in
#
# On such wires `record_start` and `record_stop` frame a time in which `explained` then judges every drop.
#
# The hosts know each other's link address beforehand, so that ARP plays no part in what is counted.
# At the exit of the script everything that it started is ended, and what it made is gone.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work= daemon= failures=0 long=0 appliance_more=
damage_by=none
declare -A bad_wire_of=() # wire: process
in=sk-in-$$ out=sk-out-$$ mid=sk-mid-$$
namespaces=() holders=()

two_hosts_usage() { echo "usage: $(basename "$0") --build DIR [--long]" >&2; exit 2; }

two_hosts_begin() { # ARGUMENT...
    [ "${1:-}" = --build ] && [ -n "${2:-}" ] || two_hosts_usage
    build=$(realpath "$2")
    case ${3:-} in
        '') ;;
        --long) long=1 ;;
        *) two_hosts_usage ;;
    esac
    work=$(mktemp -d)
    trap two_hosts_tidy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    namespace "$in"
    namespace "$out"
    namespace "$mid"
    [ "${bad_wires:-no}" = no ] || damage_choose
    wire "$in" 2 p-in
    wire "$out" 1 p-out
    neighbour "$in" eth0 1
    neighbour "$out" eth0 2
}

two_hosts_tidy() {
    local ns
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    for ns in "${namespaces[@]}"; do
        ip netns pids "$ns" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
        ip netns del "$ns" 2>/dev/null || true
    done
    rm -rf "$work"
}

two_hosts_end() { [ $failures -eq 0 ]; }

namespace() { # NAME: it is gone at the end, with all that runs in it
    ip netns add "$1" 2>/dev/null || { echo "no network namespaces here"; exit 77; }
    namespaces+=("$1")
    ip -n "$1" link set lo up
}

on() { # NAMESPACE COMMAND...
    ip netns exec "$@"
}

# A port that speaks only when told to, with no checksum or segment that exists on paper only.
port_up() { # NAMESPACE PORT
    on "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null 2>&1 &&
        ip -n "$1" link set "$2" addrgenmode none up || { echo "port $2 cannot be set up"; exit 1; }
}

link_address() { printf '02:00:00:00:00:%02x' "$1"; } # NUMBER

wire() { # NAMESPACE NUMBER PORT: a host's eth0, with addresses that end in NUMBER, to a port of $mid
    local end=$3
    [ $damage_by = none ] || end=$3-far
    ip -n "$mid" link add "$end" type veth peer name eth0 netns "$1"
    ip -n "$1" link set eth0 address "$(link_address "$2")"
    ip -n "$1" address add "192.0.2.$2/24" dev eth0
    ip -n "$1" address add "fd00::$2/64" dev eth0 nodad
    port_up "$1" eth0
    port_up "$mid" "$end"
    [ $damage_by = none ] || wire_middle "$3"
}

wire_middle() { # PORT
    ip -n "$mid" link add "$1" type veth peer name "$1-near"
    port_up "$mid" "$1"
    port_up "$mid" "$1-near"
    if [ $damage_by = netem ]; then
        ip -n "$mid" link add "$1-mid" type bridge mcast_snooping 0
        ip -n "$mid" link set "$1-near" master "$1-mid"
        ip -n "$mid" link set "$1-far" master "$1-mid"
        ip -n "$mid" link set "$1-mid" addrgenmode none up
    fi
    damage "${1#p-}" 0 0 0
}

neighbour() { # NAMESPACE PORT NUMBER
    ip -n "$1" neighbour replace "192.0.2.$3" lladdr "$(link_address "$3")" dev "$2"
    ip -n "$1" neighbour replace "fd00::$3" lladdr "$(link_address "$3")" dev "$2"
}

damage_choose() {
    damage_by=bad_wire
    if on "$mid" tc qdisc add dev lo root netem loss 1% 2>/dev/null; then
        on "$mid" tc qdisc del dev lo root
        damage_by=netem
    fi
}

# From now on, in both directions. A late frame is overtaken for three milliseconds.
damage() { # in|out LOSS DUPLICATE LATE: in percent
    local end
    if [ $damage_by = netem ]; then
        for end in near far; do
            on "$mid" tc qdisc replace dev "p-$1-$end" root netem limit 10000 \
                loss "$2%" duplicate "$3%" delay 3ms reorder "$((100 - $4))%"
        done
        return
    fi
    if [ -n "${bad_wire_of[$1]:-}" ]; then
        kill "${bad_wire_of[$1]}"
        while kill -0 "${bad_wire_of[$1]}" 2>/dev/null; do sleep 0.02; done
    fi
    : >"$work/bad_wire-$1"
    ip netns exec "$mid" "$build/tests/bad_wire" --loss "$2" --duplicate "$3" --late "$4" --wait 3 \
        "p-$1-near" "p-$1-far" >"$work/bad_wire-$1" &
    bad_wire_of[$1]=$!
    disown
    for _ in $(seq 100); do
        grep -q joined "$work/bad_wire-$1" && return
        sleep 0.05
    done
    echo "the bad wire could not be made"
    exit 1
}

# What sekishod is given and what it gives, both on its own side of the damage.
record_start() { # FILTER BYTES-OF-A-FRAME
    ip netns exec "$mid" tcpdump -i any -y LINUX_SLL2 -Q in -n -s "$2" -B 131072 -Z root \
        -w "$work/wires.pcap" "($1) or icmp" 2>"$work/tcpdump.log" &
    recorder=$!
    for _ in $(seq 100); do
        grep -q 'listening on' "$work/tcpdump.log" && return
        sleep 0.1
    done
    cat "$work/tcpdump.log"
    exit 1
}

# The answer to a last ping comes after all that sekishod had still to do; later damage is nobody's concern.
record_stop() {
    damage in 0 0 0
    damage out 0 0 0
    on "$in" ping -q -c 1 -w 60 192.0.2.1 >/dev/null
    sleep 1.5 # the kernel hands over what it has every second
    kill "$recorder"
    wait "$recorder" || true
}

explained() { # prints why each frame of the recording that did not leave was dropped; fails if it cannot
    local port indices=()
    grep -q '^0 packets dropped by kernel' "$work/tcpdump.log" || { cat "$work/tcpdump.log"; return 1; }
    for port in p-in p-in-near p-out p-out-near; do
        indices+=("$(on "$mid" cat "/sys/class/net/$port/ifindex")")
    done
    python3 "$here/explain_drops.py" "$work/wires.pcap" "${indices[@]}"
}

check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        printf 'pass: %s\n' "$what"
    else
        printf 'FAIL: %s\n' "$what"
        tail -n 5 "$work/said"
        failures=$((failures + 1))
    fi
}

fails() { ! "$@"; } # COMMAND...

host_policy() { # SEMANTICS [INGRESS-RULE]: of the inside host: all goes out, and only what the rule says comes in
    printf '%s\n' 'version: 1' "semantics: $1" 'endpoints:' \
        '  - {name: host, addresses: [192.0.2.2, "fd00::2"], groups: [g]}' 'groups:' '  - name: g'
    [ -z "${2:-}" ] || printf '%s\n' '    ingress:' "      - {$2}"
    printf '%s\n' '    egress:' '      - {id: all-out, protocol: all, to: [192.0.2.0/24, "fd00::/64"]}'
}

soon() { # COMMAND...: it succeeds within a time that no machine needs
    local try
    for try in $(seq 200); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    "$@"
}

cli() { on_daemon "$build/app/sekisho/sekisho" "$@" --socket "${sockets:-$work}/s.sock"; }

counter() { # JQ-PATH: of `sekisho stats`
    cli stats -o json | jq "$1"
}

reason() { counter ".reasons[\"$1\"]"; } # WORD: how many packets it has decided

# The ports that sekishod is given.
device_in=net_af_packet0,iface=p-in,framecnt=8192
device_out=net_af_packet1,iface=p-out,framecnt=8192

# Where it runs: here, unless a script says otherwise.
on_daemon() { "$@"; } # COMMAND...
daemon_begin() {
    ip netns exec "$mid" "$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" &
    daemon=$!
}
daemon_lives() { kill -0 "$daemon" 2>/dev/null; }
daemon_end() {
    kill "$daemon"
    wait "$daemon" || true
}

appliance_write() { # POLICY
    cat >"$work/sekisho.yaml" <<YAML
version: 1
policy: $1
edges:
  - name: edge
    inside: {device: "$device_in"}
    outside: {device: "$device_out"}
workers: [${workers:-1}]
memory: {flows: 65536, hugepages: ${hugepages:-no}}
control: {socket: ${sockets:-$work}/s.sock, readonly_socket: ${sockets:-$work}/ro.sock}
$appliance_more
YAML
}

sekishod_start() { # POLICY
    appliance_write "$1"
    : >"$work/log"
    daemon_begin
    for _ in $(seq 200); do
        grep -q 'ready' "$work/log" && return
        daemon_lives || break
        sleep 0.1
    done
    cat "$work/log"
    echo "sekishod did not start"
    exit 1
}

sekishod_stop() {
    daemon_end
    daemon=
    check "conservation: $(sed -n 's/.*conservation: //p' "$work/log")" grep -q 'conservation: .*: holds' "$work/log"
}

traffic() { # NAMESPACE COMMAND...: see traffic.py
    on "$1" timeout 600 python3 "$here/traffic.py" "${@:2}"
}

serve() { # NAMESPACE PORT: both families, until the end
    ip netns exec "$1" python3 "$here/traffic.py" serve "$2" &
    disown # the shell need not tell that it was killed
    for _ in $(seq 100); do
        [ -n "$(on "$1" ss -Hltn "sport = :$2")" ] && return
        sleep 0.1
    done
    echo "the server on port $2 did not start"
    exit 1
}

# Connections that live on while other things happen; see traffic.py.
hold_start() { # NAMESPACE ADDRESS PORT COUNT [SIZE]
    local told=$work/held-${#holders[@]}
    ip netns exec "$1" python3 "$here/traffic.py" hold "${@:2}" >"$told" 2>&1 &
    holders+=($!)
    for _ in $(seq 200); do
        grep -q 'all are open' "$told" && return
        sleep 0.1
    done
    cat "$told"
    exit 1
}

hold_stop() { # fails if one of them was lost
    local i status=0
    kill "${holders[@]}"
    for i in "${!holders[@]}"; do
        wait "${holders[i]}" || { cat "$work/held-$i"; status=1; }
    done
    holders=()
    return $status
}

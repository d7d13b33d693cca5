# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Two hosts with a live sekishod between them; sourced by the tests that send real traffic.
#
#   namespace $in                     namespace $mid                     namespace $out
#   eth0 192.0.2.2, fd00::2 ---- p-in [edge of sekishod] p-out ---- eth0 192.0.2.1, fd00::1
#
#   two_hosts_begin "$@"    reads --build DIR [--long], makes hosts and wires; exit 77 if this machine cannot
#   sekishod_start POLICY   and sekishod_stop, which checks conservation
#   two_hosts_end           the last command: fails if any check has
#
# The hosts know each other's link address beforehand, so that ARP plays no part in what is counted.
# At the exit of the script everything that it started is ended, and what it made is gone.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work= daemon= failures=0 long=0
in=sk-in-$$ out=sk-out-$$ mid=sk-mid-$$
namespaces=()

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
    on "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null 2>&1
    ip -n "$1" link set "$2" up
}

link_address() { printf '02:00:00:00:00:%02x' "$1"; } # NUMBER

wire() { # NAMESPACE NUMBER PORT: a host's eth0, with addresses that end in NUMBER, to a port of $mid
    ip -n "$mid" link add "$3" type veth peer name eth0 netns "$1"
    ip -n "$1" link set eth0 address "$(link_address "$2")"
    ip -n "$1" address add "192.0.2.$2/24" dev eth0
    ip -n "$1" address add "fd00::$2/64" dev eth0 nodad
    port_up "$1" eth0
    port_up "$mid" "$3"
}

neighbour() { # NAMESPACE PORT NUMBER
    ip -n "$1" neighbour replace "192.0.2.$3" lladdr "$(link_address "$3")" dev "$2"
    ip -n "$1" neighbour replace "fd00::$3" lladdr "$(link_address "$3")" dev "$2"
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

cli() { "$build/app/sekisho/sekisho" "$@" --socket "$work/s.sock"; }

counter() { # JQ-PATH: of `sekisho stats`
    cli stats -o json | jq "$1"
}

reason() { counter ".reasons[\"$1\"]"; } # WORD: how many packets it has decided

sekishod_start() { # POLICY
    cat >"$work/sekisho.yaml" <<YAML
version: 1
policy: $1
edges:
  - name: edge
    inside: {device: "net_af_packet0,iface=p-in,framecnt=8192"}
    outside: {device: "net_af_packet1,iface=p-out,framecnt=8192"}
memory: {flows: 65536, hugepages: no}
control: {socket: $work/s.sock, readonly_socket: $work/ro.sock}
YAML
    ip netns exec "$mid" "$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" &
    daemon=$!
    for _ in $(seq 200); do
        grep -q 'ready' "$work/log" && return
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/log"
    echo "sekishod did not start"
    exit 1
}

sekishod_stop() {
    kill "$daemon"
    wait "$daemon" || true
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

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Who may include whom: app, bench, tests -> config -> lib/sekisho.h, and the walls inside lib.
#   layers.sh [ROOT]       prints each breach as file:line and exits 1 if there is any
#   layers.sh --self-test  seeds breaches in a scratch tree and checks that each is found
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Reads "file:line:header" and prints breaches. One rule a block, so that a breach names its rule.
judge() {
    awk -F: -v headers="$1" '
    function breach(rule) { printf "%s:%s: includes %s: %s\n", $1, $2, $3, rule; bad = 1 }
    function base(path) { sub(/.*\//, "", path); return path }
    {
        file = $1; header = $3; name = base(file); stem = name; sub(/\.[ch]$/, "", stem); target = base(header)
        rte = header ~ /^rte_/
        # What measures one part of lib by itself must see it; the rest of bench, and app, do not.
        part = file ~ /^bench\/(bench_[a-z_]+|instructions)\.[ch]$/
    }
    # Libraries of the control side have no place in lib.
    file ~ /^lib\// && header ~ /^(cyaml|yaml|jansson|pcap)/ { breach("lib knows no YAML, JSON or pcap") }
    file ~ /^lib\// && (header ~ /^rte_(ethdev|eal|ring|pcapng)/) { breach("ethdev, eal, ring, pcapng only in app") }
    file !~ /^(lib|app)\// && header ~ /^rte_(ethdev|ring|pcapng)/ { breach("ethdev, ring, pcapng only in app") }
    file ~ /^lib\// && header ~ /^rte_mbuf/ && file != "lib/engine.c" { breach("rte_mbuf only in lib/engine.c") }
    # The three that see libc and each other only.
    file ~ /^lib\/(packet[a-z_]*|verdict|flow_key)\.[ch]$/ && rte { breach("sees libc and its own headers only") }
    file ~ /^lib\/(packet[a-z_]*|verdict|flow_key)\.[ch]$/ && known[target] && target !~ /^(packet[a-z_]*|verdict|flow_key)\.h$/ {
        breach("sees libc and its own headers only")
    }
    # Flows, tracking and proofs know neither rules nor DPDK.
    file ~ /^lib\/(flow[a-z_]*|track[a-z_]*)\.[ch]$/ || file ~ /^lib\/proof\// {
        if (target == "rules.h" || target == "policy.h") breach("flows, tracking and proofs never see rules or policy")
        if (rte && file !~ /flow_key/) breach("flows, tracking and proofs are built and tested without DPDK")
    }
    # Only the engine knows flows and rules both: a rules file sees no flow.
    file ~ /^lib\/(rules|policy)\.[ch]$/ && target ~ /^(flow|flow_table|track)\.h$/ { breach("only engine.c knows flows and rules both") }
    file ~ /^config\// && internal[target] { breach("config sees lib through sekisho.h") }
    file ~ /^(app|bench)\// && !part && internal[target] && !own[dir(file) target] {
        breach("sees lib through sekisho.h and verdict.h")
    }
    function dir(path) { sub(/[^\/]*$/, "", path); return path }
    END { exit bad }
    BEGIN {
        while ((getline path < headers) > 0) {
            if (path ~ /^lib\//) { known[base(path)] = 1; if (base(path) !~ /^(sekisho|verdict)\.h$/) internal[base(path)] = 1 }
            else own[dir(path) base(path)] = 1
        }
    }'
}

check() { # ROOT
    local list status=0
    cd "$1"
    list=$(mktemp)
    find lib app config bench -name '*.h' 2>/dev/null | sort >"$list" || true
    { grep -rnoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"][^>"]+[>"]' \
        --include='*.[ch]' --include='*.cc' lib app config bench tests 2>/dev/null || true; } |
        sed -E 's/^([^:]*:[0-9]+:).*[<"]([^>"]+)[>"]$/\1\2/' | sort >"$list.includes"
    judge "$list" <"$list.includes" || status=$?
    rm -f "$list" "$list.includes"
    return $status
}

self_test() {
    local line file found
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lib/proof" "$work/app/sekisho" "$work/config" "$work/tests" "$work/bench"
    for file in sekisho verdict packet flow flow_key flow_table track rules policy; do : >"$work/lib/$file.h"; done
    printf '#include <stdint.h>\n#include "packet.h"\n' >"$work/lib/packet.c"
    printf '#include <rte_acl.h>\n#include "rules.h"\n' >"$work/lib/rules.c"
    printf '#include <rte_ethdev.h>\n#include <sekisho.h>\n' >"$work/app/sekisho/main.c"
    printf '#include "flow_table.h"\n' >"$work/bench/bench_table.c"
    if ! (check "$work") >/dev/null; then
        printf 'a sound tree is called a breach\n'
        return 1
    fi
    # Each line: a file, and what it must not include.
    while read -r file line; do
        cp -r "$work" "$work.seeded"
        mkdir -p "$(dirname "$work.seeded/$file")"
        printf '#include <stdint.h>\n#include "%s"\n' "$line" >"$work.seeded/$file"
        found=$( (check "$work.seeded") || true)
        rm -rf "$work.seeded"
        case $found in
            "$file:2: includes $line:"*) ;;
            *) printf 'not found: %s including %s\n' "$file" "$line"; return 1 ;;
        esac
    done <<'SEEDS'
lib/packet.c rte_ether.h
lib/verdict.c flow.h
lib/flow_key.h policy.h
lib/flow_table.c rules.h
lib/track_udp.c policy.h
lib/proof/ike.c ../rules.h
lib/flow_age.c rte_cycles.h
lib/rules.c flow_table.h
lib/engine.c rte_ethdev.h
lib/telemetry.c rte_mbuf.h
lib/policy.c rte_ring.h
lib/semantics.c jansson.h
config/schema.c flow.h
config/build.c rte_ring.h
app/sekisho/cmd.c packet.h
bench/bench_flow.c rte_ethdev.h
bench/traffic.c packet.h
app/sekisho/bench_report.c flow_table.h
SEEDS
    printf 'each seeded breach is found\n'
}

case ${1:-} in
    --self-test) self_test ;;
    *) check "${1:-$root}" && printf 'no breach\n' ;;
esac

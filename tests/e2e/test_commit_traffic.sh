#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A hundred commits of 10,000 rules (--long: a thousand) while numbered packets go there and back: not one of
# a flow that both policies admit is lost, counters go on by rule id, and memory is afterwards what it was
# before. Then what a commit does to the flows of a rule that goes: AWS-60, STRICT-4.
# Usage: test_commit_traffic.sh --build DIR [--long]. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

policy() { # SEMANTICS FIRST-PORT RULES [RULE...]: rules of another first port differ in all
    cat <<YAML
version: 1
semantics: $1
endpoints:
  - {name: host, addresses: [192.0.2.2], groups: [g]}
groups:
  - name: g
    egress:
      - {id: echo-out, protocol: udp, ports: 7007, to: [192.0.2.1]}
YAML
    for rule in "${@:4}"; do echo "      - $rule"; done
    echo '    ingress:'
    awk -v first="$2" -v count="$3" 'BEGIN {
        for (i = 0; i < count; i++)
            printf "      - {id: r%d, protocol: tcp, ports: %d, from: [10.%d.%d.%d]}\n", i, first + i,
                i / 65536, i / 256 % 256, i % 256
    }'
}
fleeting='{id: fleeting, protocol: all, to: [192.0.2.1]}'
policy aws-like 1 10000 '{id: one, protocol: tcp, to: [192.0.2.9]}' >"$work/one.yaml"
policy strict 2 10000 '{id: two, protocol: tcp, to: [192.0.2.9]}' >"$work/two.yaml"
policy aws-like 3 10000 >"$work/three.yaml"
policy aws-like 1 1 >"$work/small.yaml"
for semantics in aws-like strict; do
    policy $semantics 1 1 "$fleeting" >"$work/$semantics-with.yaml"
    policy $semantics 1 1 >"$work/$semantics-without.yaml"
done

appliance_more="state: $work/state"
sekishod_start small.yaml
serve "$out" 7007

# ---- Many commits under load ----
ip netns exec "$in" python3 "$here/traffic.py" number 192.0.2.1 7007 50 1000 >"$work/numbers" &
numbers=$!
sleep 1
python3 "$here/commit_many.py" "$work/s.sock" "$work/small.yaml" $((long ? 1000 : 100)) "$work"/{one,two,three}.yaml ||
    failures=$((failures + 1))
kill $numbers
status=0
wait $numbers || status=$?
check "no packet was lost: $(cat "$work/numbers")" [ $status -eq 0 ]
# The kernels' own multicast has no rule; of these flows no packet was lost, and no flow may have been closed.
check "nor a flow withdrawn" [ "$(reason rule-withdrawn)" = 0 ]
sent=$(awk '{print $1}' "$work/numbers")
counted=$(cli rules -o json | jq 'select(.rule == "g/echo-out") | .packets')
check "the rule that admitted them has counted on: $counted" [ "$counted" = $((2 * sent)) ]
check "and their flows are live" [ "$(cli rules -o json | jq 'select(.rule == "g/echo-out") | .live_flows')" = 50 ]

# ---- Flows whose rule goes ----
live() { cli rules -o json | jq 'select(.rule == "g/fleeting") | .live_flows'; }
they_are() { [ "$(live)" = "$1" ]; }
serve "$out" 7000
for semantics in aws-like strict; do
    check "$semantics: commit" cli commit "$work/$semantics-with.yaml"
    ip netns exec "$in" python3 "$here/traffic.py" hold 192.0.2.1 7000 200 >"$work/held" &
    held=$!
    check "$semantics: 200 connections" soon they_are 200
    closed=$(counter .flows.closed)
    [ $semantics = aws-like ] || kill -STOP $held
    check "$semantics: their rule goes" cli commit "$work/$semantics-without.yaml"
    if [ $semantics = aws-like ]; then
        sleep 3
        kill $held
        check "AWS-60: connections outlive their rule" wait $held
        check "AWS-60: and none was closed" [ "$(counter .flows.closed)" = "$closed" ]
        # They wait for their ends still, and would be there when those of the next round are counted.
        check "they make room for the next" cli flows kill "proto tcp"
        check "and are gone" soon they_are 0
    else
        check "STRICT-4: they are closed, though they send nothing" soon they_are 0
        closed=$(($(counter .flows.closed) - closed))
        check "STRICT-4: all of them, $closed" [ $closed = 200 ]
        disown $held # the shell need not tell that it was killed
        kill -KILL $held
    fi
done

sekishod_stop
two_hosts_end

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A shadow policy beside the enforced one, through a live sekishod between two hosts: what passes is what the enforced
# policy lets pass, and where the shadow would have dropped it is told with both explanations.
# Usage: test_shadow.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

policy() { # SEMANTICS
    cat <<YAML
version: 1
semantics: $1
endpoints:
  - {name: gateway, addresses: [192.0.2.2], groups: [vpn]}
groups:
  - name: vpn
    ingress:
      - {id: esp-in, protocol: esp, from: [192.0.2.1/32]}
    egress:
      - {id: all-out, protocol: all, to: [0.0.0.0/0]}
YAML
}
ike() { on "$1" timeout 60 python3 "$here/ike.py" "${@:2}"; } # NAMESPACE COMMAND...
shadow() { cli shadow --interval 1s -o json | jq -c "$1"; } # JQ-FILTER
summary() { shadow 'select(.summary) | .summary' | jq -c "$1"; } # JQ-FILTER

policy aws-like >"$work/aws-like.yaml"
policy strict >"$work/strict.yaml"

# without a shadow there is none
sekishod_start aws-like.yaml
status=0
cli shadow >"$work/said" 2>&1 || status=$?
check "no shadow runs: exit 1" [ "$status" = 1 ]
sekishod_stop

appliance_more="shadow: strict.yaml
audit: $work/audit"
sekishod_start aws-like.yaml

# The founding case: both sides initiate, from port 500 to port 500. The other's initiation comes in by the flow.
check "crossing initiations both arrive" ike "$in" cross "$out"
check "the enforced policy is aws-like: flow-answer $(reason flow-answer)" [ "$(reason flow-answer)" = 1 ]
check "nothing of the shadow is in its counters" [ "$(reason no-proof-ike)" = 0 ]
check "one class of disagreement" \
    [ "$(shadow 'select(.packets) | [.enforced, .shadow, .packets]')" = '["flow-answer","no-proof-ike",1]' ]
sample=$(shadow 'select(.samples) | .samples[0] | [.direction, .flow, .enforced.verdict, .enforced.rule, .shadow.verdict, .shadow.reason]')
check "its sample has both explanations: $sample" [ "$sample" = \
    '["ingress","udp 192.0.2.1:500 > 192.0.2.2:500","pass","vpn/all-out","drop","no-proof-ike"]' ]
check "where the rule is written" \
    [ "$(shadow 'select(.samples) | .samples[0].enforced | [.file, .line]' | sed 's/.*\(aws-like.yaml\)/\1/')" = 'aws-like.yaml",10]' ]
check "as a table" cli shadow
sed -n 1,12p "$work/said"

# Fragments that come before their first are held by both, and compared when both have decided: here both let pass,
# as the question was asked; and once more unasked for, where only the enforced policy does.
before=$(summary .packets)
check "a fragmented initiation, its last piece first, arrives" ike "$in" fragments "$out"
check "fragments are compared: $(summary '[.differ, .uncompared]')" [ "$(summary '[.differ, .uncompared]')" = '[3,0]' ]
check "and counted: $before before" [ "$(summary .packets)" -ge $((before + 2)) ]

# Another policy on trial, while packets go by: it begins anew, with no flows and counters of 0.
tried() { local code=0; cli shadow "${@:2}" >"$work/out" 2>&1 || code=$?; [ $code -eq "$1" ]; } # STATUS OPTION...
is() { check "$1: $2" [ "$2" = "$3" ]; }                                                          # WHAT FOUND EXPECTED
check "the enforced policy is put on trial as well" tried 0 --policy "$work/aws-like.yaml"
check "which is told" grep -q 'aws-like.yaml (aws-like) is on trial' "$work/out"
check "crossing initiations, once more" ike "$in" cross "$out"
is "it begins anew, and finds no difference" "$(summary '[.packets, .differ, (.policy | endswith("aws-like.yaml"))]')" '[2,0,true]'
check "strict is put on trial once more" tried 0 -o json --policy "$work/strict.yaml"
is "told as JSON" "$(jq -c '[.semantics, (.policy | endswith("/strict.yaml"))]' "$work/out")" '["strict",true]'
check "fragments, whose numbers are not those of the enforced engine" ike "$in" fragments "$out"
is "are compared" "$(summary '[.differ > 0, .uncompared]')" '[true,0]'
sed 's/from: .*/from: [300.0.0.1]}/' "$work/strict.yaml" >"$work/bad.yaml"
check "a policy that is none is refused" tried 1 --policy "$work/bad.yaml"
check "with its place" grep -q 'bad.yaml:8:[0-9]*: error' "$work/out"
check "and the trial goes on" grep -q 'strict.yaml (strict) has judged' <(cli shadow)
check "readers may not" fails "$build/app/sekisho/sekisho" shadow --off --socket "$work/ro.sock"
check "the trial is ended" tried 0 --off
check "no shadow runs: exit 1 again" tried 1
check "packets go on" ike "$in" cross "$out"
check "ended twice" tried 0 --off
check "is said" grep -q 'no shadow policy ran' "$work/out"
check "and one more trial" tried 0 --policy "$work/strict.yaml"
check "crossing initiations, at last" ike "$in" cross "$out"
before=$(summary .differ)
check "it sees a difference: $before" [ "$before" -gt 0 ]
is "who put what on trial is in the audit" "$(jq -sc '[.[] | select(.event | startswith("shadow.")) | .event]' "$work/audit")" \
    '["shadow.set","shadow.set","shadow.off","shadow.set"]'

# The shadow goes on with its own flows whatever the enforced policy becomes.
check "strict is committed" cli commit "$work/strict.yaml"
check "now the crossing initiation is dropped" fails ike "$in" cross "$out" 3
check "and the shadow agrees" [ "$(summary .differ)" = "$before" ]

sekishod_stop

# After a restart the shadow has the flows of the image as well, those that its own policy admits.
restart() { # SHADOW-POLICY
    appliance_more="shadow: $1
state: $work/state"
    [ -z "$daemon" ] || sekishod_stop
    sekishod_start strict.yaml
}
has_judged() { [ "$(summary .packets)" -ge "$1" ]; }
restart strict.yaml
serve "$out" 7000
hold_start "$in" 192.0.2.1 7000 10
restart strict.yaml
check "the shadow takes the flows of the image" grep -q 'shadow takes 10 of them, and has no rule for 0' "$work/log"
check "both judge what goes on" soon has_judged 40
is "and do not differ" "$(summary '[.differ, .uncompared]')" '[0,0]'
sed 's/protocol: all/protocol: esp/' "$work/strict.yaml" >"$work/esp.yaml"
restart esp.yaml
check "one that does not admit them has none" grep -q 'shadow takes 0 of them, and has no rule for 10' "$work/log"
check "both judge once more" soon has_judged 40
check "and it would drop all that goes on: $(summary .differ)" [ "$(summary .differ)" -ge 40 ]
check "connections live on" hold_stop
sekishod_stop
two_hosts_end

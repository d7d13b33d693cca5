#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `sekisho check` from outside: exit codes, both outputs, and hostile files. usage: test_check.sh --build DIR
set -uo pipefail

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_check.sh --build DIR" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath "$2")
sekisho=$build/app/sekisho/sekisho
work=$(mktemp -d) pid=

tidy() {
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
    rm -rf "$work"
}
trap tidy EXIT
# shellcheck source=tests/e2e/checks.sh
source "$here/tests/e2e/checks.sh"

founding=$here/config/examples/aws-like.yaml

# ---- What it says -----------------------------------------------------------------------------------
check "findings do not make a policy invalid" exits 0 "$sekisho" check "$founding"
check "the place, the rule, the code and the clauses are told" grep -q \
    "aws-like.yaml:10:9: warning: vpn/all-out: .*500 (IKE).* \[symmetric-ports; AWS-70" \
    <("$sekisho" check "$founding")
check "the last line is the summary" grep -q 'valid, aws-like, 1 groups, 2 rules' \
    <("$sekisho" check "$founding" | tail -n 1)
check "json: an object a line" exits 0 jq -e . <("$sekisho" check -o json "$founding")
check "json: what a finding has" equal \
    "$("$sekisho" check -o json "$founding" | jq -sc '.[0] | [.severity, .code, .line, .column, .rule, .clauses]')" \
    '["warning","symmetric-ports",10,9,"vpn/all-out",["AWS-70","AWS-71","AWS-36"]]'
check "json: the summary is last" equal \
    "$("$sekisho" check -o json "$founding" | jq -sc '.[-1].summary | [.valid, .rules, .warnings, .codes["symmetric-ports"]]')" \
    '[true,2,1,1]'
check "nothing to say, nothing said" equal "$("$sekisho" check "$here/config/examples/empty.yaml" | wc -l)" 1
check "the same twice" cmp <("$sekisho" check -o json "$founding") <("$sekisho" check -o json "$founding")

cat >"$work/bad.yaml" <<'Y'
version: 1
semantics: strickt
grops: []
groups: [{name: g, ingress: [{protocl: tcp, from: 10.0.0.0/8}]}]
Y
check "an invalid policy" exits 1 "$sekisho" check "$work/bad.yaml"
check "all of it is told, on stderr" equal "$("$sekisho" check "$work/bad.yaml" 2>&1 >/dev/null | cut -d: -f2,3 | paste -sd' ')" \
    "3:1 4:31 4:30"
check "with the word that was meant" grep -q "did you mean 'groups'?" <("$sekisho" check "$work/bad.yaml" 2>&1)
check "json: errors are objects, too" equal \
    "$("$sekisho" check -o json "$work/bad.yaml" | jq -sc '[.[0] | .severity, .line, .column], .[-1].summary')" \
    "$(printf '["error",3,1]\n{"policy":"%s","valid":false,"errors":3}' "$work/bad.yaml")"
check "json: an invalid policy" exits 1 "$sekisho" check -o json "$work/bad.yaml"
check "no such file" exits 2 "$sekisho" check "$work/absent.yaml"
check "a folder" exits 2 "$sekisho" check "$work"
check "no operand" exits 2 "$sekisho" check

# ---- Against the running policy -----------------------------------------------------------------------
policy() { # SEMANTICS TIMERS INGRESS-RULE...
    printf 'version: 1\nsemantics: %s\n%s\n' "$1" "$2"
    printf 'endpoints:\n  - {name: gw, addresses: [198.51.100.2], groups: [vpn]}\n'
    printf 'groups:\n  - name: vpn\n    egress:\n      - {id: all-out, protocol: all, to: 0.0.0.0/0}\n'
    printf '    ingress:\n'
    shift 2
    printf '      - {%s}\n' "$@"
}
esp='id: esp-in, protocol: esp, from: 198.51.100.1'
web='id: web, protocol: tcp, ports: 443, from: 0.0.0.0/0'
ssh='id: ssh, protocol: tcp, ports: 22, from: 10.0.0.0/8'
ssh_wider='id: ssh, protocol: tcp, ports: 22, from: [10.0.0.0/8, 192.0.2.0/24]'
policy aws-like '' "$esp" "$web" "$ssh" >"$work/running.yaml"
policy aws-like 'timeouts: {udp: 60}' "$ssh_wider" 'id: dns, protocol: udp, ports: 53, from: 192.0.2.1' \
    >"$work/next.yaml"
policy strict '' "$web" "$ssh" >"$work/strict.yaml"
cat >"$work/sekisho.yaml" <<Y
version: 1
policy: running.yaml
edges:
  - name: vpn-edge
    inside: {device: "net_null0"}
    outside: {device: "net_null1"}
workers: [1]
memory: {flows: 65536, hugepages: no}
control: {socket: $work/run/s.sock, readonly_socket: $work/run/ro.sock}
Y
against() { # POLICY: the changes and the summary's part, as JSON
    "$sekisho" check -o json --socket "$work/run/s.sock" "$work/$1" |
        jq -c 'select(.change) | [.change, .rule // .setting, .text, .flows, .clauses[]]'
}

check "no daemon is no failure" exits 0 "$sekisho" check --socket "$work/run/s.sock" "$work/next.yaml"
check "but told, where one was named" grep -q "no daemon at $work/run/s.sock" \
    <("$sekisho" check --socket "$work/run/s.sock" "$work/next.yaml" 2>&1)
check "json: there is none" equal \
    "$("$sekisho" check -o json --socket "$work/run/s.sock" "$work/next.yaml" 2>/dev/null | jq -sc '.[-1].summary.running')" null

"$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" >"$work/log" 2>&1 &
pid=$!
for _ in $(seq 100); do
    grep -q ready "$work/log" && break
    kill -0 "$pid" 2>/dev/null || { cat "$work/log"; echo "FAIL: the daemon did not start"; exit 1; }
    sleep 0.1
done

check "the running policy itself changes nothing" equal "$(against running.yaml)" ""
check "and that is said" grep -q "as the running policy .*, generation [0-9]*$" \
    <("$sekisho" check --socket "$work/run/s.sock" "$work/running.yaml")
check "AWS-60, 61: what changes, and what becomes of the flows" equal "$(against next.yaml)" \
    '["changed","timeouts.udp","30 s -> 60 s",null]
["added","vpn/dns","udp 53 from 192.0.2.1/32",null]
["removed","vpn/esp-in","esp from 198.51.100.1/32","kept","AWS-60"]
["changed","vpn/ssh","tcp 22, from adds 192.0.2.0/24","kept","AWS-60"]
["removed","vpn/web","tcp 443 from 0.0.0.0/0","cut","AWS-61"]'
check "STRICT-4: under strict all are judged again" equal "$(against strict.yaml | grep -v timeouts | grep -v limits)" \
    '["changed","semantics","aws-like -> strict",null]
["removed","vpn/esp-in","esp from 198.51.100.1/32","judged-again","STRICT-4"]'
check "the summary counts them" equal \
    "$("$sekisho" check -o json --socket "$work/run/s.sock" "$work/next.yaml" |
        jq -sc '.[-1].summary.running | del(.policy, .generation)')" \
    '{"added":1,"removed":2,"changed":1,"settings":1}'
check "for people" grep -q '^  - vpn/web: tcp 443 from 0.0.0.0/0; .* (AWS-61)$' \
    <("$sekisho" check --socket "$work/run/s.sock" "$work/next.yaml")
check "of an edge by its name" exits 0 "$sekisho" check --socket "$work/run/s.sock" --edge vpn-edge "$work/next.yaml"
check "the read-only socket will do" grep -q '^  + vpn/dns' \
    <("$sekisho" check --socket "$work/run/ro.sock" "$work/next.yaml")
check "an edge that is not there fails nothing" exits 0 \
    "$sekisho" check --socket "$work/run/s.sock" --edge nowhere "$work/next.yaml"
check "an invalid policy is not compared" exits 1 "$sekisho" check --socket "$work/run/s.sock" "$work/bad.yaml"

# ---- What is refused changes nothing --------------------------------------------------------------------
generation() { "$sekisho" policy -o json --socket "$work/run/s.sock" | jq .generation; }
before=$(generation)
check "refused commits leave the policy as it was" python3 "$here/tests/e2e/hostile_commits.py" \
    "$work/run/s.sock" "$pid"
check "and its generation" equal "$(generation)" "$before"
kill -TERM "$pid"
wait "$pid"
check "a clean stop" test $? -eq 0
pid=

# ---- Hostile files: refused in a second of processor time and in bounded memory -----------------------
check "hostile files" python3 "$here/tests/e2e/hostile_policies.py" "$sekisho" "$work"
checks_end

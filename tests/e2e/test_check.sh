#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `sekisho check` from outside: exit codes, both outputs, and hostile files. usage: test_check.sh --build DIR
set -uo pipefail

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_check.sh --build DIR" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath "$2")
sekisho=$build/app/sekisho/sekisho
work=$(mktemp -d) failed=0

tidy() {
    rm -rf "$work"
}
trap tidy EXIT

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        echo "pass: $name"
    else
        echo "FAIL: $name"
        head -n 5 "$work/said"
        failed=1
    fi
}

exits() { # CODE COMMAND...
    local want=$1 got=0
    shift
    "$@" || got=$?
    [ $got -eq "$want" ] || { echo "exit $got, not $want: $*"; return 1; }
}

equal() { [ "$1" = "$2" ] || { echo "\"$1\", not \"$2\""; return 1; }; }

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

# ---- Hostile files: refused in a second of processor time and in bounded memory -----------------------
check "hostile files" python3 "$here/tests/e2e/hostile_policies.py" "$sekisho" "$work"
exit $failed

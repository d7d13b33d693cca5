#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# test_scenario.sh --build DIR: `sekisho scenario`: the examples; what the sweep says, against a small
# computation of its own of which asking meets which flow's life; expectations that are not met; files
# that are wrong, with the place. Needs jq and python3; no root.
set -u

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_scenario.sh --build DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")/../.." && pwd)
sekisho=$(realpath "$2")/app/sekisho/sekisho
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/e2e/checks.sh
source "$here/tests/e2e/checks.sh"
mkdir "$work/examples"
cp -r "$here"/config/examples/* "$work/examples"
cd "$work/examples/scenarios" || exit 1

# ---- the examples ----
for example in *.yaml; do
	check "$example is as expected" exits 0 "$sekisho" scenario "$example"
done
"$sekisho" scenario -o json founding-case.yaml >founding.json
check "a line tells verdict, filter and opener" equal "$(jq -c 'select(.packet == 2) |
	[.case, .time + 0, .line, .policy, .verdict, .reason, .opened_by]' founding.json | tr -d '\n')" \
	'["aws-like",1,13,"../aws-like.yaml","pass","flow-answer",1]["strict",1,13,"../strict.yaml","drop","no-proof-ike",null]'
check "the same twice" equal "$("$sekisho" scenario -o json founding-case.yaml | cmp - founding.json)" ""

# ---- the sweep, computed otherwise ----
check "a picture" exits 0 "$sekisho" scenario -o json --picture skew.svg start-skew.yaml
cp "$work/last.out" skew.json
cat >skew.py <<'PYTHON'
"""Which asking meets a flow that the other side's asking keeps open? From the timers alone, in exact numbers."""
import json
import xml.dom.minidom
from fractions import Fraction

LIFE = 30  # of an unanswered UDP flow, AWS-42
asks, at = [Fraction(0)], Fraction(0)
for n in range(5):
    at += 4 * Fraction(18, 10) ** n
    asks.append(at)
patience = at + 4 * Fraction(18, 10) ** 5
assert [round(float(t), 1) for t in asks] == [0, 4, 11.2, 24.2, 47.5, 89.5] and round(float(patience)) == 165


def first_up(delay):
    """When an asking first arrives; B's come before A's of the same moment. None if none does."""
    b, a = [(t, 0) for t in asks], [(delay + t, 1) for t in asks]
    arrive = []
    for mine, theirs in ((a, b), (b, a)):
        for t in mine:
            if any(u < t and t[0] - u[0] < LIFE for u in theirs):
                arrive.append(t)
    return min(arrive)[0] if arrive else None


lines = [json.loads(line) for line in open("skew.json")]
steps = [line for line in lines if "delay" in line]
assert len(steps) == 2 * 331, len(steps)
up, near = 0, 0
for step in steps:
    if step["case"] == "strict":
        assert not step["up"], step
        continue
    delay = Fraction(str(step["delay"]))
    # times are whole milliseconds there: one that is that near to a timer's end proves nothing
    if any(abs(abs(delay + t - u) - LIFE) < Fraction(1, 100) for t in asks for u in asks):
        near += 1
        continue
    expected = first_up(delay)
    assert step["up"] == (expected is not None), (step, expected)
    if expected is not None:
        assert abs(Fraction(str(step["time"])) - expected) < Fraction(1, 100), (step, float(expected))
        up += 1
assert up > 225 and near < 12, (up, near)
picture = xml.dom.minidom.parse("skew.svg")
assert len(picture.getElementsByTagName("circle")) == sum(step["up"] for step in steps)
PYTHON
check "each delay: up or not, and when, as the timers say" python3 skew.py
check "the summary counts" equal "$(tail -1 skew.json | jq -c '[.summary.expectations, .summary.failed]')" "[2,0]"
check "the answer as ranges" equal "$("$sekisho" scenario start-skew.yaml | grep -A1 ' 0.000 \.\.' | tr -s ' ' | tr '\n' '|')" \
	" 0.000 .. 119.000 s up down | 119.500 .. 165.000 s down down |"

# ---- a policy from the command line; fragments; what is not met ----
cat >plain.yaml <<'YAML'
version: 1
packets:
  - {at: 2s, send: 'udp 198.51.100.2:9000 > 203.0.113.9:53 dns=query', expect: rule-match}
  - {at: 2500ms, send: 'udp 203.0.113.9:53 > 198.51.100.2:9000 dns=answer', expect: pass}
  - {at: 2500ms, send: 'udp 203.0.113.9:53 > 198.51.100.2:9000 dns=answer', expect: drop}
  - {at: 0s, send: 'udp 203.0.113.9 > 198.51.100.2 offset=1480 ipid=7', expect: fragment-refused}
  - {at: 0.5s, send: 'udp 203.0.113.9:53 > 198.51.100.2:9000 more ipid=7 len=1472', expect: no-rule}
YAML
check "packets go in order of time" exits 0 "$sekisho" scenario -o json --policy ../strict.yaml plain.yaml
check "whatever the file's" equal "$(jq -r 'select(.packet) | .line' "$work/last.out" | tr '\n' ' ')" "6 7 3 4 5 "
sed 's/expect: pass/expect: drop/' plain.yaml >other.yaml
check "one is not met" exits 1 "$sekisho" scenario --policy ../strict.yaml other.yaml
check "and the line and the reason are told" grep -qF \
	'other.yaml:4: policy: expected drop, is pass, flow-answer: it belongs to a live flow that the other side opened' \
	"$work/last.out"
check "json tells it on its line" equal "$("$sekisho" scenario -o json --policy ../strict.yaml other.yaml |
	jq -c 'select(.as_expected == false) | [.line, .expected, .verdict]')" '[4,"drop","pass"]'
sed 's/sometimes, never/never, always/' start-skew.yaml >other.yaml
check "nor are these" exits 1 "$sekisho" scenario other.yaml
check "both are told" equal "$(grep -c '^other.yaml:24: ' "$work/last.out")" 2
check "cases, and a policy" exits 2 "$sekisho" scenario --policy ../strict.yaml founding-case.yaml
check "neither" exits 2 "$sekisho" scenario plain.yaml
check "no sweep for a picture" exits 2 "$sekisho" scenario --picture x.svg founding-case.yaml
check "a picture that cannot be written" exits 4 "$sekisho" scenario --picture /nowhere/x.svg start-skew.yaml

# ---- what is wrong, and where ----
wrong() { # DESCRIPTION PLACE-AND-WORDS < YAML
	cat >wrong.yaml
	check "$1" exits 2 "$sekisho" scenario --policy ../strict.yaml wrong.yaml
	check "$1: the place" grep -qF "wrong.yaml:$2" "$work/last.err"
}
packet="{at: 0s, send: 'esp 10.0.0.1 > 10.0.0.2'}"
wrong "no time" "3:6: error: '5' is no time" <<YAML
version: 1
packets:
  - {at: 5, send: 'esp 10.0.0.1 > 10.0.0.2'}
YAML
wrong "no packet" "3:14: error: column 1 of the packet: protocol is \"upd\"" <<YAML
version: 1
packets:
  - {at: 0s, send: 'upd 10.0.0.1 > 10.0.0.2'}
YAML
wrong "no expectation" "3:47: error: 'pas' is not allowed, must be pass, drop or a reason" <<YAML
version: 1
packets:
  - {at: 0s, send: 'esp 10.0.0.1 > 10.0.0.2', expect: pas}
YAML
wrong "an unknown key" "2:1: error: " <<YAML
version: 1
paket: []
packets: [$packet]
YAML
wrong "nothing to send" "1:1: error: there is nothing to send" <<YAML
version: 1
YAML
wrong "no such conversation" "3:9: error: there is no conversation 'x'" <<YAML
version: 1
packets: [$packet]
sweep: {conversation: x, to: 1s, step: 1s}
YAML
wrong "too many expectations" "2:" <<YAML
version: 1
packets: [{at: 0s, send: 'esp 10.0.0.1 > 10.0.0.2', expect: [pass, drop]}]
YAML
wrong "no steps" "6:1: error: from 0 ms to 1000 ms by 0 ms" <<YAML
version: 1
conversations:
  - name: c
    at: 0s
    exchanges: [{ask: 'esp 10.0.0.1 > 10.0.0.2', answer: 'esp 10.0.0.2 > 10.0.0.1'}]
sweep: {conversation: c, to: 1s, step: 0s}
YAML
wrong "a retry for ever" "5:" <<YAML
version: 1
conversations:
  - name: c
    at: 0s
    retry: {first: 1000s, factor: 10, tries: 20}
    exchanges: [{ask: 'esp 10.0.0.1 > 10.0.0.2', answer: 'esp 10.0.0.2 > 10.0.0.1'}]
YAML
check "no file" exits 2 "$sekisho" scenario --policy ../strict.yaml absent.yaml
sed 's/strict.yaml/absent.yaml/' founding-case.yaml >other.yaml
check "no policy file" exits 2 "$sekisho" scenario other.yaml

checks_end

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# test_import.sh --build DIR: `sekisho import` and `export` from outside: exit codes, where things are read from and
# written to, the report as text and as JSON, and that `check` takes each policy that comes of
# tests/import. Needs jq; no root.
set -u

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_import.sh --build DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")/../.." && pwd)
sekisho=$(realpath "$2")/app/sekisho/sekisho
cases=$here/tests/import
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/e2e/checks.sh
source "$here/tests/e2e/checks.sh"

# ---- The command line ----
founding=("$cases"/founding-case/*.json)
check "no kind" exits 2 "$sekisho" import
check "an unknown kind" exits 2 "$sekisho" import gcp "${founding[@]}"
check "no file" exits 2 "$sekisho" import aws
check "a file that is absent" exits 2 "$sekisho" import aws "$work/absent.json"
check "a folder" exits 2 "$sekisho" import aws "$work"
check "a --prefix-list without a file" exits 2 "$sekisho" import aws --prefix-list pl-1= "${founding[@]}"
check "a --prefix-list without an id" exits 2 "$sekisho" import aws --prefix-list =x "${founding[@]}"
check "an option of another verb" exits 2 "$sekisho" import aws --limit 3 "${founding[@]}"
truncate -s 64M "$work/huge.json"
check "64 MiB are refused" exits 2 timeout 5 "$sekisho" import aws "$work/huge.json"
check "so is what has no end" exits 2 timeout 5 "$sekisho" import aws /dev/zero
echo nonsense >"$work/nonsense.json"
check "no JSON" exits 1 "$sekisho" import aws "${founding[@]}" "$work/nonsense.json"
check "and then nothing on stdout" test ! -s "$work/last.out"

# ---- Where from, where to ----
check "files" exits 0 "$sekisho" import aws "${founding[@]}"
cp "$work/last.out" "$work/policy.yaml"
check "is what is expected" cmp "$work/policy.yaml" "$cases/founding-case/policy.yaml"
check "nothing to be said" test ! -s "$work/last.err"
check "pipes" cmp "$work/policy.yaml" <("$sekisho" import aws <(cat "${founding[0]}") <(cat "${founding[1]}"))
check "stdin" cmp "$work/policy.yaml" <(cat "${founding[@]}" | "$sekisho" import aws -)
check "--to a file" exits 0 "$sekisho" import aws --to "$work/to.yaml" "${founding[@]}"
check "leaves stdout alone" test ! -s "$work/last.out"
check "and writes the same" cmp "$work/policy.yaml" "$work/to.yaml"
check "--to nowhere" exits 4 "$sekisho" import aws --to "$work/absent/to.yaml" "${founding[@]}"
check "--to a full disk" exits 4 "$sekisho" import aws --to /dev/full "${founding[@]}"
check "--to is not touched when there is no policy" exits 1 "$sekisho" import aws \
	--to "$work/to.yaml" "$work/nonsense.json"
check "and holds what it held" cmp "$work/policy.yaml" "$work/to.yaml"

# ---- Prefix lists that come without an id ----
cp "$cases/prefix-lists/pl-0123456789abcdef0.json" "$work/entries.json"
lists=("$cases/prefix-lists/groups.json" "$cases/prefix-lists/lists.json")
check "entries of no list" exits 1 "$sekisho" import aws "${lists[@]}" "$work/entries.json"
check "--prefix-list names it" cmp "$cases/prefix-lists/policy.yaml" \
	<("$sekisho" import aws "${lists[@]}" --prefix-list "pl-0123456789abcdef0=$work/entries.json" 2>/dev/null)
check "--prefix-list with a file of another kind" exits 1 "$sekisho" import aws \
	--prefix-list "pl-1=${lists[0]}"

# ---- The report ----
"$sekisho" import aws -o json "$cases/left-out/groups.json" >"$work/out" 2>"$work/report"
check "as JSON it is one object a line" jq -e . "$work/report"
check "with a summary that counts" jq -se \
	'(map(select(.kind == "not-carried-over")) | length) as $n | $n > 0 and .[-1].summary.not_carried_over == $n' \
	"$work/report"
check "as text it ends with the count" grep -q '^18 not carried over, 1 note$' \
	<("$sekisho" import aws "$cases/left-out/groups.json" 2>&1 >/dev/null)

# ---- Export ----
example=$here/config/examples/aws-like.yaml
check "export: no kind" exits 2 "$sekisho" export
check "export: an unknown kind" exits 2 "$sekisho" export gcp "$example"
check "export: an absent policy" exits 1 "$sekisho" export aws "$work/absent.yaml"
check "export: no policy" exits 1 "$sekisho" export aws "${founding[0]}"
check "export: --to a full disk" exits 4 "$sekisho" export aws --to /dev/full "$example"
check "export: what it prints is JSON" jq -e '.SecurityGroups[0].GroupName == "vpn"' \
	<("$sekisho" export aws "$example" 2>/dev/null)
check "export: with -o json on one line" test "$("$sekisho" export aws -o json "$example" 2>/dev/null | wc -l)" = 1
check "export: and back" cmp "$cases/network-acls/policy.yaml" \
	<("$sekisho" export aws "$cases/network-acls/policy.yaml" | "$sekisho" import aws - 2>/dev/null)
"$sekisho" export aws "$example" 2>/dev/null | "$sekisho" import aws - >"$work/back.yaml"
check "export: the example comes back to the same verdicts" exits 0 "$sekisho" compare --a "$example" \
	--b "$work/back.yaml" "$here/tests/captures/ikev2-both.pcap"

# ---- A policy with network ACLs can be replayed ----
check "replay" exits 0 "$sekisho" replay --policy "$cases/network-acls/policy.yaml" \
	"$here/tests/captures/ikev2-both.pcap"

# ---- Each case is a policy that `check` takes ----
for policy in "$cases"/*/policy.yaml; do
	check "check: $policy" exits 0 "$sekisho" check "$policy"
done

checks_end

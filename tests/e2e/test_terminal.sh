#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What a person sees: explanations on terminals of some widths, and of a policy whose file has a name that is no text.
# Usage: test_terminal.sh --build DIR
set -uo pipefail

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_terminal.sh --build DIR" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/e2e/checks.sh
source "$here/checks.sh"
cd "$work"

policy=$root/config/examples/aws-like.yaml
question=(explain --policy "$policy" --after "$root/tests/captures/ikev2-both.pcap" --later 5s
    'udp 198.51.100.1:500 > 198.51.100.2:500 ike=init')
sekisho=$build/app/sekisho/sekisho
shown() { python3 "$here/on_terminal.py" "$1" "$sekisho" "${question[@]}"; } # COLUMNS

"$sekisho" "${question[@]}" >plain
for columns in 80 50; do
    check "on $columns columns it passes" shown $columns
    shown $columns >folded
    # the first two lines and what is a word itself may be longer
    check "no line of several words is wider" equal "$(tail -n +4 folded | grep -c " .\{$columns\}.* " || true)" 0
    check "nothing is said otherwise" equal "$(tr -s ' \n' ' ' <folded)" "$(tr -s ' \n' ' ' <plain)"
    check "and it is folded" [ "$(wc -l <folded)" -gt "$(wc -l <plain)" ]
done
check "on a narrow one it is not" equal "$(shown 20)" "$(cat plain)"

odd=$(printf 'n\377')
mkdir "$odd"
cp "$policy" "$odd/p.yaml"
"$sekisho" explain -o json --policy "$odd/p.yaml" 'udp 198.51.100.2:500 > 198.51.100.1:500' >explained.json
check "a file whose name is no text is explained" equal "$(jq -r .at explained.json)" "n?/p.yaml:10"
"$sekisho" explain --policy "$policy" "$(head -c 100000 /dev/zero | tr '\0' a)" 2>refused || true
check "a word without end is not said without end" [ "$(wc -c <refused)" -lt 1000 ]

checks_end

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Instructions a packet of the main subjects, beside what they were when they were last written down: callgrind counts
# them, the same on a busy machine as on an idle one. Exit: 0 none takes over 5 % more, 1 one does, 77 not comparable.
#
#   instructions.sh PROGRAM MADE-BY            compare with instructions.txt; MADE-BY is compiler, its version, machine
#   instructions.sh --update PROGRAM MADE-BY   write instructions.txt anew
#
# Counts are of one compiler and kind of machine. With another the comparison is skipped; who works with that one may
# update the file, on a commit whose speed is known to be good, and say so in the commit.
set -euo pipefail

kept=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/instructions.txt
update=0
if [ "${1:-}" = --update ]; then update=1; shift; fi
program=$1 made_by=$2
more_percent=5

skip() { printf 'skipped: %s\n' "$*"; exit 77; }
command -v valgrind >/dev/null || skip "valgrind is not installed"
if [ $update -eq 0 ]; then
    of=$(sed -n 's/^# made by: //p' "$kept")
    [ "$of" = "$made_by" ] ||
        skip "the kept counts are of '$of', this build is of '$made_by'; $0 --update writes them anew"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count() { # SUBJECT: instructions a packet, with one decimal
    local packets
    packets=$(valgrind -q --tool=callgrind --callgrind-out-file="$work/out" --toggle-collect=measured \
        "$program" "$1") || { printf '%s does not run under valgrind\n' "$1" >&2; return 1; }
    awk -v packets="$packets" '/^(summary|totals):/ { total = $2 }
        END { if (total == 0) exit 1; printf "%.1f\n", total / packets }' "$work/out"
}

"$program" >"$work/subjects"
while read -r subject; do
    counted=$(count "$subject") || exit 1
    printf '%-20s %8s\n' "$subject" "$counted"
done <"$work/subjects" >"$work/now"

if [ $update -eq 1 ]; then
    { printf '# Instructions a packet, as bench/instructions.sh counts them.\n# made by: %s\n' "$made_by"
      cat "$work/now"; } >"$kept"
    cat "$kept"
    exit 0
fi

awk -v more=$more_percent '
    /^#/ { next }
    FNR == NR { kept[$1] = $2; next }
    {
        seen[$1] = 1
        if (!($1 in kept)) { printf "%-20s %8.1f  is not in instructions.txt\n", $1, $2; bad = 1; next }
        change = 100 * ($2 / kept[$1] - 1)
        words = change > more ? sprintf("over the %d %% that are allowed", more) : ""
        if (change < -more) words = "less: update the file, so that it stays so"
        if (change > more) bad = 1
        printf "%-20s %8.1f  was %8.1f  %+6.1f %%%s\n", $1, $2, kept[$1], change, words ? "  " words : ""
    }
    END {
        for (subject in kept) if (!(subject in seen)) { printf "%s was not counted\n", subject; bad = 1 }
        exit bad
    }' "$kept" "$work/now"

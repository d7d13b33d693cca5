#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The founding case, live: two VPN gateways, each behind a filter that lets only ESP in. Four runs, then a table:
# did the SA come up, and which packet passed with no rule of its direction, only because of a flow.
#
#   test_founding_case.sh [--build DIR] [--ike 1|2] [--keep DIR]
#
# Exit 0: all four runs ended as they must. 1: one did not. 77: this machine cannot run the lab.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build ike=2 keep=
while [ $# -gt 0 ]; do
    case $1 in
        --build) build=$2 ;;
        --ike) ike=$2 ;;
        --keep) keep=$2 ;;
        *) printf 'usage: %s [--build DIR] [--ike 1|2] [--keep DIR]\n' "$0" >&2; exit 2 ;;
    esac
    shift 2
done
build=$(cd "$build" && pwd)

"$here/lab.sh" probe || exit $?

if [ -n "$keep" ]; then
    mkdir -p "$keep"
    work=$(cd "$keep" && pwd)
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi

rows=()
failures=0

# What B's filter saw first, of its own recording, in the words of `sekisho replay`.
why() { # RUN-DIR POLICY
    "$build/app/sekisho/sekisho" replay -o json --policy "$root/config/examples/$2" "$1/b-outside.pcap" \
        >"$1/replay.json" || return 1
    jq -r -s --arg policy "$2" '
        def by_flow: map(select(.verdict == "pass" and .direction == "ingress" and .admitted_by == "flow")) | first;
        def refused: map(select(.reason == "no-proof-ike")) | first;
        if by_flow then by_flow | ["packet \(.packet): \(.flow)", "packet \(.opened_by)", .rule,
            (if $policy == "strict.yaml" then "STRICT-33" else "AWS-70" end)]
        elif refused then refused | ["none; packet \(.packet) dropped no-proof-ike", "-", "-", "STRICT-34"]
        else ["none; nothing had opened a flow", "-", "-", (if $policy == "strict.yaml" then "STRICT-1" else "AWS-1" end)]
        end | join("|")' "$1/replay.json"
}

bad() { printf '    NOT as it must be: %s\n' "$*"; failures=$((failures + 1)); }

one() { # NUMBER SEMANTICS INITIATE EXPECTED
    local dir=$work/run$1 sa ping no_proof wait=8 cells who="both initiate"
    [ "$3" = both ] || who="only A initiates"
    [ "$4" = up ] && wait=15
    printf 'run %s of 4: %s, %s ...\n' "$1" "$2" "$who"
    if ! "$here/lab.sh" run --semantics "$2" --initiate "$3" --ike "$ike" --build "$build" --wait $wait --out "$dir"; then
        bad "the run broke off"
        rows+=("$2, $who|broke off|$4|-|-|-|-")
        return
    fi
    sa=$(jq -r .sa "$dir/result.json")
    ping=$(jq -r .ping "$dir/result.json")
    no_proof=$(jq -r .no_proof_ike "$dir/result.json")
    printf '    the SA is %s' "$sa"
    [ "$sa" = up ] && printf '; ping through the tunnel: %s' "$ping"
    printf '\n'
    [ "$sa" = "$4" ] || bad "the SA is $sa, expected $4"
    [ "$sa" != up ] || [ "$ping" = yes ] || bad "the tunnel carries no ping"
    cells=$(why "$dir" "$([ "$2" = strict ] && echo strict.yaml || echo aws-like.yaml)") ||
        { bad "the recording could not be replayed"; cells='-|-|-|-'; }
    case $2-$3 in
        strict-both)
            [ "$no_proof" = true ] || bad "no filter counted no-proof-ike"
            grep '"direction":"ingress"' "$dir/replay.json" | grep -q no-proof-ike ||
                bad "B's filter did not drop the peer's initiation as no-proof-ike"
            ;;
        aws-like-both)
            grep '"direction":"ingress"' "$dir/replay.json" | grep -q '"admitted_by":"flow"' ||
                bad "nothing passed inwards by flow"
            ;;
        *)
            grep '"direction":"ingress"' "$dir/replay.json" | grep -q '"verdict":"pass"' &&
                bad "B's filter let something in"
            ;;
    esac
    rows+=("$2, $who|$sa|$4|$cells")
}

printf 'Two VPN gateways, IKEv%s, a filter in front of each that lets only ESP in.\n' "$ike"
one 1 aws-like both up
one 2 aws-like a down
one 3 strict both down
one 4 strict a down

printf '\n'
{
    printf 'run|SA|expected|first packet into B that passed by flow alone|opened by|rule|clause\n'
    printf '%s\n' "${rows[@]}"
} | awk -F'|' '{ for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } n = NF }
    END { for (r = 1; r <= NR; r++) {
            line = ""
            for (i = 1; i <= n; i++) line = line sprintf("%-" width[i] "s  ", cell[r, i])
            sub(/ +$/, "", line); print line
            if (r == 1) { gsub(/./, "-", line); print line } } }'
if [ $failures -ne 0 ]; then
    printf '\nThe founding case did NOT end as it must (%s).\n' "$failures"
    exit 1
fi

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A tunnel that B opened through a strict filter lives on while A renews it again and again: the SPIs of A's new
# IKE SAs were agreed upon under encryption, so no filter has seen them in clear (STRICT-33b). Not one packet is lost.
# Usage: test_renewal.sh --build DIR. Exit 77 when this machine cannot run the lab.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_renewal.sh --build DIR" >&2; exit 2; }
build=$(cd "$2" && pwd)
"$here/lab.sh" probe || exit $?
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >/dev/null 2>&1; then
        printf 'pass: %s\n' "$what"
    else
        printf 'FAIL: %s\n' "$what"
        failures=$((failures + 1))
    fi
}

"$here/lab.sh" run --out "$work" --semantics strict --initiate b --ike 2 --renew 6 --build "$build"
renewals=$(grep -c 'IKE_SA peer\[[0-9]*\] rekeyed between' "$work/A/charon.log" || true)
dropped=$(jq -c '.reasons | with_entries(select(.value > 0 and
    (.key | IN("rule-match", "flow-originator", "flow-answer", "arp") | not)))' "$work/stats.json")
check "the SA is up" jq -e '.sa == "up" and .ping == "yes"' "$work/result.json"
check "A has renewed it $renewals times" [ "$renewals" -ge 3 ]
check "no ping was lost" jq -e '.lost == 0' "$work/result.json"
check "the filter dropped nothing: $dropped" [ "$dropped" = '{}' ]
[ $failures -eq 0 ]

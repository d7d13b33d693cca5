#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Records the founding case anew: what gateway B's filter sees on its outside port, with two real IKE daemons and
# an aws-like filter in front of each. Usage: make.sh [--build DIR]
#   ikev2-both.pcap, ikev1-both.pcap   both gateways initiate; the SA comes up; ESP in UDP follows
#   outside-only.pcap                  only A initiates (IKEv2); nothing answers
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$here/../../build
[ "${1:-}" = --build ] && build=$2
lab=$here/../e2e/lab.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

record() { # FILE EXPECTED OPTION...
    local file=$1 expected=$2 sa
    shift 2
    printf 'recording %s\n' "$file"
    "$lab" run --semantics aws-like --build "$build" --out "$work/$file" "$@"
    sa=$(jq -r .sa "$work/$file/result.json")
    [ "$sa" = "$expected" ] || { printf 'the SA is %s, expected %s; nothing kept\n' "$sa" "$expected" >&2; exit 1; }
    cp "$work/$file/b-outside.pcap" "$here/$file"
}

record ikev2-both.pcap up --initiate both --ike 2
record ikev1-both.pcap up --initiate both --ike 1
record outside-only.pcap down --initiate a --ike 2 --wait 4

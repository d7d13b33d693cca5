#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The recorded founding case, judged again: `sekisho replay` and `compare` must say of it what the semantics say.
#   check.sh [--build DIR] own      the captures of this folder
#   check.sh [--build DIR] seed     the founding recordings, if they lie beside the repository; else exit 77
#   check.sh [--build DIR] answers  other people's IKE, DNS and NTP, if they lie there: what was answered passes
#   check.sh [--build DIR] hostile  every capture of a large collection beside the repository; else exit 77:
#                                   no crash, no sanitizer report, no exit but 0 and a clear refusal (2)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build
[ "${1:-}" = --build ] && { build=$(cd "$2" && pwd); shift 2; }
export sekisho=$build/app/sekisho/sekisho examples=$root/config/examples
shared=$root/../shared/captures
export work
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { printf 'captures: %s\n' "$*" >&2; exit 1; }

replay() { # SEMANTICS PCAP > json
    "$sekisho" replay -o json --policy "$examples/$1.yaml" "$2" || fail "replay of ${2##*/} under $1 ended with $?"
}

all() { # SEMANTICS PCAP VERDICT: every packet has it
    replay "$1" "$2" | jq -e -s --arg v "$3" 'map(select(.packet)) | length > 0 and all(.verdict == $v)' >/dev/null ||
        fail "${2##*/} under $1: not every packet is '$3'"
    printf '%s under %s: every packet is %s\n' "${2##*/}" "$1" "$3"
}

ingress_all_dropped() { # SEMANTICS PCAP
    replay "$1" "$2" | jq -e -s 'map(select(.direction == "ingress")) | length > 0 and all(.verdict == "drop")' >/dev/null ||
        fail "${2##*/} under $1: something passed inwards"
    printf '%s under %s: nothing passes inwards\n' "${2##*/}" "$1"
}

# By SPI: what belongs to an SA that A initiated never passes inwards; what belongs to B's passes, ESP after it too.
strict_by_spi() { # PCAP
    replay strict "$1" >"$work/strict.json"
    python3 - "$1" "$work/strict.json" <<'PY' || fail "${1##*/} under strict: an SA is judged wrongly"
import json, struct, sys
data = open(sys.argv[1], "rb").read()
order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
packets, at = [], 24
while at + 16 <= len(data):
    length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
    packets.append(data[at + 16:at + 16 + length])
    at += 16 + length
lines = {o["packet"]: o for o in map(json.loads, open(sys.argv[2])) if "packet" in o}
initiator, bad, answered, esp = {}, [], False, 0
for number, frame in enumerate(packets, 1):
    if frame[12:14] != b"\x08\x00" or frame[23] != 17:
        continue
    ip = frame[14:]
    udp = ip[(ip[0] & 15) * 4:]
    source, ike = ip[12:16], udp[8:]
    verdict = lines[number]["verdict"]
    inward = source == bytes([198, 51, 100, 1])
    if struct.unpack("!H", udp[:2])[0] == 4500:
        if ike[:4] != bytes(4):
            if answered:
                esp += 1
                if verdict != "pass":
                    bad.append((number, "ESP in UDP of B's SA", verdict))
            continue
        ike = ike[4:]
    spi = ike[:8]
    v2_response = ike[17] >> 4 == 2 and ike[19] & 0x20
    if ike[8:16] == bytes(8) and not v2_response:
        initiator.setdefault(spi, "A" if inward else "B")
    who = initiator.get(spi)
    if inward and who == "A" and verdict == "pass":
        bad.append((number, "IKE of an SA that A initiated", verdict))
    if who == "B" and verdict != "pass":
        bad.append((number, "IKE of an SA that B initiated", verdict))
    if inward and who == "B":
        answered = True
for number, what, verdict in bad:
    print("packet %d: %s: %s" % (number, what, verdict))
sys.exit(1 if bad else 0)
PY
    printf '%s under strict: every packet by the SA it belongs to\n' "${1##*/}"
}

differs_first() { # PCAP: the first difference is the peer's crossing initiation
    local status=0
    "$sekisho" compare -o json --a "$examples/aws-like.yaml" --b "$examples/strict.yaml" "$1" >"$work/compare.json" || status=$?
    [ $status -eq 1 ] || fail "compare on ${1##*/} ended with $status, expected 1"
    head -n 1 "$work/compare.json" | jq -e '.direction == "ingress" and .a.verdict == "pass" and .a.admitted_by == "flow"
        and .b.verdict == "drop" and .b.reason == "no-proof-ike"' >/dev/null ||
        fail "${1##*/}: the first difference is not the peer's initiation as no-proof-ike: $(head -n 1 "$work/compare.json")"
    printf '%s: the first difference is packet %s, no-proof-ike under strict\n' "${1##*/}" "$(head -n 1 "$work/compare.json" | jq .packet)"
}

same_bytes() { # PCAP
    local semantics
    for semantics in aws-like strict; do
        [ "$(replay $semantics "$1" | sha256sum)" = "$(replay $semantics "$1" | sha256sum)" ] ||
            fail "${1##*/} under $semantics: two replays differ"
    done
    printf '%s: replays are the same, byte for byte\n' "${1##*/}"
}

# A conversation that ASKER began, which may send what it likes and has no rule for what comes back: all passes.
answered() { # PCAP ASKER
    cat >"$work/asker.yaml" <<YAML
version: 1
semantics: strict
strict: {verify_checksums: false} # many were recorded before their checksums were made
endpoints:
  - {name: asker, addresses: [$2], groups: [g]}
groups:
  - name: g
    egress:
      - {id: all-out, protocol: all, to: [0.0.0.0/0]}
YAML
    "$sekisho" replay -o json --policy "$work/asker.yaml" "$1" >"$work/answered.json" || fail "replay of ${1##*/} ended with $?"
    jq -e -s 'map(select(.packet)) | all(.verdict == "pass") and any(.reason == "flow-answer")' "$work/answered.json" >/dev/null ||
        fail "${1##*/} under strict: $(grep -m 1 '"drop"' "$work/answered.json" || printf 'nothing was answered')"
    printf '%s under strict: what %s asked is answered\n' "${1##*/}" "$2"
}

one_hostile() { # PCAP; runs in a shell of its own
    local semantics status
    for semantics in aws-like strict; do
        status=0
        "$sekisho" replay -o json --policy "$examples/$semantics.yaml" "$1" >/dev/null 2>"$work/$$.err" || status=$?
        if { [ $status -ne 0 ] && [ $status -ne 2 ]; } || grep -qE 'Sanitizer|runtime error' "$work/$$.err"; then
            printf '%s under %s: exit %s: %s\n' "$1" $semantics $status "$(head -n 3 "$work/$$.err")"
            return 1
        fi
        if [ $status -eq 2 ] && ! [ -s "$work/$$.err" ]; then
            printf '%s under %s: refused without a word\n' "$1" $semantics
            return 1
        fi
    done
}
export -f one_hostile

[ -x "$sekisho" ] || fail "no program at $sekisho; build it first"
case ${1:-own} in
    own)
        for file in ikev2-both ikev1-both; do
            differs_first "$here/$file.pcap"
            strict_by_spi "$here/$file.pcap"
            same_bytes "$here/$file.pcap"
        done
        for semantics in aws-like strict; do ingress_all_dropped $semantics "$here/outside-only.pcap"; done
        ;;
    seed)
        [ -d "$shared/seed" ] || { printf 'the founding recordings are not here\n'; exit 77; }
        for file in seed-ikev1-both ikev2-both; do
            replay aws-like "$shared/seed/$file.pcap" | jq -e -s '
                map(select(.packet)) as $all | ($all | map(select(.direction == "egress")) | first.packet) as $first |
                $all | all(if .packet < $first then .reason == "no-rule" else .verdict == "pass" end)' >/dev/null ||
                fail "$file under aws-like: what comes after B's first packet must pass, what comes before must not"
            printf '%s.pcap under aws-like: passes from B'"'"'s first packet on\n' "$file"
            strict_by_spi "$shared/seed/$file.pcap"
            same_bytes "$shared/seed/$file.pcap"
        done
        for semantics in aws-like strict; do
            all $semantics "$shared/seed/ikev1-outside-only.pcap" drop
            all $semantics "$shared/seed/ikev1-inside-only.pcap" pass
        done
        ;;
    answers)
        [ -d "$shared/tcpdump" ] || { printf 'the collection is not here\n'; exit 77; }
        while read -r file asker; do
            answered "$shared/tcpdump/$file.pcap" "$asker"
        done <<'TABLE'
ISAKMP_sa_setup 10.0.0.1
ikev2four 192.168.1.2
isakmp4500 192.1.2.254
dns_udp 192.168.1.11
dns_udp_2 192.168.1.11
dns-badvers 172.30.42.67
edns-opts 192.0.0.1
ntp 192.168.100.2
ntp-time 132.199.152.129
ntp-time-ef 10.43.135.229
TABLE
        ;;
    hostile)
        [ -d "$shared/tcpdump" ] || { printf 'the collection is not here\n'; exit 77; }
        count=$(find "$shared/tcpdump" -name '*cap*' -type f | wc -l)
        find "$shared/tcpdump" -name '*cap*' -type f -print0 |
            xargs -0 -n 1 -P "$(nproc)" bash -c 'one_hostile "$1"' - || fail "some captures were not taken well"
        printf '%s captures under both policies\n' "$count"
        ;;
    *) printf 'usage: check.sh [--build DIR] own|seed|answers|hostile\n' >&2; exit 2 ;;
esac

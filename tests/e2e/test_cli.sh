#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# test_cli.sh --build DIR: the offline verbs of `sekisho` from outside: exit codes, JSON keys, the same
# output twice, hostile captures, and what the founding case's captures must say. The daemon's verbs
# are tried against a small stand-in server. Needs jq and python3; no root, no daemon.
set -u

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_cli.sh --build DIR" >&2; exit 2; }
build=$2
here=$(cd "$(dirname "$0")/../.." && pwd)
sekisho=$(realpath "$build")/app/sekisho/sekisho
captures=$here/../shared/captures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/e2e/checks.sh
source "$here/tests/e2e/checks.sh"

policy() { # SEMANTICS
	cat <<-POLICY
		version: 1
		semantics: $1
		endpoints:
		  - {name: gateway-b, addresses: [198.51.100.2/32], groups: [vpn]}
		groups:
		  - name: vpn
		    ingress:
		      - {id: esp-in, protocol: esp, from: [198.51.100.1/32]}
		    egress:
		      - {id: all-out, protocol: all, to: [0.0.0.0/0, "::/0"]}
	POLICY
}
policy aws-like >"$work/aws.yaml"
policy strict >"$work/strict.yaml"

# Captures of our own: (name, link type, [(seconds, microseconds, bytes, length on the wire)]).
python3 - "$work" <<'PYTHON'
import socket, struct, sys

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

def ipv4(source, destination, protocol, payload):
    def header(value):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, value,
                           socket.inet_aton(source), socket.inet_aton(destination))
    return header(checksum(header(0))) + payload

def udp(source, destination):
    return struct.pack("!HHHH", source, destination, 12, 0) + b"abcd"

ethernet = bytes(12) + b"\x08\x00"
out = ipv4("198.51.100.2", "198.51.100.1", 17, udp(500, 500))
back = ipv4("198.51.100.1", "198.51.100.2", 17, udp(500, 500))
six = struct.pack("!IHBB", 6 << 28, 12, 17, 64) + socket.inet_pton(socket.AF_INET6, "2001:db8::1") \
    + socket.inet_pton(socket.AF_INET6, "2001:db8::2") + udp(500, 500)
null = struct.pack("=I", 2)

def capture(name, link, packets):
    with open(f"{sys.argv[1]}/{name}.pcap", "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, link))
        for seconds, us, data, length in packets:
            file.write(struct.pack("=IIII", seconds, us, len(data), length) + data)

def both(prefix):
    return [(100, 0, prefix + out, len(prefix + out)), (100, 5656, prefix + back, len(prefix + back))]

capture("ethernet", 1, both(ethernet))
capture("raw", 101, both(b""))
capture("ipv4", 228, both(b""))
capture("cooked", 113, both(bytes(14) + b"\x08\x00"))
capture("cooked2", 276, both(b"\x08\x00" + bytes(18)))
capture("null", 0, both(null))
capture("loop", 108, both(b"\0\0\0\2"))
capture("ppp", 9, both(b"\xff\x03\x00\x21"))
capture("wifi", 105, both(bytes(24)))
capture("empty", 1, [])
capture("words", 1, [(0, 0, bytes(12) + b"\x08\x06" + bytes(28), 42),
                     (0, 0, bytes(12) + b"\x88\xcc" + bytes(28), 42),
                     (0, 0, bytes(12) + b"\x86\xdd" + six, 14 + len(six)),
                     (0, 0, bytes(5), 5), (0, 0, b"", 0)])
capture("back", 1, [(100, 5, ethernet + out, 46), (99, 0, ethernet + back, 46),
                    (2000000000, 0, ethernet + back, 46)])
for year, end in ("1970", 0), ("2038", 0x80000000), ("2106", 0x100000000):
    capture("over-" + year, 1, [((end + seconds) % 2**32, 500000, ethernet + packet, 46)
                                for seconds, packet in ((-1, out), (0, back), (29, back), (59, back))])
capture("lying", 1, [(0, 0, ethernet + out, 10), (0, 1, ethernet + out, 0xffffffff)])
capture("lying-raw", 101, [(0, 0, out, 1), (0, 1, out, 0xffffffff), (0, 2, b"", 0)])
capture("short-link", 276, [(0, 0, bytes(7), 60)])
with open(f"{sys.argv[1]}/ethernet.pcap", "rb") as whole, open(f"{sys.argv[1]}/cut.pcap", "wb") as cut:
    cut.write(whole.read()[:-3])
open(f"{sys.argv[1]}/noise.pcap", "wb").write(b"not a capture at all")
open(f"{sys.argv[1]}/nothing.pcap", "wb")
PYTHON

replay() { # POLICY CAPTURE
	"$sekisho" replay --policy "$1" -o json "$2"
}
ask() { # JQ-FILTER FILE
	jq -rs "$1" "$2"
}

# ---- The command line ----
check "no verb is a usage error" exits 2 "$sekisho"
check "unknown verb" exits 2 "$sekisho" nonsense
check "help" exits 0 "$sekisho" --help
check "replay without a policy" exits 2 "$sekisho" replay "$work/ethernet.pcap"
check "replay without a capture" exits 2 "$sekisho" replay --policy "$work/aws.yaml"
check "wrong output form" exits 2 "$sekisho" replay --policy "$work/aws.yaml" -o xml x
check "an option of another verb" exits 2 "$sekisho" check --limit 3 "$work/aws.yaml"
check "a bad limit" exits 2 "$sekisho" flows --limit 0
check "missing capture" exits 2 "$sekisho" replay --policy "$work/aws.yaml" "$work/absent.pcap"
check "noise for a capture" exits 2 "$sekisho" replay --policy "$work/aws.yaml" "$work/noise.pcap"
check "no bytes for a capture" exits 2 "$sekisho" replay --policy "$work/aws.yaml" "$work/nothing.pcap"
check "a directory for a capture" exits 2 "$sekisho" replay --policy "$work/aws.yaml" "$work"
check "a policy that is absent" exits 2 "$sekisho" replay --policy "$work/absent" "$work/raw.pcap"

# ---- check ----
check "check: valid" exits 0 "$sekisho" check "$work/aws.yaml"
sed 's/esp-in, protocol: esp/esp-in, protocl: esp/' "$work/aws.yaml" >"$work/bad.yaml"
check "check: invalid" exits 1 "$sekisho" check "$work/bad.yaml"
check "check: invalid, json" exits 1 "$sekisho" check -o json "$work/bad.yaml"
check "check: the place is told" grep -q "bad.yaml:8:[0-9]*: error: " \
	<("$sekisho" check "$work/bad.yaml" 2>&1)
for example in "$here"/config/examples/*.yaml; do
	grep -qs '^semantics:' "$example" || continue # an appliance file
	check "check: ${example##*/}" exits 0 "$sekisho" check "$example"
done
check "check: absent" exits 2 "$sekisho" check "$work/absent.yaml"

# ---- replay ----
replay "$work/aws.yaml" "$work/ethernet.pcap" >"$work/ethernet.json"
check "replay: the second line, as promised" equal "$(sed -n 2p "$work/ethernet.json")" \
	'{"packet":2,"time":0.005656,"direction":"ingress","flow":"udp 198.51.100.1:500 > 198.51.100.2:500","verdict":"pass","reason":"flow-answer","admitted_by":"flow","rule":"vpn/all-out","opened_by":1}'
check "replay: the summary, as promised" equal "$(tail -1 "$work/ethernet.json")" \
	'{"summary":{"packets":2,"passed":2,"dropped":0,"flows":1}}'
for link in raw ipv4 cooked cooked2 null loop ppp; do
	replay "$work/aws.yaml" "$work/$link.pcap" >"$work/$link.json"
	check "link type $link says what Ethernet says" cmp "$work/ethernet.json" "$work/$link.json"
done
check "standard input" cmp "$work/ethernet.json" \
	<("$sekisho" replay --policy "$work/aws.yaml" -o json - <"$work/ethernet.pcap")
check "an unsupported link type" exits 2 "$sekisho" replay --policy "$work/aws.yaml" "$work/wifi.pcap"
check "it is named" grep -q "IEEE802_11 (105) is not supported" \
	<("$sekisho" replay --policy "$work/aws.yaml" "$work/wifi.pcap" 2>&1)
check "an empty capture" exits 0 "$sekisho" replay --policy "$work/aws.yaml" "$work/empty.pcap"
check "a cut capture is told" exits 2 "$sekisho" replay --policy "$work/aws.yaml" "$work/cut.pcap"
check "what came before the cut is judged" equal \
	"$(replay "$work/aws.yaml" "$work/cut.pcap" 2>/dev/null | head -1)" \
	"$(head -1 "$work/ethernet.json")"
replay "$work/aws.yaml" "$work/words.pcap" >"$work/words.json"
check "names of packets" equal "$(ask '[.[].flow // empty] | join("|")' "$work/words.json")" \
	"arp|ether-0x88cc|udp [2001:db8::1]:500 > [2001:db8::2]:500|unreadable|unreadable"
replay "$work/aws.yaml" "$work/back.pcap" >"$work/back.json"
check "a clock that goes back and leaps" equal \
	"$(ask '[.[] | select(.packet) | .reason] | join("|")' "$work/back.json")" \
	"rule-match|flow-answer|no-rule"
check "times before the first" grep -q '"time":-1.000005,' "$work/back.json"
for year in 1970 2038 2106; do
	check "time goes on over $year" equal "$(replay "$work/aws.yaml" "$work/over-$year.pcap" |
		jq -r '"\(.time) \(.reason)"' | head -4 | paste -sd '|')" \
		"0 rule-match|1 flow-answer|30 flow-answer|60 no-rule"
done
for hostile in lying lying-raw short-link; do
	check "hostile lengths: $hostile" exits 0 replay "$work/strict.yaml" "$work/$hostile.pcap"
done
check "table output" exits 0 "$sekisho" replay --policy "$work/strict.yaml" "$work/ethernet.pcap"
check "a closed pipe is no failure" equal \
	"$("$sekisho" replay --policy "$work/aws.yaml" "$work/words.pcap" 2>&1 >/dev/full | wc -l) $(
	set -o pipefail
	"$sekisho" replay --policy "$work/aws.yaml" "$work/words.pcap" 2>&1 | true
	echo $?)" "1 0"

# ---- compare ----
check "compare: the same policy twice" exits 0 "$sekisho" compare --a "$work/aws.yaml" \
	--b "$work/aws.yaml" "$work/ethernet.pcap"
check "compare: they differ" exits 1 "$sekisho" compare --a "$work/aws.yaml" \
	--b "$work/strict.yaml" "$work/ethernet.pcap"
check "compare: an invalid policy is not a difference" exits 2 "$sekisho" compare \
	--a "$work/aws.yaml" --b "$work/bad.yaml" "$work/ethernet.pcap"
"$sekisho" compare -o json --a "$work/aws.yaml" --b "$work/strict.yaml" "$work/ethernet.pcap" \
	>"$work/compare.json"
check "compare: only what differs" equal \
	"$(ask '.[0] | [.packet, .a.verdict, .b.verdict] | join(" ")' "$work/compare.json")" \
	"2 pass drop"
check "compare: the summary" equal "$(tail -1 "$work/compare.json")" \
	'{"summary":{"packets":2,"differ":1,"flows_differ":1}}'

# A policy of many rules is compiled, and says the same as one of the few that matter.
python3 - "$work" <<'PYTHON'
import struct, sys
def policy(name, rules):
    with open(f"{sys.argv[1]}/{name}", "w") as file:
        print("version: 1\nsemantics: aws-like\nendpoints:\n  - {name: b, addresses: [10.0.0.1/32], groups: [g]}\n"
              "groups:\n  - name: g\n    ingress:", file=file)
        for i in rules:
            print(f"      - {{id: r{i}, protocol: udp, ports: {i}, from: [10.{i % 200}.0.0/16]}}", file=file)
policy("many.yaml", range(1, 2001))
policy("few.yaml", range(7, 2001, 50))
with open(f"{sys.argv[1]}/many.pcap", "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 228))
    for i in list(range(7, 2001, 50)) + list(range(2001, 2300)):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, 1, 0, 64, 17, 0, bytes([10, i % 200, 0, 9]), bytes([10, 0, 0, 1]))
        total = sum(struct.unpack("!10H", ip))
        ip = ip[:10] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip[12:]
        packet = ip + struct.pack("!HHHHI", 9, i, 12, 0, 0)
        file.write(struct.pack("<IIII", i, 0, len(packet), len(packet)) + packet)
PYTHON
"$sekisho" replay -o json --policy "$work/many.yaml" "$work/many.pcap" >"$work/many.json" 2>"$work/many.err"
check "many rules: the right ones" equal "$(tail -1 "$work/many.json" | jq -c .summary)" \
	'{"packets":339,"passed":40,"dropped":299,"flows":40}'
check "many rules: as a few" equal "$("$sekisho" replay -o json --policy "$work/few.yaml" "$work/many.pcap" | md5sum)" \
	"$(md5sum <"$work/many.json")"
check "many rules: compiled without a word" equal "$(cat "$work/many.err")" ""
check "many rules: compare" exits 0 "$sekisho" compare --a "$work/many.yaml" --b "$work/few.yaml" "$work/many.pcap"

# ---- holes that a capture leaves ----
holes() { "$sekisho" holes --policy "$1" --after "$here/tests/captures/ikev2-both.pcap" "${@:2}"; }
check "holes: the worst first, and the longest" equal \
	"$(holes "$work/aws.yaml" -o json | jq -c '[.lets_in, .inbound, .why[0].packet, .why[0].line]' | paste -sd ' ')" \
	'["any-packet","udp 198.51.100.1:4500 > 198.51.100.2:4500",7,10] ["any-packet","udp 198.51.100.1:500 > 198.51.100.2:500",1,10]'
check "holes: strict asks for proof" equal "$(holes "$work/strict.yaml" -o json | jq -r .lets_in | sort -u)" answers-with-proof
check "holes: a filter" equal "$(holes "$work/aws.yaml" -o json --filter 'port 4500' | wc -l)" 1
check "holes: a filter that is none" exits 2 holes "$work/aws.yaml" --filter 'prot 4500'
check "holes: later there is none" equal "$(holes "$work/aws.yaml" --later 1h)" \
	"none: nothing comes in but what an inbound rule lists"
check "holes: a capture needs a policy" exits 2 "$sekisho" holes --after "$work/ethernet.pcap"
check "holes: a policy needs a capture" exits 2 "$sekisho" holes --policy "$work/aws.yaml"

# ---- compare without a capture ----
check "witness: equal policies have no first packet apart" exits 0 "$sekisho" compare \
	--a "$work/aws.yaml" --b "$work/aws.yaml" --witness=static
check "witness: there are some" exits 1 "$sekisho" compare --a "$work/aws.yaml" \
	--b "$work/strict.yaml" --witness=static
"$sekisho" compare -o json --a "$work/aws.yaml" --b "$work/strict.yaml" --witness=static \
	>"$work/boxes.json"
check "witness: TCP that is no SYN" equal "$(jq -c 'select(.protocol == [6, 6]) |
	[.only, .direction, .segments, .local, .a.reason, .b.reason]' "$work/boxes.json")" \
	'["a","egress",["not-syn","odd-flags"],["198.51.100.2","198.51.100.2"],"rule-match","not-an-opening"]'
check "witness: complete" equal "$(tail -1 "$work/boxes.json" | jq -c '.summary | [.boxes, .complete]')" \
	"[3,true]"
check "witness: no capture with it" exits 2 "$sekisho" compare --a "$work/aws.yaml" \
	--b "$work/aws.yaml" --witness=static "$work/ethernet.pcap"
"$sekisho" compare -o json --a "$work/aws.yaml" --b "$work/strict.yaml" --witness \
	>"$work/witness.json"
check "witness: they differ" equal "$?" 1
check "witness: the founding case in two packets" equal \
	"$(jq -r 'select(.length == 2 and .packets[1].b.reason == "no-proof-ike") | .packets[] |
	.direction + " " + .packet' "$work/witness.json" | head -2)" \
	"egress udp 198.51.100.2:500 > 198.51.100.1:500 ike=init
ingress udp 198.51.100.1:500 > 198.51.100.2:500 ike=init"
check "witness: shortest first" equal "$(jq -s 'map(.length // 9) | . == sort' "$work/witness.json")" true
check "witness: equal policies" exits 0 "$sekisho" compare --a "$work/aws.yaml" \
	--b "$work/aws.yaml" --witness
check "compare: neither capture nor witness" exits 2 "$sekisho" compare --a "$work/aws.yaml" \
	--b "$work/aws.yaml"

# ---- The daemon's verbs, against a stand-in ----
check "no daemon" exits 3 "$sekisho" status --socket "$work/absent.sock"
python3 - "$work" <<'PYTHON' &
import json, socket, sys, threading

answers = {
    "status": {"version": "9", "edges": [{"name": "e", "inside": "a", "link": True}]},
    "stats": {"received": 3, "reasons": {"no-rule": 2, "arp": 0}},
    "rules.list": {"rules": [{"rule": "vpn/esp-in", "packets": 4}]},
    "drops.list": {"drops": [{"reason": "no-rule", "sentence": "why", "packets": 2}]},
    "policy.get": {"generation": 6, "text": "", "length": 0},
    "policy.stage": {"length": 1},
    "policy.commit": {"generation": 7},
}

def answer(request):
    method, params = request["method"], request.get("params", {})
    if method == "flows.list":
        start = params.get("cursor", 0)
        flows = [{"flow": f"f{n}"} for n in range(start, min(start + params["limit"], 300))]
        return {"result": {"flows": flows, "cursor": start + len(flows) if start + len(flows) < 300 else None}}
    if method in answers:
        return {"result": answers[method]}
    return {"error": {"code": -32000, "message": "no", "data": {"errors": "p.yaml:1:2: error: x\n"}}}

def serve(server, api):
    while True:
        stream = server.accept()[0].makefile("rw")
        try:
            hello = {"version": "9", "api": api, "role": "admin"}
            print(json.dumps({"jsonrpc": "2.0", "method": "hello", "params": hello}),
                  file=stream, flush=True)
            for line in stream:
                request = json.loads(line)
                print('{"jsonrpc":"2.0","method":"event","params":{}}', file=stream)
                print(json.dumps({"jsonrpc": "2.0", "id": request["id"]} | answer(request)),
                      file=stream, flush=True)
        except OSError:
            pass

threads = []
for name, api in (("daemon", [1, 1]), ("future", [5, 9])):
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{sys.argv[1]}/{name}.sock")
    server.listen(8)
    threads.append(threading.Thread(target=serve, args=(server, api)))
    threads[-1].start()
PYTHON
stand_in=$!
for _ in $(seq 50); do
	[ -S "$work/future.sock" ] && break
	sleep 0.1
done
sleep 0.2
daemon=(--socket "$work/daemon.sock")
for verb in status stats flows rules drops; do
	check "$verb as a table" exits 0 "$sekisho" "$verb" "${daemon[@]}"
	check "$verb as json" jq -e . <("$sekisho" "$verb" -o json "${daemon[@]}")
done
check "all pages of flows" equal "$("$sekisho" flows -o json "${daemon[@]}" | wc -l)" 300
check "flows up to a limit" equal "$("$sekisho" flows --limit 140 -o json "${daemon[@]}" | wc -l)" 140
check "missing members are dashes" grep -q '^vpn/esp-in  *-  *4' \
	<("$sekisho" rules "${daemon[@]}")
check "commit" equal "$("$sekisho" commit "${daemon[@]}" "$work/aws.yaml")" "committed, generation 7"
check "commit of an invalid policy asks no daemon" exits 1 "$sekisho" commit \
	--socket "$work/absent.sock" "$work/bad.yaml"
check "a refusal" exits 4 "$sekisho" shutdown "${daemon[@]}"
check "its errors verbatim" grep -qx 'p.yaml:1:2: error: x' \
	<("$sekisho" shutdown "${daemon[@]}" 2>&1)
check "a daemon of another api" exits 4 "$sekisho" status --socket "$work/future.sock"
kill "$stand_in" 2>/dev/null
wait "$stand_in" 2>/dev/null

# ---- The founding case ----
if [ -d "$captures/seed" ]; then
	seed=$captures/seed
	for capture in seed-ikev1-both ikev2-both ikev1-outside-only ikev1-inside-only; do
		for semantics in aws strict; do
			replay "$work/$semantics.yaml" "$seed/$capture.pcap" >"$work/$capture.$semantics"
			check "$capture, $semantics: the same bytes twice" cmp "$work/$capture.$semantics" \
				<(replay "$work/$semantics.yaml" "$seed/$capture.pcap")
		done
	done
	check "both initiate, aws-like: A's first is dropped" equal \
		"$(ask '.[0] | [.verdict,.reason] | join(" ")' "$work/seed-ikev1-both.aws")" "drop no-rule"
	check "both initiate, aws-like: all passes from B's first on" equal \
		"$(ask '[.[] | select(.packet >= 2 and .verdict != "pass")] | length' \
			"$work/seed-ikev1-both.aws")" 0
	for semantics in aws strict; do
		check "only A initiates, $semantics: nothing passes" equal \
			"$(ask '.[-1].summary.passed' "$work/ikev1-outside-only.$semantics")" 0
		check "only B initiates, $semantics: everything passes" equal \
			"$(ask '.[-1].summary.dropped' "$work/ikev1-inside-only.$semantics")" 0
	done
	"$sekisho" compare -o json --a "$work/aws.yaml" --b "$work/strict.yaml" \
		"$seed/seed-ikev1-both.pcap" >"$work/founding.json"
	check "compare finds the founding case" equal "$?" 1
	check "and says why" equal "$(ask '.[0].b.reason' "$work/founding.json")" "no-proof-ike"
else
	echo "skipped: the seed captures are not there"
fi

# ---- Hostile and odd captures ----
try_capture() { # CAPTURE: exit 0, or 2 with one line of refusal; the same twice
	local code again
	for semantics in aws strict; do
		timeout 60 "$sekisho" replay --policy "$work/$semantics.yaml" -o json "$1" \
			>"$work/try.$$.out" 2>"$work/try.$$.err"
		code=$?
		if [ "$code" = 2 ] && [ "$(wc -l <"$work/try.$$.err")" = 1 ]; then
			echo "refused $semantics $1: $(cat "$work/try.$$.err")"
		elif [ "$code" = 0 ] && [ ! -s "$work/try.$$.err" ]; then
			echo "judged $semantics $1"
		else
			echo "FAIL: $semantics $1: exit $code"
		fi
		again=$("$sekisho" replay --policy "$work/$semantics.yaml" -o json "$1" 2>/dev/null | md5sum)
		[ "$again" = "$(md5sum <"$work/try.$$.out")" ] || echo "FAIL: $semantics $1: not the same twice"
	done
}
export -f try_capture
export sekisho work
if [ -d "$captures/tcpdump" ]; then
	find "$captures/tcpdump" -name '*.pcap*' -print0 | sort -z |
		xargs -0 -P 2 -I{} bash -c 'try_capture "$1"' - {} >"$work/tried"
	grep FAIL "$work/tried" | head -20
	wrong=$(grep -c FAIL "$work/tried")
	failures=$((failures + wrong))
	checks=$((checks + $(grep -c . "$work/tried")))
	echo "tcpdump's captures: $(grep -c ^judged "$work/tried") judged," \
		"$(grep -c ^refused "$work/tried") refused, $wrong wrong"
else
	echo "skipped: tcpdump's captures (798) are not there"
fi

# ---- bench: not for its figures, but that it measures what it says ----
bench() { timeout 120 "$sekisho" bench --flows 4k --duration 1s -o json "$@"; }
bench --report "$work/bench.html" >"$work/bench.json" 2>"$work/bench.err"
check "bench measures both semantics" equal "$(ask '.[].semantics' "$work/bench.json" | paste -sd' ')" \
	"aws-like strict"
check "bench: what it says of each, and nothing dropped" equal "$(ask 'map(select(
		.flows == 4096 and .dropped == 0 and .trials >= 2 and .mix == {established: 90, new: 10} and
		.ns_per_packet > .ports_ns and .mpps > 0 and .new_flows_per_s > 0 and .bytes_per_flow > 128 and
		.memory_limit_ns > 0 and .ratio_to_memory_limit > 1 and .rte_hash_ns > 0 and
		.burst_p50_us <= .burst_p99_us and .burst_p99_us <= .burst_p999_us and
		.shadow == null and .shadowed_ns_per_packet == null and
		.spread_percent >= 0 and .flows_alive >= 4096)) | length' "$work/bench.json")" 2
check "bench: a tenth of the packets opens flows" equal "$(ask 'map(select(
		(.new_flows_per_s / .mpps / 1e6 * 100 | round) == 10)) | length' "$work/bench.json")" 2
check "bench: latency at three loads, and stages that make the whole" equal "$(ask 'map(select(
		([.latency[].load_percent] == [10, 50, 90]) and
		([.latency[] | .p50_us > 0 and .p99_us >= .p50_us and .p999_us >= .p99_us and .lost_percent >= 0] | all) and
		(.stages | .receive_ns > 0 and .judge_ns > 0 and .transmit_ns > 0) and
		(([.stages[]] | add) >= .ns_per_packet - 0.1))) | length' "$work/bench.json")" 2
check "bench: the page has a picture for each" equal "$(grep -c '<svg' "$work/bench.html")" 2
bench --policy "$work/aws.yaml" --mix established:100,new:0 --size imix >"$work/bench.json" 2>"$work/bench.err"
check "bench: a policy of one's own, its semantics, no new flows" equal \
	"$(ask '.[] | [.semantics, .size, .new_flows_per_s, .clock_factor] | map(tostring) | join(" ")' \
		"$work/bench.json")" "aws-like imix null 1"
policy aws-like | sed 's/egress/# &/; /all-out/d' >"$work/esp.yaml"
bench --semantics strict --shadow aws-like --mix established:100,new:0 >"$work/bench.json" 2>"$work/bench.err"
check "bench: what a shadow beside costs, and nothing dropped" equal "$(ask '.[] | .shadow == "aws-like" and
	.shadow_ratio > 0 and .shadowed_ns_per_packet > 0 and .dropped == 0' "$work/bench.json")" true
bench --policy "$work/esp.yaml" >"$work/bench.json" 2>"$work/bench.err"
check "bench: a policy that admits no such flows" equal $? 4
check "bench: and why" grep -q "no single rule of this policy admits 4096 different IPv4 flows" "$work/bench.err"
for wrong in "--flows 0" "--flows 1G" "--mix established:90,new:20" "--mix established:20,new:80" \
	"--size 128" "--semantics lax" "--shadow both" "--cores 0" "--cores 65" "--duration 0s" "--policy $work/nowhere.yaml"; do
	check "bench $wrong is refused" exits 2 bench $wrong
done

checks_end

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What a live sekishod tells as it happens: trace, events, capture; their filters and bounds, refusals, and a
# client that does not read. Usage: test_watch.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

cat >"$work/policy.yaml" <<'YAML'
version: 1
semantics: strict
endpoints:
  - {name: host, addresses: [192.0.2.2, "fd00::2"], groups: [g]}
groups:
  - name: g
    ingress:
      - {id: web, protocol: tcp, ports: 8080, from: [192.0.2.0/24]}
    egress:
      - {id: all-out, protocol: all, to: [192.0.2.0/24]}
YAML
sed 's/id: web/id: www/' "$work/policy.yaml" >"$work/next.yaml"
sekishod_start policy.yaml

datagrams() { # NAMESPACE ADDRESS PORT COUNT
    on "$1" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[3])):
    s.sendto(b"x", (sys.argv[1], int(sys.argv[2])))' "$2" "$3" "$4"
}

# The daemon is asked in the background; what is to be seen is done until it has seen enough.
watching() { # NAME COMMAND-TO-BE-SEEN -- VERB OPTION...
    local name=$1 seen=$2 client
    shift 3
    cli "$@" >"$work/$name" 2>"$work/$name.err" &
    client=$!
    for _ in $(seq 150); do
        eval "$seen" >/dev/null 2>&1 || true
        kill -0 $client 2>/dev/null || break
        sleep 0.2
    done
    kill $client 2>/dev/null && { echo "$name did not end"; wait $client || true; return 1; }
    wait $client
}
says() { jq -es "$2" "$work/$1"; } # NAME JQ-CONDITION on all lines

drop_in='datagrams "$out" 192.0.2.2 5000 2'
pass_out='datagrams "$in" 192.0.2.1 6000 1'

check "trace tells what its filter means" watching trace "$drop_in; $pass_out" -- \
    trace --filter "proto udp and dport 5000" --count 3 -o json
check "three packets with their reasons, and the end" says trace '
    length == 4 and .[3] == {event: "done", told: 3, lost: 0} and
    all(.[:3][]; .event == "packet" and .verdict == "drop" and .reason == "no-rule" and .phase == "rules" and .edge == "edge" and
        .direction == "ingress" and (.flow | test("^udp 192.0.2.1:[0-9]+ > 192.0.2.2:5000$")) and
        (.time - now | fabs) < 120)'
check "a trace of what passes names rule and opener" watching opened "$pass_out" -- \
    trace --filter "pass and dport 6000" --count 1 -o json
check "as a flow's first packet has them" says opened '.[0].reason == "rule-match" and .[0].rule == "g/all-out" and
    .[0].opened_by == .[0].packet'
check "as a table" watching table "$drop_in" -- trace --filter "reason no-rule" --count 2
check "with a line a packet" grep -qE '^[0-9:.]+  drop     rules     no-rule +ingress +edge +udp 192' "$work/table"
check "a trace ends with its time" watching timed true -- trace --filter "port 1" --for 1s -o json
check "having told nothing" says timed '. == [{event: "done", told: 0, lost: 0}]'

check "events of some kinds" watching drops "$drop_in; $pass_out" -- events --kinds drop --count 2 -o json
check "are these" says drops '[.[].event] == ["drop", "drop", "done"]'
check "a flow is new once" watching new "$pass_out; $pass_out" -- \
    events --kinds new --filter "dport 6000" --count 2 -o json
check "with the rule that opened it" says new 'all(.[:2][]; .event == "new" and .rule == "g/all-out")'
kill_it="cli flows kill 'proto udp and port 6000'"
check "a flow's end is told" watching end "$pass_out; $pass_out; $kill_it" -- \
    events --kinds end --filter "reason killed and dport 6000" --count 1 -o json
check "why, when, and what it has carried" says end '.[0] | .event == "end" and .reason == "killed" and
    .admitted_by == "rule" and .rule == "g/all-out" and .state == "unanswered" and .direction == "egress" and
    .packets.egress >= 1 and .packets.ingress == 0 and .bytes.egress == 43 * .packets.egress and
    .start < .end and .end <= .time and .flow_id == .opened_by and (.community_id | startswith("1:")) and
    (.flow | test("^udp 192.0.2.2:[0-9]+ > 192.0.2.1:6000$"))'
check "as a line" watching end_line "$pass_out; $kill_it" -- events --kinds end --filter "dport 6000" --count 1
check "with the same" grep -qE ' end +- +- +killed +egress +edge +udp .*:6000  rule g/all-out  unanswered, ' "$work/end_line"
sed '/id: all-out/s/all, to/tcp, to/' "$work/policy.yaml" >"$work/less.yaml"
check "a flow whose rule goes" watching withdrawn "$pass_out; cli commit $work/less.yaml; cli rollback" -- \
    events --kinds end --filter "dport 6000" --count 1 -o json
check "ends for that" says withdrawn '.[0].reason == "rule-withdrawn"'
check "a policy put in force is told" watching policy "cli commit $work/next.yaml" -- \
    events --kinds policy --count 1 -o json
check "with its edge and generation" says policy '.[0] | .event == "policy" and .edge == "edge" and .generation > 1'
check "a link that goes down is told" watching link \
    "ip -n $mid link set p-out down; sleep 1.5; ip -n $mid link set p-out up; sleep 1.5" -- \
    events --kinds port --count 1 -o json
ip -n "$mid" link set p-out up
check "with its side" says link '.[0] | .event == "port" and .side == "outside"'

check "capture" watching capture "$drop_in; $pass_out" -- \
    capture --out "$work/all.pcapng" --filter "udp and (port 5000 or port 6000)" --count 6 -o json
check "says how many" says capture '.[0] == {packets: 6, lost: 0}'
python3 "$here/pcapng_read.py" "$work/all.pcapng" >"$work/read" 2>"$work/read.err" || cat "$work/read.err"
check "each packet has its side and its reason" says read '
    length == 6 and all(.[]; .length == (.frame | length / 2)) and
    any(.[]; .interface == "edge/outside" and (.comment | startswith("drop no-rule: no flow and no rule"))) and
    any(.[]; .interface == "edge/inside" and (.comment | startswith("pass rule-match (rule g/all-out")))'
check "tcpdump reads it" sh -c "tcpdump -nr '$work/all.pcapng' 2>/dev/null | grep -c 192.0.2 | grep -qx 6"
check "the file is its owner's" [ "$(stat -c %a "$work/all.pcapng")" = 600 ]
check "drops only, bounded by bytes" watching bounded "$drop_in; $pass_out" -- \
    capture --out "$work/drops.pcapng" --drops --bytes 400
python3 "$here/pcapng_read.py" "$work/drops.pcapng" >"$work/read" 2>"$work/read.err" || cat "$work/read.err"
check "some, and all of them drops" says read 'length >= 1 and length <= 5 and all(.[]; .comment | startswith("drop "))'

status() { local code=0; "${@:2}" >"$work/out" 2>"$work/err" || code=$?; [ $code -eq "$1" ]; }
check "a filter that is none is refused" status 4 cli trace --filter "udp and prot 5"
check "with its column" grep -q "filter, column 9: 'prot' is not known" "$work/err"
check "an event that is none is refused" status 4 cli events --kinds new,old
check "with those there are" grep -q "kinds must be a list of some of new, end, drop, policy, port" "$work/err"
check "a file that cannot be written" status 4 cli capture --out /nowhere/x.pcapng --count 1
check "--out is needed" status 2 cli capture
check "frames are not for readers" status 4 "$build/app/sekisho/sekisho" capture --out "$work/x" --count 1 --socket "$work/ro.sock"
check "packets are" status 0 "$build/app/sekisho/sekisho" trace --for 1s --filter "port 1" --socket "$work/ro.sock"

# Who does not read: the socket and its output fill up, the rest is lost and told in its place.
cat >"$work/slow.py" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect(sys.argv[1])
s.settimeout(60)
lines = s.makefile()
lines.readline()
s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"events.start","params":{"kinds":["drop"]}}\n')
assert json.loads(lines.readline())["result"]["started"]
open(sys.argv[2], "w").close()
while not __import__("os").path.exists(sys.argv[3]):
    __import__("time").sleep(0.1)
told = lost = 0
while told + lost < int(sys.argv[4]):
    event = json.loads(lines.readline())["params"]
    told += event["event"] == "drop"
    lost += event.get("lost", 0)
print(json.dumps({"told": told, "lost": lost}))
PY
sent=4000
python3 "$work/slow.py" "$work/s.sock" "$work/begun" "$work/sent" $sent >"$work/slow" 2>"$work/slow.err" &
slow=$!
for _ in $(seq 200); do [ -e "$work/begun" ] && break; sleep 0.1; done
before=$(reason no-rule)
for _ in $(seq 20); do
    datagrams "$out" 192.0.2.2 5000 2000
    [ $(($(reason no-rule) - before)) -ge $sent ] && break
done
touch "$work/sent"
check "a client that did not read hears of all or how many it lost" wait $slow
check "and it lost some" says slow '.[0].lost > 0 and .[0].told > 0'
check "while packets went on" [ $(($(reason no-rule) - before)) -ge $sent ]

sekishod_stop
check "and nothing of who had watched is in the way of a stop" fails grep -q 'ERROR\|SUMMARY' "$work/log"
two_hosts_end

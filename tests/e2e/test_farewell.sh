#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What a sekishod that stops tells: the end of each flow that is still alive, in its records and to who watches; to who
# watches also that this is all, and how much of it was lost. A reader that has fallen asleep holds nothing up. One that
# is killed tells nothing, and its clients say so. Usage: test_farewell.sh --build DIR. Exit 77 when namespaces are not
# to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

host_policy strict >"$work/policy.yaml"
mkdir "$work/state"
appliance_more="state: $work/state
records:
  flow_log: {file: flows.log, interval: 600}
  events: {file: events.json}"
workers="1, 2" sekishod_start policy.yaml

# A flow for each, with one packet.
open_flows() { # COUNT
    on "$in" python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[1])):
    s.sendto(b"x", ("192.0.2.1", 1024 + i))
    if i % 64 == 0:
        time.sleep(0.01)' "$1"
}

# Clients that are told in the background; they have begun when the daemon says that they are there.
listen() { # NAME VERB OPTION...
    "$build/app/sekisho/sekisho" "${@:2}" --socket "$work/s.sock" >"$work/$1" 2>"$work/$1.err" &
    listener=$!
}
code_of() { local code=0; wait "$1" || code=$?; echo $code; } # PROCESS

listen events events --kinds end -o json
events=$listener
listen table events --kinds end
table=$listener
listen capture capture --out "$work/some.pcapng"
capture=$listener
: >"$work/sleeps"
python3 - "$work/s.sock" "$work/sleeps" <<'PY' &
import json, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect(sys.argv[1])
s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"events.start"}\n')
lines = s.makefile()
lines.readline()
assert json.loads(lines.readline())["result"]["started"]
with open(sys.argv[2], "w") as told:
    told.write("asleep")
time.sleep(120)
PY
sleeper=$!
asleep() { grep -q asleep "$work/sleeps"; }
check "there is one who does not read" soon asleep
all_told() {
    open_flows 1
    cli flows kill all
    [ -s "$work/events" ] && [ -s "$work/table" ] && [ "$(wc -c <"$work/some.pcapng")" -gt 600 ]
}
check "and some who do" soon all_told
open_flows 300
flows=$(counter .flows.now)
check "flows are alive" [ "$flows" -gt 250 ]

began=$(date +%s%N)
sekishod_stop
took=$((($(date +%s%N) - began) / 1000000))
kill $sleeper 2>/dev/null || true
check "who does not read holds it up for no longer than a while ($took ms)" [ $took -lt 15000 ]

says() { jq -es "$2" "$work/$1"; } # FILE JQ-CONDITION on all lines
check "records have the end of each flow" says events.json "
    [.[] | select(.event == \"end\" and .reason != \"killed\")] as \$ends | (\$ends | map(.flow_id) | unique | length) == $flows and
    (\$ends | length) == $flows and all(\$ends[]; .reason == \"shutdown\" and .rule == \"g/all-out\" and
        .packets.egress == 1 and .state == \"unanswered\" and .start <= .end)"
check "and the new ones that they are of" says events.json '
    ([.[] | select(.event == "end") | .flow_id] | sort) == ([.[] | select(.event == "new") | .flow_id] | sort)'
check "none of it lost" fails grep -q '"lost"' "$work/events.json"
check "the flow log has its last interval, whole" grep -q ' ACCEPT OK$' "$work/flows.log"
check "and skips nothing" fails grep -q SKIPDATA "$work/flows.log"
check "flows were saved all the same" grep -qE 'flows and address pairs are saved' "$work/log"

check "who watches is told that the daemon is not there any more: exit 3" [ "$(code_of $events)" -eq 3 ]
check "of all ends, then that this is all, and why" says events "
    (map(select(.reason == \"shutdown\" and .event == \"end\")) | length) == $flows and
    .[-1] == {event: \"done\", told: (length - 1), lost: 0, reason: \"shutdown\"}"
check "in words as well" grep -qx 'sekisho: the daemon has stopped (shutdown)' "$work/events.err"
check "as a table: exit 3" [ "$(code_of $table)" -eq 3 ]
check "with a line for each" [ "$(grep -c ' end .* shutdown ' "$work/table")" -eq "$flows" ]
check "a capture ends: exit 3" [ "$(code_of $capture)" -eq 3 ]
check "says what it has" grep -qE '^[0-9]+ packets captured, 0 lost$' "$work/capture"
check "and why it ended" grep -qx 'sekisho: the daemon has stopped (shutdown)' "$work/capture.err"
check "its file is whole" sh -c "tcpdump -nr '$work/some.pcapng' 2>/dev/null | grep -q 192.0.2.2"

rm -f "$work/events.json"
appliance_more="records:
  events: {file: events.json}"
workers=1 sekishod_start policy.yaml
listen killed events
told() { open_flows 1; cli flows kill all; [ -s "$work/killed" ]; }
check "events are told" soon told
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || true
daemon=
check "a daemon that is killed tells nothing: exit 3" [ "$(code_of $listener)" -eq 3 ]
check "and the client says what it knows" grep -qx 'sekisho: the daemon has ended, or has closed the connection' \
    "$work/killed.err"
two_hosts_end

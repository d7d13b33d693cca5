#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What a live sekishod keeps in files: the flow log of VPC Flow Logs' format (AWS-150, AWS-164) and events as JSON lines;
# files that others rename, one that cannot be written, and a full disk. Usage: test_records.sh --build DIR. Exit 77 when
# namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

cat >"$work/policy.yaml" <<'YAML'
version: 1
semantics: aws-like
endpoints:
  - {name: host, addresses: [192.0.2.2], groups: [g]}
groups:
  - name: g
    ingress:
      - {id: ping, protocol: icmp, from: [192.0.2.1/32]}
    egress:
      - {id: web, protocol: tcp, ports: 7000, to: [192.0.2.0/24]}
YAML
appliance_more="records:
  flow_log: {file: flows.log, interval: 1, account_id: \"123456789010\"}
  events: {file: $work/events.json}
  rotate: {hours: 24, keep: 2}"
sekishod_start policy.yaml
serve "$out" 7000

logged() { grep -qE "$1" "$work/flows.log"; }

check "a ping is answered" on "$out" ping -c 2 -i 0.2 -W 2 192.0.2.2
check "one is refused" fails on "$in" ping -c 1 -W 1 192.0.2.1
check "a connection" traffic "$in" talk 192.0.2.1 7000 1 100
line='2 123456789010 edge'
check "AWS-164: the ping's line" soon logged "^$line 192.0.2.1 192.0.2.2 0 0 1 [12] (84|168) [0-9]{10} [0-9]{10} ACCEPT OK$"
check "AWS-164: its answer's" soon logged "^$line 192.0.2.2 192.0.2.1 0 0 1 [12] (84|168) [0-9]+ [0-9]+ ACCEPT OK$"
check "AWS-165: what the outbound rules stop" soon logged "^$line 192.0.2.2 192.0.2.1 0 0 1 1 84 [0-9]+ [0-9]+ REJECT OK$"
check "the connection's, both ways" soon logged "^$line 192.0.2.1 192.0.2.2 7000 [0-9]+ 6 [0-9]+ [0-9]+ [0-9]+ [0-9]+ ACCEPT OK$"
check "an interval without traffic" soon logged "^$line - - - - - - - [0-9]+ [0-9]+ - NODATA$"
check "nothing was lost" fails logged SKIPDATA

event() { jq -es "any(.[]; $1)" "$work/events.json"; }
check "events: a new flow, with its names elsewhere" soon event \
    '.event == "new" and .rule == "g/web" and .admitted_by == "rule" and .flow_id > 0 and (.community_id | startswith("1:"))'
check "events: a drop" soon event '.event == "drop" and .reason == "no-rule"'

check "the tool ends flows" "$build/app/sekisho/sekisho" flows kill 'proto tcp and port 7000' --socket "$work/s.sock"
check "events: a flow's end is its last record, of the same flow" soon jq -es '
    (map(select(.event == "new" and .rule == "g/web"))[0]) as $new |
    any(.[]; .event == "end" and .flow_id == $new.flow_id and .community_id == $new.community_id and
        .reason == "killed" and .rule == "g/web" and .admitted_by == "rule" and .start <= .end and
        .packets.egress > 2 and .packets.ingress > 2 and .bytes.egress > 200)' "$work/events.json"
ended() { jq -es "map(select(.event == \"end\" and .rule == \"g/web\"))[0]" "$work/events.json"; }
# all that the flow has carried stands in the intervals as well: frames are 14 bytes longer than packets
sums() {
    local out=0 packets
    packets=$(ended | jq .packets.egress)
    out=$(awk '$4 == "192.0.2.2" && $7 == 7000 && $13 == "ACCEPT" { sum += $10 } END { print sum }' "$work/flows.log")
    [ "$(ended | jq .bytes.egress)" = $((out + 14 * packets)) ]
}
check "its bytes are those of its lines in the flow log" soon sums

for signal in HUP USR1; do
    mv "$work/flows.log" "$work/flows.$signal"
    kill -$signal "$daemon"
    check "SIG$signal: the file is opened anew" soon test -s "$work/flows.log"
done
mv "$work/flows.log" "$work/flows.today"
echo yesterday >"$work/flows.log"
touch -d '2 days ago' "$work/flows.log"
kill -HUP "$daemon"
check "a file of another day gets another name" soon grep -qx yesterday "$work/flows.log.1"
check "and a new one takes its place" soon test -s "$work/flows.log"
check "lines are counted" [ "$(counter .records.written)" -gt 5 ]
rm -rf "$work/flows.log" && mkdir "$work/flows.log"
kill -HUP "$daemon"
lost() { [ "$(counter .records.lost)" -gt 0 ]; }
check "what cannot be written is counted" soon lost
check "and said in the log" grep -q 'records: .*flows.log: Is a directory' "$work/log"
check "and packets go on" traffic "$in" talk 192.0.2.1 7000 1 100

sed 's/account_id/format: "${srcaddr} ${sport}", account_id/' "$work/sekisho.yaml" >"$work/bad.yaml"
refused() { "$build/app/sekishod/sekishod" -c "$work/bad.yaml" --check >"$work/out" 2>&1; }
check "a field that there is not is refused" fails refused
check "by name and place" grep -qE "^[^:]+/bad.yaml:[0-9]+:[0-9]+: error: records.flow_log.format: '\\$\{sport\}'" "$work/out"
sekishod_stop

# ---- A full disk ----
small=$work/small
mkdir "$small"
if mount -t tmpfs -o size=128k none "$small" 2>/dev/null; then
    appliance_more="state: $work/state
audit: $small/audit.json
records: {events: {file: $small/events.json}, flow_log: {file: $small/flows.log, interval: 1}}"
    sekishod_start policy.yaml
    refuse() { on "$in" ping -c 40 -i 0.002 -W 1 192.0.2.1 >/dev/null 2>&1 || true; } # each is an event
    none_fit() { refuse; lost; }
    untold_change() { cli commit "$work/policy.yaml"; grep 'audit file .*: No space left' "$work/log"; }
    is_whole() {
        jq -e . "$small/events.json" >/dev/null && jq -e . "$small/audit.json" >/dev/null &&
            ! grep -vE '^2 .* (OK|NODATA|SKIPDATA)$' "$small/flows.log"
    }
    refuse
    check "with room, events are recorded" soon test -s "$small/events.json"
    check "and changes" cli commit "$work/policy.yaml"
    head -c 1M /dev/zero >"$small/full" 2>/dev/null || true
    check "on a full disk, lines are lost, which is counted" soon none_fit
    check "and said in the log" grep -q 'records: .*: No space left' "$work/log"
    check "also of the audit" soon untold_change
    check "no line is cut short" is_whole
    rm "$small/full"
    before=$(counter .records.written)
    written() { refuse; [ "$(counter .records.written)" -gt "$before" ]; }
    check "with room again, lines are written" soon written
    check "and changes" cli commit "$work/policy.yaml"
    check "and each is whole" is_whole
    sekishod_stop
    umount "$small"
else
    echo "no file system can be mounted here: a full disk is not tested"
fi
two_hosts_end

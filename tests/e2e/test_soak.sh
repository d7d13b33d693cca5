#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Everything at once, for long: connections that come and go, commits and rollbacks, traces, captures, listings, saves,
# ports that go down and come back, clients that are killed in the middle, and the daemon itself, killed or stopped and
# started again. Connections that were open before live on, memory is flat while a daemon lives, and what came in has
# gone somewhere.
# Usage: test_soak.sh --build DIR [--for TIME]: 10s if not told, or 30m, 8h. Exit 77 when namespaces are not to be had.
# shellcheck source=tests/e2e/two_hosts.sh
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
seconds=10
if [ "${3:-}" = --for ]; then
    [[ ${4:-} =~ ^([1-9][0-9]{0,5})([smh])$ ]] || { echo "--for wants a time: 20s, 30m, 8h"; exit 2; }
    declare -A unit=([s]=1 [m]=60 [h]=3600)
    seconds=$((BASH_REMATCH[1] * unit[${BASH_REMATCH[2]}]))
    set -- "$1" "$2"
fi
two_hosts_begin "$@"

policy() { # SEMANTICS RULES
    cat <<YAML
version: 1
semantics: $1
endpoints:
  - {name: host, addresses: [192.0.2.2, fd00::2], groups: [g]}
groups:
  - name: g
    egress:
      - {id: out, protocol: all, to: [0.0.0.0/0, "::/0"]}
    ingress:
YAML
    for ((i = 0; i < $2; i++)); do
        echo "      - {id: in-$i, protocol: tcp, ports: $((i + 1)), from: [10.0.$((i / 250)).$((i % 250))]}"
    done
}
policy strict 10 >"$work/policy.yaml"
policy strict 1000 >"$work/large.yaml"
policy aws-like 100 >"$work/aws.yaml"
appliance_more="state: $work/state
flow_image: {interval: 5}
metrics: {socket: $work/metrics.sock}
records: {flow_log: {file: $work/flows.log, interval: 1}, events: {file: $work/events.log}, rotate: {megabytes: 1, keep: 2}}"

# ---- What goes on, each in a loop of its own until the round is over ----
goes_on() { [ -e "$work/going-on" ]; }
pause() { sleep "0.$((RANDOM % 5))$((RANDOM % 10))"; }
# A client that is killed sooner or later, or has finished by then.
killed_client() { # COMMAND...
    "$@" >/dev/null 2>&1 &
    pause
    kill -KILL $! 2>/dev/null || true
    wait $! 2>/dev/null || true
}
churn() { while goes_on; do traffic "$in" talk "$1" 7000 30 3000 10 >/dev/null 2>&1 || true; done; }
datagrams() { while goes_on; do traffic "$in" datagrams 192.0.2.1 7000 10 1000 >/dev/null 2>&1 || true; done; }
commits() {
    while goes_on; do
        for name in large aws policy; do cli commit "$work/$name.yaml" >/dev/null 2>&1 || true; pause; done
        cli commit --confirm 60s "$work/large.yaml" >/dev/null 2>&1 || true
        cli rollback >/dev/null 2>&1 || true
        killed_client cli commit "$work/large.yaml"
    done
}
watchers() {
    while goes_on; do
        killed_client cli trace --for 10s
        killed_client cli events --for 10s
        killed_client cli capture --out "$work/captured.pcapng" --for 10s
        cli trace --count 5 --for 1s >/dev/null 2>&1 || true
    done
}
listings() {
    while goes_on; do
        for verb in flows rules stats holes status drops 'state save' history; do
            # shellcheck disable=SC2086 # a verb of two words
            cli $verb -o json >/dev/null 2>&1 || true
        done
        curl -s --unix-socket "$work/metrics.sock" http://localhost/metrics >/dev/null || true
        killed_client cli flows --sort bytes
        cli flows kill 'port 9' >/dev/null 2>&1 || true
    done
}
flaps() {
    while goes_on; do
        for port in p-in p-out; do
            sleep 1.$((RANDOM % 10))
            ip -n "$mid" link set $port down
            pause
            ip -n "$mid" link set $port up
        done
    done
}
all() { # COMMAND...: meanwhile all of this goes on
    local loops=()
    : >"$work/going-on"
    for what in 'churn 192.0.2.1' 'churn fd00::1' datagrams commits watchers listings flaps; do
        $what &
        loops+=($!)
    done
    "$@"
    rm "$work/going-on"
    wait "${loops[@]}"
    ip -n "$mid" link set p-in up
    ip -n "$mid" link set p-out up
    cli commit "$work/policy.yaml" >/dev/null
}

# ---- The daemon, killed and stopped in turn ----
restarts=0 broken=0
restart() { # SIGNAL
    kill -"$1" "$daemon"
    wait "$daemon" 2>/dev/null || true
    [ "$1" = KILL ] || grep -q 'conservation: .*: holds' "$work/log" || { tail -n 5 "$work/log"; broken=$((broken + 1)); }
    cat "$work/log" >>"$work/logs"
    sekishod_start "$work/policy.yaml"
    restarts=$((restarts + 1))
}
restarts_for() { # SECONDS: at least one of each kind
    local until=$((SECONDS + $1)) first=$restarts
    while [ $SECONDS -lt $until ] || [ $((restarts - first)) -lt 2 ]; do
        sleep $((1 + RANDOM % (1 + $1 / 5)))
        restart KILL
        sleep $((1 + RANDOM % (1 + $1 / 5)))
        restart TERM
    done
}
# All names of rules are known, all files open, the history full.
warm_up() { for _ in $(seq "$1"); do for name in large aws policy; do cli commit "$work/$name.yaml" >/dev/null; done; done; } # TIMES

# ---- Memory, once what was retired is freed: the heap in use, in KiB ----
memory() {
    local last=- now same=0
    for _ in $(seq 300); do
        sleep 0.1
        now=$(cli status -o json | jq '.memory.heap / 1024 | floor')
        [ "$now" = "$last" ] && same=$((same + 1)) || same=0
        [ $same -lt 5 ] || break
        last=$now
    done
    echo "$now"
}

sekishod_start "$work/policy.yaml"
serve "$out" 7000
hold_start "$in" 192.0.2.1 7000 20
hold_start "$in" fd00::1 7000 20
warm_up 50
cli state save >/dev/null
left=$seconds worst=0 before=0
while [ $left -gt 0 ]; do
    all restarts_for $((left < 300 ? left / 5 : 60))
    warm_up 5
    all sleep 3
    took=$((left < 300 ? left : 240)) before=$(memory)
    descriptors=$(find "/proc/$daemon/fd" -mindepth 1 | wc -l)
    all sleep $took
    left=$((left - (left < 300 ? left : 300)))
    after=$(memory)
    [ $((after - before)) -le $worst ] || worst=$((after - before))
done
# What the C library keeps at hand for each thread counts as in use.
check "$seconds s of everything: memory grew by $worst KiB of $before at most while a daemon lived" [ $worst -le 1024 ]
settles() { # clients that have gone are noticed within a moment
    for _ in $(seq 100); do
        [ "$(find "/proc/$daemon/fd" -mindepth 1 | wc -l)" -gt "$descriptors" ] || return 0
        sleep 0.1
    done
    ls -l "/proc/$daemon/fd"
    return 1
}
check "no descriptor is left open" settles
check "flows were saved" [ "$(cli status -o json | jq .flow_image.saves)" -ge 2 ]
check "and never not" [ "$(cli status -o json | jq .flow_image.failures)" = 0 ]
check "connections from before live on, through $restarts restarts, half of them kills" hold_stop
check "after each of the others what came in had gone somewhere" [ $broken = 0 ]
check "no image was ignored" [ ! -e "$work/state/flows.image.damaged" ]
check "policies have changed: $(cli history -o json | wc -l) revisions" [ "$(cli history -o json | wc -l)" -ge 100 ]
check "the worker has never hung" fails grep -q 'does not move' "$work/logs" "$work/log"
sekishod_stop
two_hosts_end

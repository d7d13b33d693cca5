#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# sekishod's start, control sockets and stop, on ports that need no privilege. usage: test_daemon.sh BUILD
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_daemon.sh --build DIR" >&2; exit 2; }
daemon=$(realpath "$2")/app/sekishod/sekishod
work=$(mktemp -d) pid= failed=0

tidy() {
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
    rm -rf "$work"
}
trap tidy EXIT

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "pass: $name"; else echo "FAIL: $name"; failed=1; fi
}

start() {
    "$daemon" -c "$work/sekisho.yaml" >>"$work/log" 2>&1 &
    pid=$!
    for _ in $(seq 100); do
        [ -S "$work/run/s.sock" ] && kill -0 "$pid" 2>/dev/null && grep -q 'ready' "$work/log" && return
        sleep 0.1
    done
    cat "$work/log"
    echo "FAIL: the daemon did not start"
    exit 1
}

stop() { # SIGNAL: its exit code is ours
    kill "-$1" "$pid"
    wait "$pid"
    local code=$?
    pid=
    return $code
}

cat >"$work/policy.yaml" <<'Y'
version: 1
semantics: strict
endpoints:
  - {name: gateway-b, addresses: [198.51.100.2/32], groups: [vpn]}
groups:
  - name: vpn
    ingress:
      - {id: esp-in, protocol: esp, from: [198.51.100.1/32]}
    egress:
      - {id: all-out, protocol: all, to: [0.0.0.0/0]}
Y
cat >"$work/sekisho.yaml" <<Y
version: 1
policy: policy.yaml
edges:
  - name: vpn-edge
    inside: {device: "net_null0"}
    outside: {device: "net_null1"}
workers: [1]
memory: {flows: 65536, hugepages: no}
control: {socket: $work/run/s.sock, readonly_socket: $work/run/ro.sock}
Y

check "-h" "$daemon" -h
check "-v" "$daemon" -v
check "--check of a valid file" "$daemon" -c "$work/sekisho.yaml" --check
"$daemon" >/dev/null 2>&1
check "no file is a usage error" test $? -eq 2
start
python3 "$here/daemon_client.py" "$work/run/s.sock" "$work/run/ro.sock" || failed=1
"$daemon" -c "$work/sekisho.yaml" >"$work/second" 2>&1
check "a second daemon on the same socket is refused" grep -q 'another daemon' "$work/second"
sed 's/net_null1/net_that_there_is_not/' "$work/sekisho.yaml" >"$work/elsewhere.yaml"
"$daemon" -c "$work/elsewhere.yaml" >"$work/second" 2>&1
check "before it touches a port" grep -q 'another daemon' "$work/second"
check "a clean stop on SIGTERM" stop TERM
check "conservation" grep -q 'conservation: .*holds' "$work/log"
check "the sockets are gone" test ! -e "$work/run/s.sock" -a ! -e "$work/run/ro.sock"
: >"$work/log"
start
stop KILL 2>/dev/null
: >"$work/log"
start
check "a socket that was left behind is replaced" test -S "$work/run/s.sock"
check "a clean stop on SIGINT" stop INT

# Whatever it opens first must not be where the log goes.
"$daemon" -c "$work/sekisho.yaml" <&- >&- 2>&- &
pid=$!
socket_is_there() { for _ in $(seq 200); do [ ! -S "$work/run/s.sock" ] || return 0; sleep 0.1; done; return 1; }
check "it starts without standard files" socket_is_there
check "and keeps their places" test "$(readlink /proc/$pid/fd/0 /proc/$pid/fd/1 /proc/$pid/fd/2 | sort -u)" = /dev/null
check "and stops" stop TERM

# Signals at any moment of the start: each is a clean stop.
stopped_early() { # SECONDS
    "$daemon" -c "$work/sekisho.yaml" >"$work/log" 2>&1 &
    pid=$!
    for _ in $(seq 2000); do grep -q SigBlk:.*4203 /proc/$pid/status && break; done # it takes signals in turn from then on
    sleep "$1"
    stop TERM && grep -q 'conservation: .*holds' "$work/log" && [ ! -e "$work/run/s.sock" ]
}
for moment in 0 0.05 0.1 0.2 0.3; do
    check "a stop $moment s after the start has begun" stopped_early $moment
done

mkdir "$work/state"
if mount -t tmpfs -o ro none "$work/state" 2>/dev/null; then
    sed "\$ a state: $work/state" "$work/sekisho.yaml" >"$work/kept.yaml"
    "$daemon" -c "$work/kept.yaml" >"$work/log" 2>&1
    check "a state directory that cannot be written is refused, and why" \
        grep -q "error: state directory $work/state: .*Read-only file system" "$work/log"
    umount "$work/state"
else
    echo "no file system can be mounted here: a read-only one is not tested"
fi
exit $failed

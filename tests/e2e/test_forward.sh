#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Real traffic through a live sekishod, under both semantics: kernel TCP and UDP between two namespaces;
# the flow list while it is full, clients killed in the middle of an answer, a bad commit and a good one.
# Usage: test_forward.sh --build DIR. Exit 77 when namespaces are not to be had.
set -euo pipefail
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_forward.sh --build DIR" >&2; exit 2; }
build=$(realpath "$2")
work=$(mktemp -d)
in=sk-in-$$ out=sk-out-$$ mid=sk-mid-$$
daemon=
failures=0

tidy() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    for ns in "$in" "$out" "$mid"; do
        ip netns pids "$ns" 2>/dev/null | xargs -r kill 2>/dev/null || true
        ip netns del "$ns" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap tidy EXIT
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        printf 'pass: %s\n' "$what"
    else
        printf 'FAIL: %s\n' "$what"
        tail -n 5 "$work/said"
        failures=$((failures + 1))
    fi
}
cli() { "$build/app/sekisho/sekisho" "$@" --socket "$work/s.sock"; }

for ns in "$in" "$out" "$mid"; do
    ip netns add "$ns" 2>/dev/null || { echo "no network namespaces here"; exit 77; }
done
# Two wires: inside host - sekishod, sekishod - outside host.
wire() { # NAMESPACE ADDRESS PORT
    ip -n "$mid" link add "$3" type veth peer name eth0 netns "$1"
    ip -n "$1" address add "$2/24" dev eth0
    ip -n "$1" address add "fd00::${2##*.}/64" dev eth0 nodad
    for end in "$1 eth0" "$mid $3"; do
        set -- "$1" "$2" "$3" $end
        ip netns exec "$4" ethtool -K "$5" tx off rx off tso off gso off gro off >/dev/null 2>&1
        ip -n "$4" link set "$5" up
    done
    ip -n "$1" link set lo up
}
wire "$in" 192.0.2.2 p-in
wire "$out" 192.0.2.1 p-out

policy() { # SEMANTICS
    cat <<YAML
version: 1
semantics: $1
endpoints:
  - {name: host, addresses: [192.0.2.2, "fd00::2"], groups: [g]}
groups:
  - name: g
    ingress:
      - {id: web, protocol: tcp, ports: 8080, from: [192.0.2.0/24, "fd00::/64"]}
    egress:
      - {id: all-out, protocol: all, to: [192.0.2.0/24, "fd00::/64"]}
YAML
}
policy aws-like >"$work/aws.yaml"
policy strict >"$work/strict.yaml"
cat >"$work/sekisho.yaml" <<YAML
version: 1
policy: aws.yaml
edges:
  - name: edge
    inside: {device: "net_af_packet0,iface=p-in"}
    outside: {device: "net_af_packet1,iface=p-out"}
memory: {flows: 65536, hugepages: no}
control: {socket: $work/s.sock, readonly_socket: $work/ro.sock}
YAML
ip netns exec "$mid" "$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" &
daemon=$!
for _ in $(seq 100); do grep -q 'ready' "$work/log" && break; sleep 0.1; done
grep -q ready "$work/log" || { cat "$work/log"; echo "sekishod did not start"; exit 1; }

cat >"$work/serve.py" <<'PY'
import socket, sys, threading
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2]))); s.listen(64)
def one(c):
    while True:
        d = c.recv(65536)
        if not d: break
        c.sendall(d)
    c.close()
while True:
    threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
PY
cat >"$work/talk.py" <<'PY'
import socket, sys
host, port, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
for i in range(count):
    s = socket.socket(family); s.settimeout(3); s.connect((host, port))
    data, got = bytes(size), 0
    s.sendall(data); s.shutdown(socket.SHUT_WR)
    while True:
        d = s.recv(65536)
        if not d: break
        got += len(d)
    assert got == size, got
    s.close()
PY
cat >"$work/udp.py" <<'PY'
import socket, sys
for port in range(10000, 10000 + int(sys.argv[1])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", port)); s.sendto(b"x", ("192.0.2.1", 9)); s.close()
PY
serve() { ip netns exec "$1" python3 "$work/serve.py" "$2" "$3" & }
talk() { ip netns exec "$1" timeout 60 python3 "$work/talk.py" "${@:2}"; }
serve "$out" 0.0.0.0 7000
serve "$out" :: 7001
serve "$in" 0.0.0.0 8080
serve "$in" 0.0.0.0 9090
sleep 1

for semantics in aws strict; do
    check "$semantics: commit" cli commit "$work/$semantics.yaml"
    check "$semantics: ping out" ip netns exec "$in" ping -c 3 -i 0.2 -W 2 192.0.2.1
    check "$semantics: ping out, IPv6" ip netns exec "$in" ping -c 3 -i 0.2 -W 2 fd00::1
    check "$semantics: 200 connections out" talk "$in" 192.0.2.1 7000 200 100
    check "$semantics: 50 connections out, IPv6" talk "$in" fd00::1 7001 50 100
    check "$semantics: 1 MiB there and back" talk "$in" 192.0.2.1 7000 1 1048576
    check "$semantics: a connection in by its rule" talk "$out" 192.0.2.2 8080 20 1000
    check "$semantics: none without a rule" sh -c '! "$@"' - ip netns exec "$out" timeout 4 python3 "$work/talk.py" 192.0.2.2 9090 1 10
    check "$semantics: no ping in" sh -c '! "$@"' - ip netns exec "$out" ping -c 1 -W 1 192.0.2.2
done
check "nothing legitimate was out of window" sh -c \
    "[ \"\$('$build/app/sekisho/sekisho' stats -o json --socket '$work/s.sock' | jq '.reasons[\"out-of-window\"]')\" = 0 ]"

printf 'version: 1\nsemantics: strange\n' >"$work/bad.yaml"
check "a bad policy is refused" sh -c '! "$@"' - "$build/app/sekisho/sekisho" commit "$work/bad.yaml" --socket "$work/s.sock"
check "and the running one stays" talk "$in" 192.0.2.1 7000 5 100

ip netns exec "$in" python3 "$work/udp.py" 20000
listed=$(cli flows -o json --limit 100000 | grep -c '"udp ' || true)
check "the flow list has the 20000 new flows ($listed listed)" [ "$listed" -ge 19000 ]
rss() { awk '/VmRSS/ {print $2}' "/proc/$daemon/status"; }
before=$(rss)
for _ in $(seq 50); do
    cli flows -o json >"$work/flows" 2>/dev/null &
    client=$!
    sleep 0.01
    kill -9 "$client" 2>/dev/null || true
    wait "$client" 2>/dev/null || true
done
check "it forwards after 50 clients died mid-answer" talk "$in" 192.0.2.1 7000 5 100
check "in bounded memory" [ $(($(rss) - before)) -lt 20000 ]

kill "$daemon"
wait "$daemon" || true
daemon=
check "conservation: $(grep conservation "$work/log" | sed 's/.*conservation: //')" grep -q 'conservation: .*: holds' "$work/log"
[ $failures -eq 0 ]

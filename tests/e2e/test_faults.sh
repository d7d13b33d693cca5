#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What is not to be had: memory, at each allocation of each method in turn and of what other threads do for it; buffers to
# receive in; file descriptors. Each time somebody is told, nothing crashes, packets pass, and all is well when it is to
# be had again.
# Usage: test_faults.sh --build DIR. Exit 77 when namespaces are not to be had.
# shellcheck source=tests/e2e/two_hosts.sh
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"
cat >"$work/policy.yaml" <<'Y'
version: 1
semantics: strict
endpoints:
  - {name: in, addresses: [192.0.2.2/32], groups: [all]}
groups:
  - name: all
    egress:
      - {id: out, protocol: all, to: [0.0.0.0/0]}
Y
# shellcheck disable=SC2034 # two_hosts.sh reads it
appliance_more="state: $work/state"
serve "$out" 7000
pings() { on "$in" ping -q -c 3 -i 0.2 -W 10 192.0.2.1; }

told() { for _ in $(seq 100); do grep -q "$1" "$work/log" && return; sleep 0.1; done; return 1; }

# ---- Memory, and frames ----
shim=$build/tests/libshort_memory.so
if [ -e "$shim" ]; then
    head -c 48 /dev/zero >"$work/words"
    export LD_PRELOAD=$shim SHORT_MEMORY=$work/words
    device_in=net_af_packet0,iface=p-in,blocksz=4096,framesz=2048,framecnt=64
    sekishod_start "$work/policy.yaml"
    unset LD_PRELOAD SHORT_MEMORY
    short() { python3 "$here/short_memory.py" "$@"; } # see there
    hold_start "$in" 192.0.2.1 7000 5
    short ask "$work/s.sock" "$work/words" "$work/policy.yaml" || failures=$((failures + 1))
    ip netns exec "$out" ping -q -i 0.01 192.0.2.2 >/dev/null & # all of them are dropped
    unwanted=$!
    disown
    short work "$work/s.sock" "$work/words" "$work/policy.yaml" || failures=$((failures + 1))
    kill $unwanted
    ! grep -i "assert\|abort\|free()\|malloc" "$work/log" || exit 1
    check "packets pass" pings
    check "and connections have lived on" hold_stop

    # What the ring of the kernel holds waits for buffers, what it does not is missed: each frame is one or the other.
    of_inside() { counter ".ports[] | select(.side == \"inside\").$1"; }
    frames() { ip -n "$mid" -s -j link show p-in | jq '.[0].stats64.rx.packets'; }
    unaccounted() { echo $(($(frames) - $(of_inside received) - $(of_inside driver_missed))); }
    unaccounted_is() { [ "$(unaccounted)" = "$1" ]; }
    refused() { [ "$(od -An -j 40 -N 8 -t u8 "$work/words")" -gt 0 ]; }
    before=$(unaccounted)
    short frames "$work/words" no
    on "$in" ping -q -c 300 -i 0.002 -W 1 192.0.2.1 >/dev/null || true
    check "a frame has come when there was no buffer for it" soon refused
    check "$(of_inside driver_missed) frames were missed, which is told" [ "$(of_inside driver_missed)" -ge 100 ]
    check "others wait: $(($(unaccounted) - before))" [ "$(unaccounted)" -gt "$before" ]
    short frames "$work/words" yes
    check "with buffers again packets pass" pings
    check "each frame was received or missed" soon unaccounted_is "$before"
    sekishod_stop
else
    echo "sanitizers bring an allocator of their own: memory is not made short"
fi

# ---- File descriptors ----
sekishod_start "$work/policy.yaml"
check "the status answers" cli status
open=$(find "/proc/$daemon/fd" -mindepth 1 | wc -l)
prlimit --pid "$daemon" --nofile=$((open + 4)):
python3 - "$work/s.sock" <<'PY' &
import socket, sys, time
clients = []
for _ in range(40):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(sys.argv[1])
    clients.append(client)
print("all are there", flush=True)
time.sleep(600)
PY
crowd=$!
disown
check "a client for whom there is no descriptor is told off, and the log says so" told 'file descriptors'
busy_ms() { awk '{print ($14 + $15) * 10}' "/proc/$daemon/task/$daemon/stat"; }
before=$(busy_ms)
sleep 1
check "and the control thread does not spin" [ $(($(busy_ms) - before)) -lt 500 ]
kill $crowd
check "when they have gone, others are served" cli status

# None at all, but for a client that is there already: what cannot be done is said, and nothing else suffers.
python3 "$here/no_descriptors.py" "$work/s.sock" "$work/policy.yaml" "$daemon" || failures=$((failures + 1))
check "packets pass" pings
prlimit --pid "$daemon" --nofile=1024:
check "with descriptors again a commit is made" cli commit "$work/policy.yaml"
check "and flows are saved" cli state save
sekishod_stop
two_hosts_end

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The daemon as a service, without systemd: what it tells its manager, what it gives up, and that forwarding goes on
# while its control thread hangs. usage: test_service.sh --build DIR
# shellcheck source=tests/e2e/two_hosts.sh
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"

two_hosts_begin "$@"
words=$work/words holder= watcher=
# The daemon is to be this user, so what it writes to must be that user's.
chown nobody "$work"
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

ip netns exec "$mid" python3 "$here/service_manager.py" listen "$work/notify" >"$words" &
disown
export NOTIFY_SOCKET=$work/notify
for _ in $(seq 100); do [ -S "$NOTIFY_SOCKET" ] && break; sleep 0.1; done
# shellcheck disable=SC2034 # two_hosts.sh reads it
appliance_more='privileges: {user: nobody}
state: state'

count() { grep -c -e "$1" "$words" || true; } # PATTERN: how many such words have come
comes() { # PATTERN [MORE-THAN]: within a time that no machine needs
    local after=${2:-0}
    for _ in $(seq 300); do
        [ "$(count "$1")" -le "$after" ] || return 0
        sleep 0.1
    done
    cat "$words"
    return 1
}
fed_again() { comes WATCHDOG=1 "$(($(count WATCHDOG=1) + 1))"; }
# Whatever was under way when the thread was stopped is over after the first look.
fed_never() { local before; sleep 1.5; before=$(count WATCHDOG=1); sleep 3; [ "$(count WATCHDOG=1)" = "$before" ]; }

every_thread() { # FIELD VALUE...: each thread's is one of these
    local field=$1 value
    shift
    for value in $(sed -n "s/^$field:[[:space:]]*\([^[:space:]]*\).*/\1/p" /proc/"$daemon"/task/*/status); do
        [[ " $* " == *" $value "* ]] || { echo "$field is $value"; return 1; }
    done
}
worker_is() { [ "$(cli status -o json | jq -r '.workers[0].state')" = "$1" ]; } # STATE
events_begin() { # commits until one is seen by who watches
    for _ in $(seq 50); do
        cli commit "$work/policy.yaml"
        ! grep -q '"event":"policy"' "$work/events" || return 0
    done
    return 1
}
worker_told() { # STATE...: in this order, and nothing else
    for _ in $(seq 100); do
        [ "$(jq -r 'select(.event == "worker" and .worker == 1).state' "$work/events" | xargs)" != "$*" ] || return 0
        sleep 0.1
    done
    cat "$work/events"
    return 1
}
thread_named() { # PATTERN: its id
    grep -l "$1" /proc/"$daemon"/task/*/comm | head -n 1 | cut -d / -f 5
}
hold() { # THREAD; exit 77 when this machine lets nobody
    "$here/service_manager.py" hold "$1" >"$work/held" &
    holder=$!
    for _ in $(seq 100); do
        grep -q held "$work/held" && return
        kill -0 $holder 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/held"
    return 1
}
release() { kill "$holder" && wait "$holder"; }
pings() { on "$in" ping -q -c 5 -i 0.2 -W 10 192.0.2.1; }

sekishod_start "$work/policy.yaml"
check "ready is told" comes READY=1
check "and what it serves" comes 'STATUS=edges edge'
check "the watchdog is fed" fed_again
check "it is the user that the file names" every_thread Uid "$(id -u nobody)"
check "no thread can gain privileges" every_thread NoNewPrivs 1
check "every thread is confined to listed system calls" every_thread Seccomp 2
# to make its rings again it must lock memory, if that is limited
ports=0000000000003000
(ulimit -l unlimited) 2>/dev/null || ports=0000000000007000
check "no thread has more than AF_PACKET needs" every_thread CapEff $ports 0000000000000000
check "nor could take more" every_thread CapPrm $ports 0000000000000000
check "workers have nothing" grep -q 'CapPrm:.*0000000000000000' "/proc/$daemon/task/$(thread_named worker)/status"
check "packets pass" pings

before=$(count READY=1)
check "a commit is made, and kept, with what is left" cli commit "$work/policy.yaml"
check "the commit is told as reloading" comes RELOADING=1
check "and as ready when it is done" comes READY=1 "$before"

if hold "$daemon"; then
    check "while the control thread hangs, packets pass" pings
    check "and the watchdog is not fed" fed_never
    release
    check "when it goes on, the watchdog is fed again" fed_again
    cli events --kinds policy,worker -o json >"$work/events" & # until the daemon stops
    watcher=$!
    check "events are told" events_begin
    hold "$(thread_named worker)" || exit 1
    check "while a worker hangs, that is told" comes 'STATUS=worker 1 does not move'
    check "the status names it" worker_is stuck
    check "and the watchdog is not fed" fed_never
    check "but the control thread answers" cli status
    release
    check "when it goes on, the watchdog is fed again" fed_again
    check "and packets pass again" pings
    check "the status says so" worker_is polling
    check "both were told to those who watch" worker_told stuck polling
else
    echo "no thread can be held here: hanging is not tested"
fi
sekishod_stop
[ -z "$watcher" ] || wait "$watcher" || true
check "stopping is told" comes STOPPING=1

chown root "$work/state"
sekishod_refused() {
    ! on "$mid" timeout 60 "$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" && grep 'may not write in it' "$work/log"
}
check "a state directory that could not be written later is refused at once" sekishod_refused

# What the doctor says of these very ports, and that its commands mend what it found.
examined() { { on "$mid" "$build/app/sekisho/sekisho" doctor -c "$work/sekisho.yaml" -o json || true; } | jq -r "select(.subject == \"p-in\") | $1"; }
on "$mid" ethtool -K p-in gro on tso on >/dev/null 2>&1
check "the doctor sees offloads" [ "$(examined 'select(.check == "offloads").state')" = warn ]
ip -n "$mid" link set p-in down
check "and a port that is down" [ "$(examined 'select(.check == "driver").state')" = fail ]
examined '.mend // empty' | sed '/PEER/d' >"$work/mend"
on "$mid" sh -e "$work/mend" >/dev/null 2>&1 || true
check "and its commands mend both" [ "$(examined .state | sort -u)" = pass ]

if command -v systemd-analyze >/dev/null; then
    for drop_in in none vfio af-xdp; do
        mkdir -p "$work/unit-$drop_in/sekishod.service.d"
        cp "$build/packaging/sekishod.service" "$work/unit-$drop_in"
        [ $drop_in = none ] || cp "$here/../../packaging/$drop_in.conf" "$work/unit-$drop_in/sekishod.service.d"
        check "the unit is exposed at 3.0 at most, drop-in: $drop_in" \
            systemd-analyze security --offline=true --threshold=30 --no-pager "$work/unit-$drop_in/sekishod.service"
        tail -n 1 "$work/said"
    done
fi
two_hosts_end

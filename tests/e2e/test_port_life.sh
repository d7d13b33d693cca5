#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ports that vanish and come back under a daemon that has given up its privileges, links that are mirrored, MTUs that
# change. Nothing needs a restart; what is lost meanwhile is counted, by reason.
# Usage: test_port_life.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

host_policy strict >"$work/strict.yaml"
chmod 777 "$work" # the daemon's sockets are in it, and it will be another user

link_is() { [ "$(cli status -o json | jq -r '.edges[0].link')" = "$1" ]; }    # up|down
dropped() { [ "$(counter ".ports[] | select(.side == \"$1\").$2")" -ge "$3" ]; } # SIDE KEY COUNT
talks() { traffic "$in" talk 192.0.2.1 7000 5 1000; }
told() { # SIDE JQ: an event of this port says so
    jq -se --arg side "$1" "any(.[]; .event == \"port\" and .side == \$side and ($2))" "$work/events"
}
listen() {
    cli events --kinds port,policy -o json >"$work/events" &
    listener=$!
    disown
    soon eval 'cli commit "$work/strict.yaml"; grep -q policy "$work/events"'
}
unplug() { ip -n "$mid" link del "p-$1"; }                                     # in|out
plug() { # in|out
    case $1 in
        in) wire "$in" 2 p-in && neighbour "$in" eth0 1 ;;
        out) wire "$out" 1 p-out && neighbour "$out" eth0 2 ;;
    esac
}

# ---- a port that vanishes ------------------------------------------------------------------------

appliance_more="privileges: {user: nobody}"
sekishod_start strict.yaml
serve "$out" 7000
check "it forwards" talks
check "as another user" grep -q 'user 65534' "$work/log"
listen
for side in out in; do
    word=$([ $side = in ] && echo inside || echo outside)
    unplug $side
    check "$word is gone: the status says so" soon link_is down
    check "$word is gone: so does an event" soon told $word '.present == false and .link == "down"'
    if [ $side = out ]; then
        created=$(counter .flows.created)
        on "$in" ping -q -c 3 -i 0.1 -W 0.1 192.0.2.1 >/dev/null 2>&1 || true
        check "what was for it is dropped, port-down" soon dropped outside port_down 3
        check "and makes no flow" [ "$(counter .flows.created)" = "$created" ]
    fi
    plug $side
    check "$word is back: it forwards without a restart" soon talks
    check "$word is back: the status says so" soon link_is up
    check "$word is back: so does an event" soon told $word '.present and .link == "up" and .mtu == 1500'
done
unplug out
unplug in
check "both are gone" soon link_is down
plug out
plug in
check "both are back, the other one first" soon talks
check "a port that flaps" eval 'for round in 1 2 3; do unplug out; plug out; done; soon talks'

# ---- MTUs that differ ----------------------------------------------------------------------------

ip -n "$mid" link set p-out mtu 1400
check "the MTUs differ: it is said" soon grep -q 'has an MTU of 1500, the outside port.*one of 1400' "$work/log"
check "and told" soon told outside '.mtu == 1400'
pings() { on "$in" ping -q -c 2 -i 0.1 -W 5 "$@" 192.0.2.1; }
check "what fits passes" pings -M do -s 1372
check "what does not is dropped" fails on "$in" ping -q -c 3 -i 0.1 -W 0.5 -M do -s 1373 192.0.2.1
check "and counted, too-long" soon dropped outside too_long 3
check "by its word too" [ "$(cli drops -o json | jq -r 'select(.reason == "too-long").packets')" = 3 ]
ip -n "$mid" link set p-out mtu 1500
check "the MTU is back" soon told outside '.mtu == 1500 and .link == "up"'
check "and long packets pass" pings -M do -s 1472
kill "$listener" 2>/dev/null || true
sekishod_stop

# ---- links that are mirrored ---------------------------------------------------------------------

carrier() { on "$1" cat /sys/class/net/eth0/carrier; }
carrier_is() { [ "$(carrier "$1" 2>/dev/null)" = "$2" ]; } # NAMESPACE 0|1
appliance_more='privileges: {user: nobody}
link_mirror: true'
sekishod_start strict.yaml
check "mirror: it forwards" talks
for far in "$out $in" "$in $out"; do
    read -r one other <<<"$far"
    ip -n "$one" link set eth0 down
    check "mirror: ${one%-*} is down: ${other%-*} loses its link" soon carrier_is "$other" 0
    ip -n "$one" link set eth0 up
    check "mirror: ${one%-*} is up: ${other%-*} has its link again" soon carrier_is "$other" 1
done
neighbour "$in" eth0 1
neighbour "$out" eth0 2
check "mirror: it forwards as before" soon talks
unplug out
check "mirror: a port is gone: the other side loses its link" soon carrier_is "$in" 0
plug out
check "mirror: it is back, and so is the link" soon carrier_is "$in" 1
neighbour "$in" eth0 1
check "mirror: and it forwards" soon talks
ip -n "$out" link set eth0 down
check "mirror: down again" soon carrier_is "$in" 0
sekishod_stop
check "mirror: who ends leaves no link down" carrier_is "$in" 1
two_hosts_end

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# NICs of a PCI bus behind an IOMMU, taken over by vfio-pci: sekishod in a virtual machine (guest.sh) between the two hosts
# of two_hosts.sh, with each of three kinds of emulated NICs in turn: an Intel one (e1000e, one queue for us), VMware's
# (vmxnet3, several queues, without a table to steer them by) and virtio (several queues with RSS).
#
#   eth0 of $in ---- p-in [bridge] tap = NIC [vfio-pci, edge of sekishod, vfio-pci] NIC = tap [bridge] p-out ---- eth0 of $out
#
# Usage: nic.sh --build DIR. Takes three minutes on an idle machine. Exit 77 when this machine cannot.
# shellcheck source=tests/e2e/two_hosts.sh
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
. "$here/device_traffic.sh"
. "$here/guest.sh"
two_hosts_begin "$@"
trap 'guest_stop; two_hosts_tidy' EXIT

kinds=(e1000e vmxnet3 virtio)
declare -A nic=([e1000e]=e1000e [vmxnet3]=vmxnet3
    [virtio]=virtio-net-pci,mq=on,rss=on,vectors=10,iommu_platform=on,disable-legacy=on)
declare -A queues=([e1000e]=1 [vmxnet3]=1 [virtio]=4)
sides=(in out)
declare -A slot=() # of a NIC, by kind and side: its bus

# ---- the machine ---------------------------------------------------------------------------------

(exec 3<>/dev/net/tun) 2>/dev/null || { echo "/dev/net/tun cannot be opened"; exit 77; }
# shellcheck disable=SC2034 # guest.sh reads it
guest_namespace=$mid
guest_prepare

plug() { # KIND SIDE: what QEMU is told of the NIC
    printf '%s,netdev=%s,id=nic-%s,bus=bus-%s' "${nic[$1]}" "$1-$2" "$1-$2" "$1-$2"
}
address() { printf '0000:%02x:00.0' "${slot[$1-$2]}"; } # KIND SIDE

machine=()
for side in "${sides[@]}"; do
    ip -n "$mid" link add "br-$side" type bridge mcast_snooping 0
    ip -n "$mid" link set "p-$side" master "br-$side"
    ip -n "$mid" link set "br-$side" addrgenmode none up
    for kind in "${kinds[@]}"; do
        slot[$kind-$side]=$((${#slot[@]} + 1))
        flags=vnet_hdr
        [ "${queues[$kind]}" = 1 ] || flags+=" multi_queue"
        # shellcheck disable=SC2086 # words
        ip -n "$mid" tuntap add "$kind-$side" mode tap $flags
        ip -n "$mid" link set "$kind-$side" master "br-$side"
        ip -n "$mid" link set "$kind-$side" addrgenmode none
        machine+=(-netdev "tap,id=$kind-$side,ifname=$kind-$side,script=no,downscript=no,queues=${queues[$kind]}"
            -device "pcie-root-port,id=bus-$kind-$side,chassis=${#slot[@]},addr=$(printf %x $((${#slot[@]} + 2)))"
            -device "$(plug $kind "$side")")
    done
done
printf 'booting ...\n'
guest_start "${machine[@]}"

# sekishod is in there.
sockets=/run hugepages=yes
on_daemon() { guest "$@"; }
daemon_begin() {
    guest bash -c "echo >$work/log; $build/app/sekishod/sekishod -c $work/sekisho.yaml 2>$work/log & echo \$!" >"$work/pid"
    daemon=$(cat "$work/pid")
}
daemon_lives() { guest kill -0 "$daemon" 2>/dev/null; }
daemon_end() { guest bash -c "kill $daemon; while kill -0 $daemon 2>/dev/null; do sleep 0.1; done"; }

# ---- what is asked of it -------------------------------------------------------------------------

bind() { # KIND SIDE: to vfio-pci, as driverctl does
    guest bash -c "cd /sys/bus/pci/devices/$(address "$1" "$2") && echo vfio-pci >driver_override &&
        { [ ! -e driver ] || echo $(address "$1" "$2") >driver/unbind; } && echo $(address "$1" "$2") >/sys/bus/pci/drivers_probe"
}
doctor() { guest "$build/app/sekisho/sekisho" doctor -c "$work/sekisho.yaml" -o json || true; } # prints what it finds
finds() { doctor | jq -se "[.[] | select(.check == \"$1\")] | length == $2 and all(.state == \"$3\")"; } # CHECK COUNT STATE

start() { # KIND [POLICY]
    local side other
    for other in "${kinds[@]}"; do
        for side in "${sides[@]}"; do
            ip -n "$mid" link set "$other-$side" "$([ "$other" = "$1" ] && echo up || echo down)"
        done
    done
    device_in=$(address "$1" in) device_out=$(address "$1" out)
    sekishod_start "${2:-strict.yaml}"
}
refused() { # WORDS: with the file as it was last written, it does not start and says so
    guest timeout 120 "$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" >"$work/refusal" 2>&1 && return 1
    cat "$work/refusal"
    grep -q "$1" "$work/refusal"
}
status_is() { [ "$(cli status -o json | jq -r ".$1")" = "$2" ]; } # JQ-PATH VALUE
checksums() { # on|off: whether the hosts leave them to their ports, which are none
    local host
    for host in "$in" "$out"; do on "$host" ethtool -K eth0 tx "$1" >/dev/null 2>&1; done
}

# Peers of many addresses, so that every worker has flows.
peers="11 13 15 17 20 22 24 26"
for peer in $peers; do
    ip -n "$out" address add "192.0.2.$peer/24" dev eth0
    ip -n "$in" neighbour replace "192.0.2.$peer" lladdr "$(link_address 1)" dev eth0
done
talk_to_all() {
    local peer
    for peer in $peers; do talk "$in" "192.0.2.$peer" 7000 4 2000 || return 1; done
}

odd_frames() { # tags among them
    local recorder before count word
    ip netns exec "$out" tcpdump -i eth0 -Q in -n --immediate-mode -U -Z root -w "$work/odd.pcap" \
        'udp port 9 or arp or vlan' 2>"$work/tcpdump.log" &
    recorder=$!
    soon grep -q 'listening on' "$work/tcpdump.log"
    before=$(counter .reasons)
    check "$kind: odd frames are sent" on "$in" python3 "$here/odd_frames.py" send eth0
    python3 "$here/odd_frames.py" reasons 60 | sort | uniq -c >"$work/reasons"
    while read -r count word; do
        check "$kind: $count and more are dropped $word" soon told "$word" $(($(jq ".[\"$word\"]" <<<"$before") + count))
    done <"$work/reasons"
    check "$kind: tags and all, the others leave as they came" soon python3 "$here/odd_frames.py" judge "$work/odd.pcap" 60
    kill "$recorder"
    wait "$recorder" || true
}

listen() { # to events, from now on
    guest bash -c "$build/app/sekisho/sekisho events --kinds port -o json --socket /run/s.sock >$work/events 2>&1 &"
    soon guest bash -c 'ss -xH | grep -q /run/s.sock'
}
links() { # of each side, told as they are
    local side
    listen
    for side in "${sides[@]}"; do
        guest_monitor "set_link nic-$name-$side off"
        check "$kind: the link of its $side side is down" soon status_is 'edges[0].link' down
        # Links are looked at each second.
        check "$kind: that is an event" soon told_of ".link == \"down\" and .present and .side == \"${side}side\""
        guest_monitor "set_link nic-$name-$side on"
        check "$kind: it is up again" soon status_is 'edges[0].link' up
    done
}
told_of() { jq -se "any(.[]; .event == \"port\" and ($1))" "$work/events"; } # JQ-CONDITION

exists() { guest test -e "/sys/bus/pci/devices/$(address "$name" out)"; }
removed() { ! exists; }
comes_and_goes() {
    local round
    listen
    hold_start "$in" 192.0.2.1 7000 2
    for round in 1 2; do
        check "$kind, removal $round: the NIC is asked for" guest_monitor "device_del nic-$name-out"
        check "$kind, removal $round: it is let go of" soon removed
        check "$kind, removal $round: its edge is down" soon status_is 'edges[0].link' down
        check "$kind, removal $round: what comes meanwhile is counted" fails on "$in" ping -c 2 -i 0.2 -W 1 192.0.2.1
        check "$kind, removal $round: as port-down" [ "$(counter .port_down)" -ge 2 ]
        check "$kind, removal $round: it comes back" guest_monitor "device_add $(plug "$name" out)"
        soon exists
        check "$kind, removal $round: bound to vfio-pci" bind "$name" out
        check "$kind, removal $round: its edge is up again" soon status_is 'edges[0].link' up
        check "$kind, removal $round: and forwards" talk "$in" 192.0.2.1 7000 3 1000
    done
    check "$kind: that is an event" soon told_of '(.present | not) and .side == "outside"'
    check "$kind: flows from before live on" hold_stop
}

# ---- each kind -----------------------------------------------------------------------------------

device_traffic_begin
guest modprobe -a vfio-pci virtio_net e1000e
device_in=$(address e1000e in) device_out=$(address e1000e out)
appliance_write strict.yaml
check "doctor: there is an IOMMU" finds iommu 1 pass
check "doctor: the kernel has both NICs" finds driver 2 fail
check "sekishod sends one there as well" refused "device '$device_in': DPDK found no such port; 'sekisho doctor'"
doctor | jq -r 'select(.check == "driver") | .mend' >"$work/mend"
check "what the doctor advises: $(head -n 1 "$work/mend")" guest bash -e "$work/mend"
check "doctor: now sekishod may have both" finds driver 2 pass
for kind in vmxnet3 virtio; do
    for side in "${sides[@]}"; do check "$kind, $side: bound to vfio-pci" bind $kind "$side"; done
done

for workers in 1 "1, 2, 3"; do
    for name in "${kinds[@]}"; do
        kind="$name, workers $workers"
        start "$name"
        device_traffic
        checksums on
        check "$kind: checksums that the hosts leave to their ports" talk "$in" 192.0.2.1 7000 5 20000
        checksums off
        if [ "$workers" = 1 ]; then
            odd_frames
            links
        else
            check "$kind: connections to many peers" talk_to_all
            cli status -o json >"$work/status"
            case $name in
                virtio) steering=rss by_hand=0 ;;
                *) steering=software by_hand=1 ;;
            esac
            check "$kind: steered by $steering" [ "$(jq -r '.edges[0].steering' "$work/status")" = $steering ]
            check "$kind: frames handed over: $(jq -c '[.workers[].handed_out]' "$work/status")" \
                [ "$(jq '[.workers[].handed_out] | add > 0' "$work/status")" = "$([ $by_hand = 1 ] && echo true || echo false)" ]
            comes_and_goes
        fi
        sekishod_stop
    done
done

appliance_more='steering: rss'
for name in e1000e vmxnet3; do
    device_in=$(address $name in) device_out=$(address $name out)
    appliance_write strict.yaml
    check "$name: rss is refused where there is none" refused "it cannot put packets into 3 queues by their addresses"
done
appliance_more='steering: software'
kind="virtio, by software"
start virtio
check "$kind: connections to many peers" talk_to_all
check "$kind: every worker has some" [ "$(cli status -o json | jq '[.workers[].handed_out] | add > 0')" = true ]
sekishod_stop
two_hosts_end

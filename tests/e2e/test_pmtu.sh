#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Path MTU discovery through a live sekishod, IPv4 and IPv6, both ways, under both semantics. The two hosts
# are routers here, each with a host behind it; the link behind the far router is the narrow one, so its
# "packet too big" must come back through sekishod. Forged ones must not (STRICT-60, 61, AWS-33).
# Usage: test_pmtu.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

host_in=sk-host-in-$$ host_out=sk-host-out-$$
host_behind() { # ROUTER HOST NET: 10.NET.0.0/24 and fd00:NET::/64, the router has 1 and the host 2
    local end ns port number other
    namespace "$2"
    ip -n "$1" link add behind type veth peer name eth0 netns "$2"
    for end in "$1 behind 1 2" "$2 eth0 2 1"; do
        read -r ns port number other <<<"$end"
        ip -n "$ns" link set "$port" address "$(link_address "$3$number")"
        ip -n "$ns" address add "10.$3.0.$number/24" dev "$port"
        ip -n "$ns" address add "fd00:$3::$number/64" dev "$port" nodad
        port_up "$ns" "$port"
        ip -n "$ns" neighbour replace "10.$3.0.$other" lladdr "$(link_address "$3$other")" dev "$port"
        ip -n "$ns" neighbour replace "fd00:$3::$other" lladdr "$(link_address "$3$other")" dev "$port"
    done
    ip -n "$2" route add default via "10.$3.0.1"
    ip -n "$2" route add default via "fd00:$3::1"
    on "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 2>/dev/null ||
        { echo "no forwarding in network namespaces here"; exit 77; }
}
host_behind "$in" "$host_in" 1
host_behind "$out" "$host_out" 2
ip -n "$in" route add 10.2.0.0/24 via 192.0.2.1
ip -n "$in" route add fd00:2::/64 via fd00::1
ip -n "$out" route add 10.1.0.0/24 via 192.0.2.2
ip -n "$out" route add fd00:1::/64 via fd00::2

policy() { # SEMANTICS
    cat <<YAML
version: 1
semantics: $1
endpoints:
  - {name: host, addresses: [10.1.0.2, "fd00:1::2"], groups: [g]}
groups:
  - name: g
    ingress:
      - {id: web, protocol: tcp, ports: 8080, from: [10.2.0.0/24, "fd00:2::/64"]}
      - {id: echo, protocol: udp, ports: 8080, from: [10.2.0.0/24, "fd00:2::/64"]}
    egress:
      - {id: all-out, protocol: all, to: [10.2.0.0/24, "fd00:2::/64"]}
YAML
}
policy aws-like >"$work/aws.yaml"
policy strict >"$work/strict.yaml"
sekishod_start aws.yaml
serve "$host_out" 7000
serve "$host_in" 8080

forget() { # what the hosts have learnt
    local host
    for host in "$host_in" "$host_out"; do
        ip -n "$host" route flush cache
        ip -n "$host" -6 route flush cache
    done
}
learns() { # MTU NAMESPACE COMMAND...
    on "$2" timeout 20 python3 "$here/traffic.py" "${@:3}" >"$work/learnt" || return 1
    [ "$(cat "$work/learnt")" = "mtu $1" ] || { cat "$work/learnt"; return 1; }
}
route_mtu() { ip -n "$1" route get "$2" | grep -o 'mtu [0-9]*'; } # NAMESPACE ADDRESS

discovers() { # WHAT NARROW-ROUTER SENDER ADDRESS PORT
    ip -n "$2" link set behind mtu 1400
    forget
    check "$1: segments shrink to 1400" learns 1400 "$3" send "$4" "$5" 1000000
    check "$1: the route has learnt it" [ "$(route_mtu "$3" "$4")" = "mtu 1400" ]
    forget
    check "$1: datagrams of 1450 are refused" learns 1400 "$3" probe "$4" "$5" 1450
    ip -n "$2" link set behind mtu 1500
    forget
}

errors_heard() {
    on "$host_in" nstat -asz |
        awk '/^Icmp6InPktTooBigs |^IcmpInDestUnreachs / { sum += $2 } END { print sum }'
}
# An error is decided by WORD, and reaches the host or not.
forged() { # WHAT WORD REACHES SOURCE MTU [PORTS-SHIFT [SEQUENCE-SHIFT]]
    local before_reason before_heard
    before_reason=$(reason "$2")
    before_heard=$(errors_heard)
    check "$1 is sent" on "$out" python3 "$here/forge_icmp.py" eth0 "${@:4}"
    for _ in $(seq 50); do
        [ "$(reason "$2")" = "$before_reason" ] || break
        sleep 0.1
    done
    check "$1: $2" [ $(($(reason "$2") - before_reason)) -eq 1 ]
    check "$1: heard $3 times" [ $(($(errors_heard) - before_heard)) -eq "$3" ]
}

for semantics in aws strict; do
    check "$semantics: commit" cli commit "$work/$semantics.yaml"
    discovers "$semantics, out" "$out" "$host_in" 10.2.0.2 7000
    discovers "$semantics, out, IPv6" "$out" "$host_in" fd00:2::2 7000
    discovers "$semantics, in" "$in" "$host_out" 10.1.0.2 8080
    discovers "$semantics, in, IPv6" "$in" "$host_out" fd00:1::2 8080

    case $semantics in
        aws) unknown=no-rule off=icmp-related off_heard=1 ;;
        strict) unknown=icmp-unrelated off=icmp-unrelated off_heard=0 ;;
    esac
    for family in 4 6; do
        address=10.2.0.2 source=192.0.2.1 too_small=67
        [ $family = 4 ] || address=fd00:2::2 source=fd00::1 too_small=1279
        name="$semantics, IPv$family"
        hold_start "$host_in" $address 7000 1
        forged "$name: a true error" icmp-related 1 $source 1350
        check "$name: and the host believes it" [ "$(route_mtu "$host_in" $address)" = "mtu 1350" ]
        forged "$name: a tuple that nobody uses" $unknown 0 $source 1340 1
        forged "$name: a sequence far off" $off $off_heard $source 1340 0 1000000000
        # aws-like relates any error of a live flow, whatever it says (AWS-33)
        [ $semantics = aws ] || forged "$name: an MTU of $too_small" icmp-mtu-small 0 $source $too_small
        check "$name: the host believes none of these" [ "$(route_mtu "$host_in" $address)" = "mtu 1350" ]
        check "$name: the connection lives" hold_stop
        forget
    done
done
sekishod_stop
two_hosts_end

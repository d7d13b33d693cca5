#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# One edge and several workers: flows of many peers are shared out, and what is asked of flows is asked of all who have
# some. What a port cannot do is refused, if the file insists. Usage: test_steering.sh --build DIR
# shellcheck source=tests/e2e/two_hosts.sh
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"

two_hosts_begin "$@"
cat >"$work/policy.yaml" <<'Y'
version: 1
semantics: strict
endpoints:
  - {name: host, addresses: [192.0.2.2, "fd00::2"], groups: [g]}
groups:
  - name: g
    egress:
      - {id: all-out, protocol: all, to: [192.0.2.0/24, "fd00::/64"]}
Y
# Who owns which peer is settled by a secret: of so many none is left without one but once in ten thousand million runs.
peers=$(seq 11 74)
for peer in $peers; do echo "address add 192.0.2.$peer/24 dev eth0"; done | ip -n "$out" -batch -
for peer in $peers; do echo "neighbour replace 192.0.2.$peer lladdr $(link_address 1) dev eth0"; done | ip -n "$in" -batch -
serve "$out" 7000

talk_to_all() {
    local peer
    for peer in 11 17 26; do
        traffic "$in" talk "192.0.2.$peer" 7000 4 2000 || return 1
    done
    # shellcheck disable=SC2016 # the inner shell expands it
    on "$in" bash -c 'for peer; do echo hello >"/dev/udp/192.0.2.$peer/7000"; done' - $peers
}
flows() { cli flows -o json "$@" | grep -c local; }
is_kept_by_all() { # each worker has judged something
    cli status -o json | jq -e '[.workers[] | .handed_in] | length == 3 and all(. > 0)'
}

flow_is_met() { # ADDRESS: by a packet of a live flow with it, wherever it is
    local port
    port=$(cli flows -o json --filter "tcp and state established and host $1" | jq -r '.local_port // .local.port' | head -n 1)
    { cli explain -o json "tcp $1:7000 > 192.0.2.2:$port flags=A" || true; } | jq -e .flow.live
}

workers="1, 2, 3"
# shellcheck disable=SC2034 # two_hosts.sh reads it
appliance_more='steering: software'
sekishod_start "$work/policy.yaml"
check "connections to many peers" talk_to_all
check "all workers have taken part" soon is_kept_by_all
check "the edge says how" [ "$(cli status -o json | jq -r '.edges[0].steering')" = software ]
hold_start "$in" 192.0.2.26 7000 5
hold_start "$in" 192.0.2.11 7000 5
hold_start "$in" 192.0.2.17 7000 5
check "the list has the flows of all workers" [ "$(flows --filter 'tcp and state established')" = 15 ]
check "in pages as well" [ "$(flows --filter 'tcp and state established' --limit 4)" = 4 ]
check "sorted as well" [ "$(flows --filter 'tcp and state established' --sort age --limit 12)" = 12 ]
for address in 192.0.2.11 192.0.2.17 192.0.2.26; do
    check "its owner says of a packet of $address what it meets" flow_is_met $address
done
check "none was lost on the way" [ "$(counter .handover_full)" = 0 ]
check "the held connections live" hold_stop
check "flows of all workers can be killed" cli flows kill all
check "and are gone" [ "$(flows || true)" = 0 ]
sekishod_stop

appliance_more='steering: rss'
refused() {
    ! on "$mid" timeout 60 "$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" && grep "$1" "$work/log"
}
sed -i 's/^steering: .*/steering: rss/' "$work/sekisho.yaml"
check "a port that cannot hash is refused" refused "it cannot put packets into 3 queues by their addresses"

# net_null has a key and a table, and obeys neither: so much the better for who does not believe.
sed -i -e 's/device: "net_af_packet\([01]\)[^"]*"/device: "net_null\1"/' "$work/sekisho.yaml"
: >"$work/log"
ip netns exec "$mid" "$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" &
daemon=$!
for _ in $(seq 200); do grep -q ready "$work/log" && break; sleep 0.1; done
check "a port that can is given key and table" [ "$(cli status -o json | jq -r '.edges[0].steering')" = rss ]
sekishod_stop
two_hosts_end

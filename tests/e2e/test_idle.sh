#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `idle: sleep`: workers without packets give their cpu back, and forward all the same. Usage: test_idle.sh --build DIR
# shellcheck source=tests/e2e/two_hosts.sh
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"

two_hosts_begin "$@"
cat >"$work/policy.yaml" <<'Y'
version: 1
semantics: strict
endpoints:
  - {name: host, addresses: [192.0.2.2], groups: [g]}
groups:
  - name: g
    egress:
      - {id: all-out, protocol: all, to: [192.0.2.0/24]}
Y
serve "$out" 7000

sleeps() { cli status -o json | jq '[.workers[].sleeps] | add'; }
cpu_ticks() { cat /proc/"$daemon"/task/*/stat | awk '{ sum += $14 + $15 } END { print sum }'; } # of all threads
all_have_slept() { cli status -o json | jq -e '[.workers[] | .sleeps] | length == 2 and all(. > 100)'; }

workers="1, 2"
# shellcheck disable=SC2034 # two_hosts.sh reads it
appliance_more='idle: sleep'
sekishod_start "$work/policy.yaml"
check "the log says what it costs here" grep -q 'idle workers sleep: the first packet after a pause waits up to [0-9]* us here' "$work/log"
check "all workers sleep" soon all_have_slept
before=$(cpu_ticks)
sleep 3
after=$(cpu_ticks)
ticks=$((3 * 2 * $(getconf CLK_TCK))) # that two polling workers would take, if there are cpus for them
check "and take little of their cpus: $((after - before)) of $ticks ticks" [ $((after - before)) -lt $((ticks / 3)) ]
check "packets after a pause pass" on "$in" ping -q -c 3 -i 0.3 192.0.2.1
check "and a stream without pauses" traffic "$in" talk 192.0.2.1 7000 4 200000
asleep=$(sleeps)
more() { [ "$(sleeps)" -gt "$asleep" ]; }
check "and then they sleep again" soon more
check "no queue was full meanwhile" [ "$(counter "[.handover_full, .transmit_full] | add")" = 0 ]
sekishod_stop

appliance_more='idle: poll'
sekishod_start "$work/policy.yaml"
check "who polls, does not sleep" [ "$(sleeps)" = 0 ]
sekishod_stop
two_hosts_end

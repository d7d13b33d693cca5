#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Protocols that prove their answers, through a live sekishod between two hosts: under strict the right answer
# passes and nothing else does, under aws-like all that fits the tuple; ESP is told by SPI.
# Usage: test_proofs.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

policy() { host_policy "$1" 'id: esp-in, protocol: esp, from: [192.0.2.1/32]'; } # SEMANTICS
questions() { on "$1" timeout 60 python3 "$here/questions.py" "${@:2}"; } # NAMESPACE COMMAND...
answer_on() { # ADDRESS: until the end
    ip netns exec "$out" python3 "$here/questions.py" serve "$1" >"$work/answers-$1" &
    disown
    for _ in $(seq 100); do
        grep -q ready "$work/answers-$1" && return
        sleep 0.1
    done
    echo "nobody answers on $1"
    exit 1
}
spis() { cli flows -o json | jq -c 'select(.protocol == "esp") | .spis'; }

policy strict >"$work/strict.yaml"
policy aws-like >"$work/aws-like.yaml"
sekishod_start strict.yaml
answer_on 192.0.2.1
answer_on fd00::1

check "strict: each question has its answer alone" questions "$in" ask 192.0.2.1
check "strict: the same over IPv6" questions "$in" ask fd00::1
# of 4 questions each: the forged answer and the initiation before it
for word in no-proof-dns no-proof-ntp no-proof-wireguard; do
    check "strict: $word" [ "$(reason $word)" = 8 ]
done
# what came once more after a flow had closed; the kernels' own multicast may be among it
check "strict: no answer comes twice: $(reason no-rule)" [ "$(reason no-rule)" -ge 8 ]

questions "$in" esp 192.0.2.1 0xaaaa0001 0xaaaa0001 0xaaaa0002
questions "$out" esp 192.0.2.2 0xbbbb0001
sleep 0.5
check "ESP by SPI and direction: $(spis)" [ "$(spis)" = '{"egress":[{"spi":"0xaaaa0002","packets":1},{"spi":"0xaaaa0001","packets":2}],"ingress":[{"spi":"0xbbbb0001","packets":1}]}' ]

check "aws-like is committed" cli commit "$work/aws-like.yaml"
check "aws-like: more comes than was asked for" fails questions "$in" ask 192.0.2.1
check "aws-like: no proof is asked" [ "$(reason no-proof-dns)$(reason no-proof-ntp)$(reason no-proof-wireguard)" = 888 ]

sekishod_stop
two_hosts_end

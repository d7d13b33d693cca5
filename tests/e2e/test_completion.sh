#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What bash and zsh offer to complete a sekisho command with, beside a running daemon. usage: test_completion.sh --build DIR
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_completion.sh --build DIR" >&2; exit 2; }
build=$(realpath "$2") packaging=$here/../../packaging
work=$(mktemp -d) pid= failed=0
PATH=$build/app/sekisho:$PATH

tidy() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null
    [ -z "$pid" ] || wait "$pid" 2>/dev/null
    rm -rf "$work"
}
trap tidy EXIT

cp "$here"/../../config/examples/strict.yaml "$here"/../captures/ikev2-both.pcap "$work"
cat >"$work/sekisho.yaml" <<Y
version: 1
policy: strict.yaml
edges:
  - {name: north, inside: {device: net_null0}, outside: {device: net_null1}}
memory: {flows: 1024, hugepages: no}
control: {socket: $work/s.sock, readonly_socket: $work/ro.sock}
Y
"$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" &
pid=$!
for _ in $(seq 200); do
    grep -q ready "$work/log" && break
    sleep 0.1
done
grep -q ready "$work/log" || { cat "$work/log"; exit 1; }
cd "$work" || exit 1

# Each prints what is offered for the last of the words, one a line.
offered_bash() { # WORD...
    bash -c '
        . "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sekisho; printf "%s\n" "${COMPREPLY[@]}"' - "$packaging/sekisho.bash" "$@"
}
offered_zsh() { # compadd and _files exist only while zsh completes, so ours stand in for them
    zsh -f -c '
        compadd() { print -rl -- ${(P)2} | grep -e "^${words[CURRENT]}" }
        _files() { print -rl -- ${(M)${(f)"$(print -rl -- *(N))"}:#${~${2:-\*}}} | grep -e "^${words[CURRENT]}" }
        script=$1; shift
        words=("$@"); CURRENT=$#; . $script' - "$packaging/_sekisho" "$@"
}

offers() { # SHELL WHAT WORD...: WHAT is among what is offered after the words
    local shell=$1 what=$2 list
    shift 2
    list=$("offered_$shell" "$@" 2>"$work/error")
    if grep -qx -e "$what" <<<"$list" && [ ! -s "$work/error" ]; then
        printf 'pass: %s: %s is offered: %s\n' "$shell" "$what" "$*"
    else
        printf 'FAIL: %s: %s is not offered: %s\n' "$shell" "$what" "$*"
        cat "$work/error" - <<<"$list"
        failed=1
    fi
}
offers_not() {
    local shell=$1 what=$2 list
    shift 2
    list=$("offered_$shell" "$@" 2>/dev/null)
    if grep -qx -e "$what" <<<"$list"; then
        printf 'FAIL: %s: %s is offered: %s\n' "$shell" "$what" "$*"
        failed=1
    fi
}

shells=bash
if command -v zsh >/dev/null; then shells='bash zsh'; else echo "no zsh here, so only bash"; fi
for shell in $shells; do
    for verb in $(sekisho --help | sed -n 's/^  \([a-z]*\).*/\1/p'); do offers "$shell" "$verb" sekisho ''; done
    offers_not "$shell" flows sekisho st
    offers "$shell" --if-generation sekisho commit --
    offers "$shell" json sekisho status -o ''
    offers "$shell" strict.yaml sekisho check ''
    offers "$shell" strict.yaml sekisho commit --socket "$work/s.sock" ''
    offers "$shell" strict.yaml sekisho replay --policy ''
    offers "$shell" ikev2-both.pcap sekisho replay --policy strict.yaml ''
    offers_not "$shell" strict.yaml sekisho replay --policy strict.yaml ''
    offers "$shell" aws sekisho import ''
    offers "$shell" kill sekisho flows ''
    offers "$shell" save sekisho state ''
    offers "$shell" rule sekisho flows kill ''
    offers "$shell" 'ip and rule vpn/esp-in' sekisho flows --socket "$work/s.sock" kill 'ip and rule vpn'
    offers "$shell" 'reason not-ip' sekisho flows --socket "$work/s.sock" --filter 'reason '
    offers "$shell" 'edge north' sekisho flows --socket "$work/s.sock" --filter 'edge '
    offers "$shell" expires sekisho flows --sort ''
    offers "$shell" conntrack sekisho flows -o ''
    offers_not "$shell" conntrack sekisho status -o ''
    offers "$shell" strict sekisho bench --semantics ''
    offers "$shell" --witness=static sekisho compare --w
    offers "$shell" new,drop sekisho events --kinds new,d
    offers "$shell" ikev2-both.pcap sekisho explain --after ''
    offers "$shell" strict.yaml sekisho compare --a ''
    offers "$shell" strict.yaml sekisho check --edge north ''
    offers "$shell" --why sekisho flows --
    offers_not "$shell" strict.yaml sekisho flows --limit ''
    offers "$shell" sekisho.yaml sekisho doctor -c ''
    offers_not "$shell" sekisho.yaml sekisho doctor ''
    offers "$shell" north sekisho policy --socket "$work/s.sock" --edge ''
    offers "$shell" 1 sekisho rollback --socket "$work/s.sock" ''
done
exit $failed

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# A daemon without hosts, whose ports play captures; sourced with the script's own arguments, --build DIR. Sets $build and
# $work, a scratch folder where the daemon's control socket is s.sock and its log is log, and ends the daemon with the script.
#
#   check WHAT COMMAND...   tells whether the command succeeds; $failures counts those that do not
#   daemon_start            with $work/sekisho.yaml; $daemon is its process
#   ask JQ                  what its stats say
#   until_true JQ           within a minute, and while the daemon lives
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: $(basename "$0") --build DIR" >&2; exit 2; }
build=$(realpath "$2")
work=$(mktemp -d) daemon= failures=0

tidy() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    rm -rf "$work"
}
trap tidy EXIT

check() { # WHAT COMMAND...
    if "${@:2}"; then printf 'ok    %s\n' "$1"; else printf 'FAIL  %s\n' "$1"; failures=$((failures + 1)); fi
}
daemon_start() {
    "$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" &
    daemon=$!
}
ask() { "$build/app/sekisho/sekisho" stats -o json --socket "$work/s.sock" 2>/dev/null | jq "$1" 2>/dev/null; }
until_true() { # JQ
    local try
    for try in $(seq 300); do
        [ "$(ask "$1")" != true ] || return 0
        kill -0 "$daemon" 2>/dev/null || { cat "$work/log"; return 1; }
        sleep 0.2
    done
    return 1
}

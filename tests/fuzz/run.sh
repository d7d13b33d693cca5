#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the fuzzers, two at a time, each from the inputs that are kept in corpus/NAME.
# Usage: run.sh [--seconds N] [--merge] [NAME...]     (default: 30 seconds each, all of them)
#   --merge  afterwards put into corpus/NAME the fewest inputs that reach all that was reached
# What a fuzzer finds stays in build-fuzz/found and is printed. Exit 0: nothing was found; 77: there is no clang here.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build-fuzz
seconds=30 merge=0 names=()
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=${2:?--seconds wants a number}; shift ;;
        --merge) merge=1 ;;
        -*) sed -n '3,6s/^# //p' "$0" >&2; exit 2 ;;
        *) names+=("$1") ;;
    esac
    shift
done
if [ ${#names[@]} -eq 0 ]; then
    for source in "$here"/fuzz_*.c; do
        name=${source##*/fuzz_}
        names+=("${name%.c}")
    done
fi

# A clang that can link a fuzzer; prints its name.
find_clang() {
    local try scratch
    scratch=$(mktemp -d)
    printf '#include <stddef.h>\n#include <stdint.h>\nint LLVMFuzzerTestOneInput(const uint8_t *d, size_t s) { return 0; }\n' \
        >"$scratch/try.c"
    for try in clang clang-19 clang-16 clang-14; do
        if command -v $try >/dev/null && $try -fsanitize=fuzzer,address "$scratch/try.c" -o "$scratch/try" 2>/dev/null; then
            printf '%s\n' $try
            break
        fi
    done
    rm -rf "$scratch"
}

clang=$(find_clang)
if [ -z "$clang" ]; then
    printf '%s fuzzers are skipped: no clang with libFuzzer here\n' ${#names[@]}
    exit 77
fi

mkdir -p "$build"
if [ -f "$build/build.ninja" ]; then
    meson setup --reconfigure "$build" "$root" >"$build/setup.log" 2>&1
else
    CC=$clang meson setup "$build" "$root" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
        -Dbuildtype=debugoptimized >"$build/setup.log" 2>&1
fi || { tail -n 20 "$build/setup.log" >&2; exit 1; }
meson compile -C "$build" fuzzers >"$build/compile.log" 2>&1 ||
    { grep -m 20 -E 'error|FAILED' "$build/compile.log" >&2 || tail -n 20 "$build/compile.log" >&2; exit 1; }
mkdir -p "$build/found" "$build/corpus"

# One fuzzer for its time; its words go to a log.
fuzz() { # NAME
    local name=$1 new=$build/corpus/$1 dictionary=()
    mkdir -p "$new" "$here/corpus/$name"
    [ -f "$here/$name.dict" ] && dictionary=("-dict=$here/$name.dict")
    timeout -k 10 $((seconds * 2 + 120)) "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -max_len=4096 -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$build/found/$name-" "${dictionary[@]}" \
        "$new" "$here/corpus/$name" >"$build/found/$name.log" 2>&1
}

# What came of it, in a line; and what it found.
report() { # NAME STATUS
    local name=$1 status=$2 log=$build/found/$1.log found runs edges
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    edges=$(sed -n 's/.*cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%-10s %9s executions, %5s edges: ' "$name" "${runs:-0}" "${edges:-0}"
    if [ "$status" -eq 0 ]; then
        printf 'nothing found\n'
        return
    fi
    printf 'FAILED (%s)\n' "$status"
    grep -m 3 -E 'broken:|ERROR: |runtime error:|Assertion' "$log" || tail -n 5 "$log"
    found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    if [ -n "$found" ]; then
        printf 'input: %s\n' "$found"
        od -An -v -tx1 "$found"
    fi
}

# Keep the fewest inputs that reach all edges that the kept and the new ones reach.
merge_new() { # NAME
    local name=$1 fewest=$build/corpus/$1.fewest
    rm -rf "$fewest"
    mkdir "$fewest"
    if "$build/tests/fuzz/fuzz_$name" -set_cover_merge=1 -use_counters=0 -max_len=4096 -artifact_prefix="$build/found/$name-" \
        "$fewest" "$here/corpus/$name" "$build/corpus/$name" >"$build/found/$name.log" 2>&1; then
        rm -rf "$here/corpus/$name"
        mv "$fewest" "$here/corpus/$name"
        printf '%-10s %s inputs are kept\n' "$name" "$(ls "$here/corpus/$name" | wc -l)"
    else
        printf '%-10s is not merged: %s\n' "$name" "$(tail -n 1 "$build/found/$name.log")"
        failed=$((failed + 1))
    fi
}

failed=0
for ((i = 0; i < ${#names[@]}; i += 2)); do
    declare -A running=()
    for name in "${names[@]:i:2}"; do
        fuzz "$name" &
        running[$name]=$!
    done
    for name in "${names[@]:i:2}"; do
        status=0
        wait "${running[$name]}" || status=$?
        report "$name" $status
        [ $status -eq 0 ] || failed=$((failed + 1))
    done
done
if [ $merge -eq 1 ]; then
    for name in "${names[@]}"; do merge_new "$name"; done
fi
printf '%s of %s fuzzers found nothing\n' $((${#names[@]} - failed)) ${#names[@]}
[ $failed -eq 0 ]

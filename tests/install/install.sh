#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What `meson install` puts down is whole: a stranger's program is built against it with what pkg-config says,
# and run; the programs and pages are where they belong. usage: install.sh BUILD [SANITIZERS]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?usage: install.sh BUILD [SANITIZERS]}
sanitizers=${2:-none}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { printf 'FAIL: %s\n' "$*"; exit 1; }

DESTDIR=$work/root meson install -C "$build" --no-rebuild >"$work/log" 2>&1 || { cat "$work/log"; fail "meson install"; }
pc=$(find "$work/root" -name sekisho.pc)
[ -n "$pc" ] || fail "no sekisho.pc is installed"
# Where the files are now, not where they would be without DESTDIR.
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --cflags --libs --static \
    --define-variable=prefix="$work/root$(sed -n 's/^prefix=//p' "$pc")" sekisho) || fail "pkg-config does not know sekisho"
[ "$sanitizers" = none ] || flags+=" -fsanitize=$sanitizers"
# shellcheck disable=SC2086 # the flags are words
${CC:-cc} -std=c11 -Wall -Werror -o "$work/embedder" "$here/embedder.c" $flags || fail "the embedder is not built by: $flags"
"$work/embedder" >"$work/said" || fail "the embedder does not run"
diff - "$work/said" <<'SAID' || fail "the embedder was told something else"
ingress no-rule
egress rule-match
ingress flow-answer
SAID
# C++ takes the headers as well.
printf '#include <sekisho.h>\nint main() { return sekisho_reason_word(SEKISHO_REASON_NO_RULE) == nullptr; }\n' >"$work/embedder.cc"
# shellcheck disable=SC2086 # the flags are words
${CXX:-c++} -std=c++11 -Wall -Wpedantic -Werror -o "$work/embedder" "$work/embedder.cc" $flags || fail "no C++ is built with it"
"$work/embedder" || fail "the C++ program does not run"
for path in bin/sekisho sbin/sekishod; do
    [ -x "$(find "$work/root" -path "*/$path")" ] || fail "$path is not installed"
done
printf 'pass: what is installed can be embedded\n'

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Checks of what a command does from outside; sourced by the scripts that try verbs. $work is their scratch folder.
#
#   check WHAT COMMAND...   what the command said is in $work/last.out and last.err afterwards; a failure is told and counted
#   exits CODE COMMAND...   the command's exit code is this one
#   equal GOT WANT          two texts are the same
#   checks_end              the last command: tells the number of checks, and fails if any has
checks=0 failures=0

check() { # WHAT COMMAND...
	local what=$1
	shift
	checks=$((checks + 1))
	if ! "$@" >"$work/out" 2>"$work/err"; then
		failures=$((failures + 1))
		echo "FAIL: $what"
		tail -n 12 "$work/out" "$work/err"
	fi
	mv "$work/out" "$work/last.out"
	mv "$work/err" "$work/last.err"
}

exits() { # CODE COMMAND...
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" = "$want" ] || { echo "exit $got, not $want: $*" >&2; return 1; }
}

equal() { # GOT WANT
	[ "$1" = "$2" ] || { echo "\"$1\", not \"$2\"" >&2; return 1; }
}

checks_end() {
	[ $failures = 0 ] || { echo "$failures of $checks checks failed"; return 1; }
	echo "$checks checks passed"
}

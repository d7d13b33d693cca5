#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Why a packet would pass: the founding case, by a policy, by the state that a capture leaves, and by that of a live
# sekishod, whose inside port plays a capture. Needs no privilege. Usage: test_explain.sh --build DIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_explain.sh --build DIR" >&2; exit 2; }
exec python3 "$here/explain_client.py" "$(realpath "$2")"

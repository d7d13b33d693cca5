#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `sekisho top` on pseudo-terminals: 24 x 80, smaller, dumb, none at all; how it ends. Usage: test_top.sh --build DIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_top.sh --build DIR" >&2; exit 2; }
exec python3 "$here/top_client.py" "$(realpath "$2")"

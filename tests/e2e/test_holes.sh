#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What comes in only because of a flow, asked of a live sekishod whose inside port plays a capture. Needs no privilege.
# Usage: test_holes.sh --build DIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_holes.sh --build DIR" >&2; exit 2; }
exec python3 "$here/holes_client.py" "$(realpath "$2")"

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Commit, confirm, rollback and history of a live sekishod, on ports that need no privilege; clients and
# daemons that are killed in the middle, and what a restart finds. Traffic: test_commit_traffic.sh.
# Usage: test_commit.sh --build DIR [--long]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_commit.sh --build DIR [--long]" >&2; exit 2; }
exec python3 "$here/commit_client.py" "$(realpath "$2")" ${3:+"$3"}

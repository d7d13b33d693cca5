#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What people see of a live sekishod: flows, drops. Its inside port plays a capture (DPDK's net_pcap), so it needs no
# privilege. Usage: test_views.sh --build DIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_views.sh --build DIR" >&2; exit 2; }
exec python3 "$here/views_client.py" "$(realpath "$2")"

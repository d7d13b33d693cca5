#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What Prometheus and DPDK's telemetry read of a live sekishod, and hostile scrapes; on ports that need no
# privilege. Where there is promtool (Debian: prometheus), it judges the page as well. Usage: --build DIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_metrics.sh --build DIR" >&2; exit 2; }
exec python3 "$here/metrics_client.py" "$(realpath "$2")"

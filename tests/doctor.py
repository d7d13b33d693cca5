#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`sekisho doctor` beside machines that are made up: a root with just what the kernel would say in /proc and /sys.

usage: doctor.py SEKISHO

A case is what differs from a machine where everything passes, and the finding that must come of it. The program is run by
a user without privileges.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NIC = "sys/bus/pci/devices/0000:00:06.0"
GOOD = {
    "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "1024",
    "sys/kernel/iommu_groups/0/type": "DMA",
    "proc/cpuinfo": "vendor_id\t: AuthenticAMD",
    "proc/self/limits": "Max locked memory         unlimited            unlimited            bytes",
    "proc/self/status": "CapBnd:\t000001ffffffffff",
    "sys/devices/system/cpu/online": "0-7",
    "sys/devices/system/cpu/isolated": "2-3",
    "sys/devices/system/node/node0/cpulist": "0-3",
    "sys/devices/system/node/node1/cpulist": "4-7",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm",
    "sys/class/net/out0/flags": "0x1003",
    "sys/class/net/out0/carrier": "1",
    "proc/net/route": "Iface\tDestination\neth0\t00000000",
    f"{NIC}/numa_node": "0",
    f"{NIC}/driver": "-> ../../../bus/pci/drivers/vfio-pci",
}
APPLIANCE = """version: 1
policy: policy.yaml
edges:
  - {name: edge, inside: {device: "0000:00:06.0"}, outside: {device: "net_af_packet0,iface=out0"}}
workers: [%(worker)s]
memory: {flows: 65536, hugepages: %(hugepages)s}
"""
CLOCK = "sys/devices/system/clocksource/clocksource0"
# (what it is about, changed files (None: not there), appliance, check, state, a part of what mends it)
CASES = [
    ("few hugepages", {"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "3"}, {}, "hugepages", "warn",
     "sysctl -w vm.nr_hugepages="),
    ("no hugepages where they must be", {"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "0"},
     {"hugepages": "yes"}, "hugepages", "fail", "sysctl -w vm.nr_hugepages="),
    ("no hugepages, none wanted", {"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "0"},
     {"hugepages": "no"}, "hugepages", "pass", None),
    ("no IOMMU, AMD", {"sys/kernel/iommu_groups/0/type": None}, {}, "iommu", "fail", "amd_iommu=on"),
    ("no IOMMU, Intel", {"sys/kernel/iommu_groups/0/type": None, "proc/cpuinfo": "vendor_id\t: GenuineIntel"}, {},
     "iommu", "fail", "intel_iommu=on"),
    ("no IOMMU, and vfio does without",
     {"sys/kernel/iommu_groups/0/type": None, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode": "Y"}, {},
     "iommu", "warn", "iommu=on"),
    ("a device that the kernel has", {f"{NIC}/driver": "-> ../../../bus/pci/drivers/ixgbe"}, {}, "driver", "fail",
     "dpdk-devbind.py --bind=vfio-pci 0000:00:06.0"),
    ("a device without a driver", {f"{NIC}/driver": None}, {}, "driver", "fail", "--bind=vfio-pci 0000:00:06.0"),
    ("a driver that shares", {f"{NIC}/driver": "-> ../../../bus/pci/drivers/mlx5_core"}, {}, "driver", "pass", None),
    ("no such device", {f"{NIC}/driver": None, f"{NIC}/numa_node": None}, {}, "driver", "fail", "lspci"),
    ("no such interface", {"sys/class/net/out0/flags": None, "sys/class/net/out0/carrier": None}, {}, "driver", "fail",
     "ip link"),
    ("an interface that is down", {"sys/class/net/out0/flags": "0x1002"}, {}, "driver", "fail", "ip link set out0 up"),
    ("a device on the other node", {f"{NIC}/numa_node": "1"}, {}, "numa", "warn", "workers: [4]"),
    ("a machine with one node", {f"{NIC}/numa_node": "-1"}, {}, "numa", "pass", None),
    ("a worker among others", {}, {"worker": 1}, "cores", "warn", "isolcpus=1"),
    ("a worker without a cpu", {}, {"worker": 9}, "cores", "warn", "workers: [0]"),
    ("a limit of locked memory", {"proc/self/limits": "Max locked memory         65536   65536   bytes"}, {}, "memlock",
     "warn", "ulimit -l unlimited"),
    ("a container without NET_RAW", {"proc/self/status": "CapBnd:\t0000008000005000"}, {}, "capabilities", "fail",
     "docker run --cap-add NET_RAW ..."),
    ("a clock that is not the cpu's", {f"{CLOCK}/current_clocksource": "hpet"}, {}, "clock", "warn", "echo tsc >"),
    ("a cpu whose counter is of no use",
     {f"{CLOCK}/current_clocksource": "hpet", f"{CLOCK}/available_clocksource": "hpet"}, {}, "clock", "warn", "dmesg"),
    ("a port in a bridge", {"sys/class/net/out0/master": "-> ../br0"}, {}, "peer", "fail", "ip link set out0 nomaster"),
    ("a port whose other end is down", {"sys/class/net/out0/carrier": "0"}, {}, "peer", "fail", "ip link set PEER up"),
    ("a port that the kernel uses", {"proc/net/route": "Iface\nout0\t00000000"}, {}, "peer", "warn",
     "ip address flush dev out0"),
]


def root_make(root, files):
    for name, text in files.items():
        if text is None:
            continue
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_text(text + "\n")


class Patient:
    """A machine, and what the doctor says of it."""

    def __init__(self, program, changed, appliance):
        with tempfile.TemporaryDirectory() as work:
            os.chmod(work, 0o755)
            work = Path(work)
            shutil.copy(program, work / "sekisho")
            (work / "sekisho.yaml").write_text(APPLIANCE % {"worker": 2, "hugepages": "auto", **appliance})
            root_make(work / "root", {**GOOD, **changed})
            command = [work / "sekisho", "doctor", "-c", work / "sekisho.yaml", "--root", work / "root", "-o", "json"]
            user = {"user": "nobody", "extra_groups": []} if os.getuid() == 0 else {}
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, **user)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.code, self.summary = done.returncode, lines[-1]["summary"]
        self.findings, self.error = lines[:-1], done.stderr

    def worst(self, check):
        found = [finding for finding in self.findings if finding["check"] == check]
        return max(found, key=lambda finding: ["pass", "warn", "fail"].index(finding["state"]), default={})


def case_wrong(program, case):
    """What is wrong with the doctor's answer; None if nothing is."""
    _, changed, appliance, check, state, mend = case
    patient = Patient(program, changed, appliance)
    worst = patient.worst(check)
    if worst.get("state") != state:
        return f"{check} is {worst.get('state')}, must be {state}: {worst} {patient.error}"
    if mend is not None and mend not in worst["mend"]:
        return f"mended by: {worst['mend']}"
    if any((finding["state"] == "pass") != (finding["mend"] is None) for finding in patient.findings):
        return f"a command without a fault, or a fault without: {patient.findings}"
    if (patient.code == 1) != (patient.summary["fail"] > 0):
        return f"exit code {patient.code} with {patient.summary}"
    return None


def main():
    program, failed = sys.argv[1], 0
    well = Patient(program, {}, {})
    if well.code != 0 or well.summary["warn"] or well.summary["fail"] or well.error:
        sys.exit(f"FAIL: a sound machine: {well.findings} {well.error}")
    for case in CASES:
        wrong = case_wrong(program, case)
        failed += wrong is not None
        print(("pass: " if wrong is None else "FAIL: ") + case[0] + (f": {wrong}" if wrong else ""))
    sys.exit(failed > 0)


main()

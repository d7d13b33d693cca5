#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hostile policy files, one at a time through `sekisho check`: each must be refused (or, where it is but
large, taken) within bounds of processor time and memory. usage: hostile_policies.py SEKISHO FOLDER

Processor time is counted and not that of the clock, as others may want the machine.
"""
import os
import resource
import sys

HEAD = b"version: 1\nsemantics: strict\n"
MIB = 1 << 20
SECONDS, MEMORY = 2.0, 256 * MIB              # to refuse a file: one second, and as much for a slow machine
LARGE_SECONDS, LARGE_MEMORY = 6.0, 640 * MIB  # to take a large one and look through it


def fill(unit, size=31 * MIB, head=HEAD, tail=b""):
    return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


def rules(count, group=None, form="      - {{id: r{0}, protocol: tcp, from: 10.{1}.{2}.{3}}}\n"):
    group = group or count
    lines = ["groups:\n"]
    for i in range(count):
        if i % group == 0:
            lines.append(f"  - name: g{i // group}\n    ingress:\n")
        lines.append(form.format(i, i >> 16, i >> 8 & 255, i & 255))
    return HEAD + "".join(lines).encode()


def endpoints(count, form, head=""):
    return HEAD + (head + "endpoints:\n").encode() + "".join(
        form.format(i, i >> 16, i >> 8 & 255, i & 255) for i in range(count)).encode()


def bomb():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)]
    return HEAD + "\n".join(lines).encode()


def references(entries, count):
    text = "prefix_lists:\n  - name: p\n    entries:\n"
    text += "".join(f"      - 10.0.{i >> 8}.{i & 255}\n" for i in range(entries))
    text += "groups:\n  - name: g\n    ingress:\n"
    text += "".join(f"      - {{id: r{i}, protocol: tcp, from: prefix_list:p}}\n" for i in range(count))
    return HEAD + text.encode()


def product(ports, peers):
    text = "groups:\n  - name: g\n    ingress:\n      - protocol: tcp\n        ports: ["
    text += ", ".join(str(i % 65536) for i in range(ports)) + "]\n        from: ["
    text += ", ".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(peers)) + "]\n"
    return HEAD + text.encode()


ONE = "  - {{name: e{0}, addresses: 10.{1}.{2}.{3}}}\n"
REFUSED = {
    "an alias bomb": lambda: bomb(),
    "an anchor on each value": lambda: fill(b"- &a x\n", head=b"a:\n"),
    "64 MiB": lambda: fill(b"# words and words and words\n", 64 * MIB),
    "31 MiB of comments, then nothing that is known": lambda: fill(b"# words\n", tail=b"x: 1\n"),
    "31 MiB of blanks": lambda: fill(b" ", head=b""),
    "31 MiB of line feeds": lambda: fill(b"\n", head=b""),
    "one value of 31 MiB": lambda: fill(b"x", head=HEAD + b"groups: "),
    "one quoted value of 31 MiB": lambda: fill(b"x", head=HEAD + b'groups: "', tail=b'"\n'),
    "a quote that is never closed": lambda: fill(b"x\n", head=HEAD + b'groups: "'),
    "one key of 31 MiB": lambda: fill(b"x", tail=b": 1\n"),
    "a value of 31 MiB in many lines": lambda: fill(b" x\n", head=HEAD + b"groups:\n"),
    "a list of all that fits": lambda: fill(b"0,", head=HEAD + b"groups: [", tail=b"0]\n"),
    "brackets": lambda: fill(b"["),
    "braces": lambda: fill(b"{"),
    "brackets in pairs": lambda: fill(b"[],", head=HEAD + b"groups: [", tail=b"]"),
    "dashes": lambda: fill(b"- "),
    "question marks": lambda: fill(b"? "),
    "colons": lambda: fill(b": "),
    "exclamation marks": lambda: fill(b"!"),
    "percent signs": lambda: fill(b"%", head=b""),
    "tabs": lambda: fill(b"\t"),
    "documents": lambda: fill(b"---\n", head=b""),
    "deep nesting by indentation": lambda: HEAD + b"".join(b" " * i + b"a:\n" for i in range(5000)),
    "unknown keys": lambda: HEAD + b"".join(b"k%d: 1\n" % i for i in range(1500000)),
    "the same key": lambda: fill(b"limits: 1\n"),
    "a NUL at the end": lambda: fill(b"# words\n", tail=b"\0"),
    "bad UTF-8 at the end": lambda: fill(b"# words\n", tail=b"\xff\n"),
    "UTF-16": lambda: (HEAD * 100).decode().encode("utf-16"),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + HEAD,
    "carriage returns": lambda: HEAD.replace(b"\n", b"\r"),
    "a million rules": lambda: rules(1000000, form="      - {{protocol: tcp, from: 1.1.1.1}}\n")[:31 * MIB],
    "a million rules in groups": lambda: rules(
        1000000, 1000, "      - {{protocol: tcp, from: 1.1.1.1}}\n")[:31 * MIB],
    "200,001 rules": lambda: rules(200001, 1000),
    "60,000 endpoints with one name": lambda: endpoints(
        60000, "  - {{name: e, addresses: 10.{1}.{2}.{3}}}\n"),
    "60,000 endpoints with one address": lambda: endpoints(60000, "  - {{name: e{0}, addresses: 10.0.0.1}}\n"),
    "60,000 references to no group": lambda: endpoints(
        60000, "  - {{name: e{0}, addresses: 10.{1}.{2}.{3}, groups: h{0}}}\n",
        "groups:\n" + "".join(f"  - {{name: g{i}}}\n" for i in range(60000))),
    "70,000 endpoints": lambda: endpoints(70000, ONE),
    "references that multiply": lambda: references(20000, 100000),
    "ports times peers": lambda: product(100000, 100000),
    "a hundred thousand bad rules": lambda: rules(100000, form="      - {{protocl: tcp, form: 1.1.1.1}}\n"),
    "a hundred thousand bad addresses": lambda: rules(100000, form="      - {{protocol: tcp, from: 1.1.1}}\n"),
    "numbers for lists for mappings": lambda: fill(b"endpoints: 1\n", 4096, b"") + fill(b"- []\n", 4096, b""),
}
TAKEN = {
    "100,000 rules": lambda: rules(100000),
    "100,000 rules with carriage returns": lambda: rules(100000).replace(b"\n", b"\r\n"),
    "200,000 rules in groups": lambda: rules(200000, 100),
    "10,000 endpoints": lambda: endpoints(10000, "  - {{name: e{0}, addresses: 10.{1}.{2}.{3}, groups: g}}\n",
                                          "groups:\n  - name: g\n    ingress:\n"
                                          "      - {protocol: tcp, from: group:g}\n"),
}


def run(sekisho, path):
    """Returns (exit code, or minus the signal; seconds of processor time; bytes of memory)."""
    child = os.fork()
    if child == 0:
        nothing = os.open("/dev/null", os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        os.execv(sekisho, [sekisho, "check", path])
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main():
    sekisho, path = sys.argv[1], os.path.join(sys.argv[2], "hostile.yaml")
    wrong = 0
    for cases, code, seconds, memory in ((REFUSED, 1, SECONDS, MEMORY),
                                         (TAKEN, 0, LARGE_SECONDS, LARGE_MEMORY)):
        for name, make in cases.items():
            with open(path, "wb") as file:
                file.write(make())
            got, took, used = run(sekisho, path)
            good = got == code and took <= seconds and used <= memory
            wrong += not good
            print(f"{'ok  ' if good else 'BAD '} {name}: exit {got}, {took:.2f} s, {used / MIB:.0f} MiB")
    os.unlink(path)
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Looks at flows and drops of a sekishod that it starts. usage: views_client.py BUILD"""
import json
import shutil
import sys
import tempfile
import time

import daemon
from daemon import check
from played import INSIDE, Played, echo, tcp, udp

BUILD = sys.argv[1]

POLICY = """version: 1
semantics: aws-like
endpoints:
  - {name: host, addresses: [198.51.100.2/32], groups: [g]}
groups:
  - name: g
    ingress:
      - {id: ssh, protocol: tcp, ports: 22, from: [203.0.113.0/24]}
    egress:
      - {id: all-out, protocol: all, to: [0.0.0.0/0]}
network_acls:
  - name: acl
    endpoints: [host]
    ingress:
      - {number: 100, action: deny, protocol: udp, ports: 7, from: [0.0.0.0/0]}
      - {number: 200, action: allow, protocol: all, from: [0.0.0.0/0]}
    egress:
      - {number: 100, action: allow, protocol: all, to: [0.0.0.0/0]}
timeouts: {udp: 60, tcp_syn_sent: 600, icmp: 600}
"""
SYN, ACK = 2, 16


def eventually(holds):
    for _ in range(400):
        if holds():
            return True
        time.sleep(0.05)
    return False


def lines(test, *arguments):
    said = test.cli(*arguments, "-o", "json")
    return [json.loads(line) for line in said.stdout.splitlines()] if said.returncode == 0 else said.stderr


def drops(test):
    expected = {("no-rule", None, 5), ("network-acl", "network_acl:acl/in-100", 3)}
    rows = lines(test, "drops")
    found = {(row["reason"], row["rule"], row["packets"]) for row in rows}
    check("drops by reason and rule", found == expected, rows)
    check("with edge, direction and a rate", all(row["edge"] == "lan" and row["direction"] == "ingress" and
                                                 row["per_second"] == 0 for row in rows), rows)
    acl = [row for row in rows if row["rule"]]
    check("and where the rule is written", acl and acl[0]["line"] == 15 and acl[0]["file"].endswith("policy.yaml"), acl)
    check("the most frequent first, up to a limit", [row["reason"] for row in lines(test, "drops", "--limit", "1")] ==
          ["no-rule"])
    table = test.cli("drops").stdout.splitlines()
    check("as a table", table[0].split()[:4] == ["PER", "SECOND", "PACKETS", "REASON"] and "no-rule" in table[1], table)


def main():
    work = tempfile.mkdtemp()
    egress = [udp(INSIDE, 500, "198.51.100.1", 500)] + [tcp(INSIDE, 40000, "203.0.113.9", 443, SYN)] + \
             [echo(INSIDE, "203.0.113.9", 8, 77)]
    ingress = [udp("203.0.113.7", 9, INSIDE, 9)] * 5 + [udp("203.0.113.7", 9, INSIDE, 7)] * 3 + \
              [tcp("203.0.113.5", 1234, INSIDE, 22, SYN)] * 2
    test = Played(BUILD, work, POLICY, egress, ingress)
    try:
        test.start()
        client = test.client()
        check("all packets are judged", eventually(lambda: client.call("stats")["result"]["received"] == 13),
              client.call("stats"))
        client.close()
        drops(test)
        check("a clean stop", test.stop() == 0)
        check("conservation", "holds" in test.log(), test.log()[-300:])
    finally:
        test.end()
        shutil.rmtree(work)
    sys.exit(1 if daemon.failed else 0)


main()

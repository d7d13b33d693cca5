#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Looks at flows and drops of a sekishod that it starts. usage: views_client.py BUILD"""
import csv
import json
import re
import shutil
import subprocess
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
timeouts: {udp: 60, tcp_syn_sent: 600, tcp_syn_received: 600, icmp: 600}
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


def watched_drops(test):
    with subprocess.Popen([test.cli_program, "drops", "--watch", "--interval", "1s", "--socket",
                           test.socket_path], stdout=subprocess.PIPE, text=True) as watch:
        pages = []
        for _ in range(2):
            page = list(iter(lambda: watch.stdout.readline().rstrip("\n"), ""))
            pages.append([re.split(r" {2,}", line.strip()) for line in page])
        watch.terminate()
    check("drops --watch prints a table after the other, until it is ended",
          all(page[0][:3] == ["PER SECOND", "PACKETS", "REASON"] and
              [row[:3] for row in page[1:]] == [["0", "5", "no-rule"], ["0", "3", "network-acl"]] for page in pages), pages)
    watch = subprocess.Popen([test.cli_program, "drops", "--watch", "--interval", "1s", "-o", "json",
                              "--socket", test.socket_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    rows = [json.loads(watch.stdout.readline()) for _ in range(4)]
    watch.stdout.close()
    check("as JSON a line a row, in each interval", [row["reason"] for row in rows] ==
          ["no-rule", "network-acl"] * 2, rows)
    check("and it ends with its reader", watch.wait(30) is not None)
    watch.stderr.close()


def words(flows):
    return sorted(row["flow"] for row in flows)


IKE = "udp 198.51.100.2:500 > 198.51.100.1:500"
WEB = "tcp 198.51.100.2:40000 > 203.0.113.9:443"
PING = "icmp 198.51.100.2 > 203.0.113.9"
SSH = "tcp 203.0.113.5:1234 > 198.51.100.2:22"


def filters(test):
    for text, meant in [("all", [IKE, WEB, PING, SSH]), ("proto udp and port 500", [IKE]), ("proto tcp", [WEB, SSH]),
                        ("src host 198.51.100.2 and not proto icmp", [IKE, WEB]), ("direction ingress", [SSH]),
                        ("rule g/ssh", [SSH]), ("state unanswered and edge lan and not proto udp", [PING]),
                        ("edge other", []), ("reason no-rule", [])]:
        found = lines(test, "flows", "--filter", text)
        check(f"--filter '{text}'", words(found) == sorted(meant), found)
    said = test.cli("flows", "--filter", "proto upd")
    check("a filter that is none", said.returncode == 4 and "column 7: 'upd' is no protocol" in said.stderr, said)


def orders(test):
    for key in ("packets", "bytes"):
        found = lines(test, "flows", "--sort", key, "--limit", "1")
        check(f"--sort {key}", words(found) == [SSH], found)
    ages = [row["age_ms"] for row in lines(test, "flows", "--sort", "age")]
    check("--sort age", len(ages) == 4 and ages == sorted(ages, reverse=True), ages)
    ends = [row["expires_ms"] for row in lines(test, "flows", "--sort", "expires")]
    check("--sort expires", len(ends) == 4 and ends == sorted(ends), ends)
    check("--sort of something else", test.cli("flows", "--sort", "colour").returncode == 4)
    check("--sort with a cursor", test.cli("flows", "--sort", "age", "--cursor", "0:0").returncode == 2)


def pages(test):
    found, cursor = [], []
    for _ in range(4):
        said = test.cli("flows", "--limit", "1", "-o", "json", *cursor)
        found += [json.loads(line) for line in said.stdout.splitlines()]
        cursor = said.stderr.split()[-2:]
    check("one after the other, by cursor", words(found) == sorted([IKE, WEB, PING, SSH]), found)
    check("a cursor that is none", test.cli("flows", "--cursor", "x").returncode == 4)


def forms(test):
    conntrack = test.cli("flows", "-o", "conntrack").stdout
    for shape in (r"udp      17 \d+ src=198.51.100.2 dst=198.51.100.1 sport=500 dport=500 packets=1 bytes=46 \[UNREPLIED\] "
                  r"src=198.51.100.1 dst=198.51.100.2 sport=500 dport=500 packets=0 bytes=0 mark=0 use=1",
                  r"tcp      6 \d+ SYN_SENT src=198.51.100.2 dst=203.0.113.9 sport=40000 dport=443 packets=1 bytes=54 "
                  r"\[UNREPLIED\] src=203.0.113.9 dst=198.51.100.2 sport=443 dport=40000 packets=0 bytes=0 mark=0 use=1",
                  r"tcp      6 \d+ SYN_SENT src=203.0.113.5 dst=198.51.100.2 sport=1234 dport=22 packets=2 bytes=108 .*",
                  r"icmp     1 \d+ src=198.51.100.2 dst=203.0.113.9 type=8 code=0 id=77 packets=1 bytes=42 \[UNREPLIED\] "
                  r"src=203.0.113.9 dst=198.51.100.2 type=0 code=0 id=77 packets=0 bytes=0 mark=0 use=1"):
        check("-o conntrack: " + " ".join(shape.split()[3:5]), re.search(f"^{shape}$", conntrack, re.M), conntrack)
    rows = list(csv.DictReader(test.cli("flows", "-o", "csv").stdout.splitlines()))
    check("-o csv", {(row["protocol"], row["source"], row["source_port"], row["rule"], row["packets_sent"]) for row in rows}
          == {("udp", "198.51.100.2", "500", "g/all-out", "1"), ("tcp", "198.51.100.2", "40000", "g/all-out", "1"),
              ("icmp", "198.51.100.2", "", "g/all-out", "1"), ("tcp", "203.0.113.5", "1234", "g/ssh", "2")}, rows)
    table = test.cli("flows").stdout.splitlines()
    check("-o table", table[0].split()[:4] == ["PROTO", "SOURCE", "DESTINATION", "STATE"] and len(table) == 5, table)
    why = test.cli("flows", "--why", "--filter", "proto udp").stdout
    check("--why", re.search(r"^udp 198.51.100.2:500 > 198.51.100.1:500  unanswered on lan; packets 1 > 0 <.*\n"
                             r"    opened [0-9.]+s ago by packet 1, egress: rule g/all-out \(.*policy.yaml:10\)$", why,
                             re.M), why)
    why = lines(test, "flows", "--why", "--filter", "rule g/ssh")[0]["why"]
    check("--why as JSON", [(one["direction"], one["rule"], one["line"], one["packet"] > 3) for one in why] ==
          [("ingress", "g/ssh", 8, True)], why)
    check("no other form", test.cli("flows", "-o", "xml").returncode == 2)


def kills(test):
    check("kill without a filter", test.cli("flows", "kill").returncode == 2)
    check("kill by a filter that is none", test.cli("flows", "kill", "no such word").returncode == 4)
    reader = daemon.Client(f"{test.work}/ro.sock")
    check("kill over the socket for reading", daemon.code(reader.call("flows.kill", filter="all")) == -32001)
    reader.close()
    check("all are still there", len(lines(test, "flows")) == 4)
    said = test.cli("flows", "kill", "proto tcp or proto icmp")
    check("kill", said.returncode == 0 and said.stdout == "3 flows closed\n", said)
    check("what is left", words(lines(test, "flows")) == [IKE])
    check("nothing to kill", test.cli("flows", "kill", "proto tcp").returncode == 1)
    client = test.client()
    flows = client.call("stats")["result"]["flows"]
    client.close()
    check("they are counted as closed", flows["closed"] == 3 and flows["now"] == 1, flows)
    with open(f"{test.work}/audit") as file:
        records = [json.loads(line) for line in file]
    record = [one for one in records if one.get("killed") == 3]
    check("an audit record", len(record) == 1 and record[0]["event"] == "flows.kill" and
          record[0]["filter"] == "proto tcp or proto icmp" and "uid" in record[0], records)


def many(work):
    """A table of many flows: all are told once, none is told twice, and they can be closed in one go."""
    count = 20000
    test = Played(BUILD, work, POLICY, (udp(INSIDE, 1024 + i % 50000, f"203.0.113.{i % 200 + 1}", 4000) for i in range(count)))
    try:
        test.start()
        client = test.client()
        check("many flows", eventually(lambda: client.call("stats")["result"]["flows"]["now"] == count))
        found = lines(test, "flows")
        check("all are told, each once", len(found) == count == len(set(words(found))), len(found))
        check("of many the few that are meant", len(lines(test, "flows", "--filter", "src port 1024-1123")) == 100)
        oldest = lines(test, "flows", "--sort", "age", "--limit", "200")
        check("the first of many", len(oldest) == 200 and oldest[0]["age_ms"] >= max(row["age_ms"] for row in found) and
              min(row["age_ms"] for row in oldest) >= sorted(row["age_ms"] for row in found)[-200], oldest[:1])
        said = test.cli("flows", "kill", "src port 1024-11023")
        check("half of many are closed", said.stdout == "10000 flows closed\n", said)
        check("the others are not", client.call("stats")["result"]["flows"]["now"] == count - 10000)
        client.close()
        check("without harm to packets", test.stop() == 0 and "holds" in test.log(), test.log()[-300:])
    finally:
        test.end()


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
        watched_drops(test)
        for look in (filters, orders, pages, forms, kills):
            look(test)
        check("a clean stop", test.stop() == 0)
        check("conservation", "holds" in test.log(), test.log()[-300:])
        many(work)
    finally:
        test.end()
        shutil.rmtree(work)
    sys.exit(1 if daemon.failed else 0)


main()

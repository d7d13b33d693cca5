#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scrapes of a sekishod that it starts, as they should be and as they should not. usage: metrics_client.py BUILD"""
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import daemon
from daemon import Daemon, check, many_rules

BUILD = sys.argv[1]
RULES = 5000
PREFIX = f"sekisho-test-{os.getpid()}"
RUNTIME = [f"{base}/dpdk/{PREFIX}" for base in ("/var/run", os.environ.get("XDG_RUNTIME_DIR") or "/tmp", "/tmp")]

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
SAMPLE = re.compile(r'([a-z][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([0-9]+)\Z')


def page_errors(text):
    """What is wrong with a page in Prometheus's text format, as strictly as we can tell."""
    family, kind, done, seen = None, None, set(), set()
    if not text.endswith("\n"):
        yield "no newline at the end"
    lines = text.split("\n")[:-1]
    for number, line in enumerate(lines):
        if line.startswith("# HELP "):
            family, _, sentence = line[7:].partition(" ")
            kind = None
            if family in done:
                yield f"{family} is there twice"
            if not NAME.match(family) or not sentence:
                yield f"bad help: {line}"
            done.add(family)
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            if name != family or not lines[number - 1].startswith("# HELP "):
                yield f"{name}: its type does not follow its help"
            if kind not in ("counter", "gauge") or (kind == "counter") != name.endswith("_total"):
                yield f"{name}: a {kind}"
        else:
            sample = SAMPLE.match(line)
            if not sample or sample[1] != family or kind is None:
                yield f"not a sample of {family}: {line}"
            if line.rpartition(" ")[0] in seen:
                yield f"twice: {line}"
            seen.add(line.rpartition(" ")[0])


def checker_is_strict():
    good = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 5\n"
    bad = [good[:-1], good.replace("_total", ""), good + good, good.replace("counter", "gauge"), good + "b 1\n",
           good.replace('"1"', '"\\x"'), good.replace(" 5", " five"), good.replace("# HELP a_total A.\n", ""),
           good + 'a_total{x="1"} 6\n', good.replace("# TYPE a_total counter\n", ""), good.replace('"1"', '1')]
    return not list(page_errors(good)) and all(list(page_errors(text)) for text in bad)


def eventually(holds):
    for _ in range(400):
        if holds():
            return True
        time.sleep(0.05)
    return False


class Page:
    """A page that was fetched: text and numbers."""

    def __init__(self, text):
        self.text = text
        self.samples = {line.rpartition(" ")[0]: int(line.rpartition(" ")[2])
                        for line in text.splitlines() if not line.startswith("#")}

    def sum(self, name):
        return sum(value for key, value in self.samples.items() if key.split("{")[0] == name)


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.host)


def fetch(connection, method="GET", path="/metrics"):
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Test:
    def __init__(self, work):
        self.port, self.path = free_port(), f"{work}/m.sock"
        self.daemon = Daemon(BUILD, work, many_rules(RULES), f"metrics: {{port: {self.port}, socket: {self.path}}}\n"
                             f"dpdk_telemetry: true\neal: ['--file-prefix={PREFIX}']")
        appliance = f"{work}/sekisho.yaml"
        with open(appliance) as file:
            text = file.read().replace("name: east", r'name: "ea\"s\\t"')
        with open(appliance, "w") as file:
            file.write(text)
        self.daemon.start()

    def tcp(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def raw(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def say(self, data):
        """What a connection hears that says just this, up to the end."""
        with self.raw() as connection:
            connection.sendall(data)
            heard = b""
            try:
                while part := connection.recv(65536):
                    heard += part
            except ConnectionError:
                pass
            return heard

    def stats(self):
        client = self.daemon.client()
        answer = client.call("stats")["result"]
        client.close()
        return answer


def pages(test):
    before = test.stats()
    status, text = fetch(test.tcp())
    after = test.stats()
    page = Page(text)
    check("a scrape over the loopback port", status == 200, status)
    check("the page is in Prometheus's format", not list(page_errors(text)), list(page_errors(text))[:3])
    check("all rules are told", page.sum("sekisho_rule_packets_total") == 0 and
          sum(key.startswith("sekisho_rule_packets_total{") for key in page.samples) == RULES)
    check("a label with quotes and backslashes", r'sekisho_policy_generation{edge="ea\"s\\t"}' in page.samples)
    received = page.sum("sekisho_packets_received_total")
    check("received is what stats tells", before["received"] <= received <= after["received"] and received > 0,
          (before["received"], received, after["received"]))
    # What is dropped is read first, so that it is never more than what has come.
    check("packets are dropped, by reason", 0 < page.sum("sekisho_packets_dropped_total") <= received and
          page.samples['sekisho_packets_dropped_total{reason="not-ip"}'] > 0)
    check("ports add up", before["received"] <= page.sum("sekisho_port_received_packets_total") <= after["received"])
    check("the names that AWS uses", page.sum("sekisho_conntrack_allowance_available") == 65536 and
          "sekisho_conntrack_allowance_exceeded_total" in page.samples)
    check("the worker's heart beats", eventually(lambda: Page(fetch(test.tcp())[1]).sum("sekisho_worker_loops_total") >
                                                 page.sum("sekisho_worker_loops_total")))
    status, other = fetch(Unix(test.path))
    check("the same over the UNIX socket", status == 200 and Page(other).samples.keys() == page.samples.keys())
    check("HTTP/1.0 gets it unchunked", Page(test.say(b"GET /metrics HTTP/1.0\r\n\r\n").decode().split("\r\n\r\n", 1)[1])
          .samples.keys() == page.samples.keys())
    promtool = shutil.which("promtool")
    if promtool:
        said = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        check("promtool finds nothing", said.returncode == 0, said.stdout + said.stderr)


def hostile(test):
    for name, data, status in [
            ("a POST", b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
            ("another path", b"GET /etc/passwd HTTP/1.1\r\n\r\n", b"404"),
            ("a long path", b"GET /" + b"m" * 2000 + b" HTTP/1.1\r\n\r\n", b"400"),
            ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", b"400"),
            ("NULs", b"GET\0/metrics HTTP/1.1\r\n\r\n", b"400"),
            ("a header without end", b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 8000, b"431"),
            ("SSH", b"SSH-2.0-x\r\n\r\n", b"400"),
            ("bare newlines are well understood", b"GET /metrics?x=%s HTTP/1.1\n\n", b"200"),
            ("HEAD", b"HEAD /metrics HTTP/1.1\r\n\r\n", b"200")]:
        heard = test.say(data)
        check(name + " is answered", heard.startswith(b"HTTP/1.1 " + status), heard[:60])
    check("HEAD has no body", test.say(b"HEAD /metrics HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n"))
    silent = [test.raw() for _ in range(7)]
    deaf = test.raw()
    deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    # The eighth place is taken once the deaf one has been heard, so ask until the ninth is refused.
    check("more clients than places are told so",
          eventually(lambda: b" 503 " in test.say(b"GET /metrics HTTP/1.1\r\n\r\n")[:40]))
    before = test.stats()["received"]
    check("meanwhile the worker goes on", eventually(lambda: test.stats()["received"] > before))
    for connection in [*silent, deaf]:
        connection.close()
    check("their places are free again",
          eventually(lambda: test.say(b"GET /metrics HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")))


def telemetry(test):
    paths = [f"{folder}/dpdk_telemetry.v2" for folder in RUNTIME]
    found = [path for path in paths if os.path.exists(path)]
    if not check("DPDK's telemetry socket is there", found, paths):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(30)
        connection.connect(found[0])
        connection.recv(65536)

        def ask(command):
            connection.send(command.encode())
            return json.loads(connection.recv(65536))[command.split(",")[0]]

        before, stats, after = test.stats(), ask("/sekisho/stats"), test.stats()
        check("/sekisho/stats", before["received"] <= stats["received"] <= after["received"] and stats["sent"] == 0, stats)
        check("/sekisho/flows", ask("/sekisho/flows")["conntrack_allowance_available"] == 65536)
        check("/sekisho/drops", ask("/sekisho/drops")["not_ip"] > 0)
        rules = ask("/sekisho/rules")
        check("/sekisho/rules", rules["0"]["rule"] == "g/r0" and rules["0"]["packets"] == 0 and len(rules) > 10)
        check("a page of rules", min(map(int, ask(f"/sekisho/rules,{RULES - 2}"))) == RULES - 2)
        for odd in (RULES, "x", "-1", "99999999999999999999999"):
            check(f"/sekisho/rules,{odd} is answered", ask(f"/sekisho/rules,{odd}") is not None)
        check("/sekisho/policy", ask("/sekisho/policy")["1"] == {"edge": "west", "generation": 1,
                                                                "semantics": "aws-like"})
        check("/sekisho/workers", ask("/sekisho/workers")["1"] > 0)
    program = shutil.which("dpdk-telemetry.py")
    if program:
        said = subprocess.run([program, "-f", PREFIX], input="/sekisho/policy\nquit\n", capture_output=True, text=True,
                              timeout=60)
        check("dpdk-telemetry.py shows it", '"aws-like"' in said.stdout, said.stdout + said.stderr)


def main():
    work = tempfile.mkdtemp()
    check("the checker of pages finds faults", checker_is_strict())
    test = Test(work)
    try:
        pages(test)
        hostile(test)
        telemetry(test)
        check("a clean stop", test.daemon.stop() == 0)
        check("conservation", re.search("conservation: .*: holds", test.daemon.log()), test.daemon.log()[-300:])
        check("the socket is gone", not os.path.exists(test.path))
        quiet = Daemon(BUILD, work, many_rules(1), f"eal: ['--file-prefix={PREFIX}']").start()
        check("all of it is off unless asked for", not os.path.exists(test.path) and
              not any(os.path.exists(f"{folder}/dpdk_telemetry.v2") for folder in RUNTIME))
        check("and stops as well", quiet.stop() == 0)
    finally:
        test.daemon.end()
        shutil.rmtree(work)
        for folder in RUNTIME:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if daemon.failed else 0)


main()

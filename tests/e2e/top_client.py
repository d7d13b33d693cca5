#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`sekisho top` at a terminal that keeps account of every place. usage: top_client.py BUILD"""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import daemon
from daemon import check
from played import INSIDE, Played, tcp, udp

BUILD = sys.argv[1]
PATIENCE = 30

POLICY = """version: 1
semantics: aws-like
endpoints:
  - {name: host, addresses: [198.51.100.2/32], groups: [g]}
groups:
  - name: g
    egress:
      - {id: all-out, protocol: all, to: [0.0.0.0/0]}
timeouts: {tcp_syn_sent: 600}
"""


class Screen:
    """What a VT100 shows. `outside` is what it was told to write where it has no place."""

    CODE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\x1b[()][A-Z0-9]|\x1b[=>78M]|[\x0e\x0f\x00\x07]|([\r\n\b])|([^\x1b])")

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.rest, self.outside = "", ""

    def feed(self, data):
        text = self.rest + data.decode(errors="replace")
        # A code that has not come whole waits for its end.
        cut = text.rfind("\x1b", max(0, len(text) - 12))
        if cut >= 0 and not self.CODE.match(text, cut):
            self.rest, text = text[cut:], text[:cut]
        else:
            self.rest = ""
        for code in self.CODE.finditer(text):
            if code[4]:
                self.write(code[4])
            elif code[3]:
                self.row += code[3] == "\n"
                self.column = 0 if code[3] == "\r" else max(0, self.column - (code[3] == "\b"))
            elif code[2]:
                self.control(code[2], [int(part or 0) for part in code[1].lstrip("?").split(";")])

    def write(self, sign):
        if self.row < self.rows and self.column < self.columns:
            self.cells[self.row][self.column] = sign
        else:
            self.outside += sign
        self.column += 1

    def control(self, letter, numbers):
        step = max(1, numbers[0])
        if letter == "H":
            self.row, self.column = step - 1, max(1, (numbers + [1])[1]) - 1
        elif letter in "AB":
            self.row += step if letter == "B" else -step
        elif letter in "CD":
            self.column = max(0, self.column + (step if letter == "C" else -step))
        elif letter == "K":
            self.blank(self.row, self.column if numbers[0] == 0 else 0,
                       self.column + 1 if numbers[0] == 1 else self.columns)
        elif letter == "J":
            if numbers[0] == 0:
                self.blank(self.row, self.column, self.columns)
            for row in range(self.row + 1 if numbers[0] == 0 else 0, self.rows):
                self.blank(row, 0, self.columns)

    def blank(self, row, first, last):
        if row < self.rows:
            self.cells[row][first:last] = [" "] * len(self.cells[row][first:last])

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


class Top:
    """`sekisho top` at a pseudo-terminal."""

    def __init__(self, test, term, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.master)
        environment = {**os.environ, "TERM": term, "LC_ALL": "C"}
        environment.pop("LINES", None)
        environment.pop("COLUMNS", None)
        self.process = subprocess.Popen([f"{BUILD}/app/sekisho/sekisho", "top", "--interval", "1s", "--socket",
                                         test.socket_path], stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)))
        os.close(slave)
        self.raw = b""

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen = Screen(rows, columns)

    def until(self, holds):
        """Show what comes until the screen is as wanted."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if holds(self.screen.text()):
                return True
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    data = os.read(self.master, 65536)
                except OSError:
                    data = b""
                if not data:
                    return holds(self.screen.text())
                self.raw += data
                self.screen.feed(data)
        return False

    def type(self, data):
        os.write(self.master, data)

    def ended(self):
        """Its exit code, and whether it left the terminal as it was."""
        status = self.process.wait(PATIENCE)
        now = termios.tcgetattr(self.master)
        os.close(self.master)
        return status, now == self.before


def is_whole(text):
    rows = text.split("\n")
    return (rows[0].startswith("sekisho ") and "packets/s" in rows[1] and re.search("flows +2 of 65.5k", text) and
            "worker 1" in text and "lan                inside" in text and re.search(r"5  no-rule +ingress", text) and
            "tcp 198.51.100.2:40001 > 203.0.113.9:443" in text)


def screens(test):
    top = Top(test, "vt100")
    check("all is there on 24 x 80", top.until(is_whole), top.screen.text())
    check("within its bounds", top.screen.outside == "", top.screen.outside)
    loops = re.search(r"loops/s (\S+)", top.screen.text())[1]
    check("it is shown anew", top.until(lambda text: re.search(r"loops/s (\S+)", text)[1] != loops), top.screen.text())
    top.size(9, 60)
    check("a screen that shrinks", top.until(lambda text: text.startswith("sekisho ") and "no-rule" not in text and
                                             "PORT" in text), top.screen.text())
    top.size(40, 132)
    check("and grows", top.until(is_whole), top.screen.text())
    check("within its bounds again", top.screen.outside == "", top.screen.outside)
    top.type(b"q")
    check("q ends it, the terminal is as before", top.ended() == (0, True))
    top = Top(test, "vt100")
    check("another", top.until(is_whole), top.screen.text())
    top.type(b"\x03")
    check("so does SIGINT", top.ended() == (0, True))
    top = Top(test, "vt100", 1, 1)
    check("the smallest screen", top.until(lambda text: text == "s"), top.screen.text())
    top.process.send_signal(signal.SIGTERM)
    check("SIGTERM ends it as well", top.ended() == (0, True))


def lines(test):
    for term in ("dumb", "", "no-such-terminal"):
        top = Top(test, term)
        check(f"lines where TERM is '{term}'", top.until(lambda text: "flows 2, new/s" in text and
                                                          "most drops: no-rule" in text), top.screen.text())
        check("without codes", b"\x1b" not in top.raw, top.raw)
        top.type(b"\x03")
        check("SIGINT ends them", top.ended() == (0, True))
    with subprocess.Popen([f"{BUILD}/app/sekisho/sekisho", "top", "--socket", test.socket_path, "--interval", "1s"],
                          stdout=subprocess.PIPE) as piped:
        check("lines into a pipe", b"most drops: no-rule" in piped.stdout.readline() and piped.stdout.readline())
        piped.stdout.close()
        check("and an end when nobody reads them", piped.wait(PATIENCE) == 0)
    with subprocess.Popen([f"{BUILD}/app/sekisho/sekisho", "top", "-o", "json", "--socket", test.socket_path,
                           "--interval", "1s"], stdout=subprocess.PIPE) as piped:
        line = json.loads(piped.stdout.readline())
        check("as JSON: counters, rates and drops", line["flows"]["now"] == 2 and
              line["per_second"] == {"received": 0, "sent": 0, "dropped": 0, "flows_created": 0} and
              line["drops"][0]["reason"] == "no-rule", line)
        piped.stdout.close()
        check("which end as well", piped.wait(PATIENCE) == 0)


def main():
    work = tempfile.mkdtemp()
    egress = [tcp(INSIDE, 40001, "203.0.113.9", 443, 2), tcp(INSIDE, 40000, "203.0.113.9", 443, 2)]
    test = Played(BUILD, work, POLICY, egress, [udp("203.0.113.7", 9, INSIDE, 9)] * 5)
    try:
        test.start()
        screens(test)
        lines(test)
        top = Top(test, "vt100")
        check("once more", top.until(lambda text: text.startswith("sekisho ")), top.screen.text())
        check("a clean stop of the daemon", test.stop() == 0)
        top.until(lambda text: "does not answer any more" in text)
        check("is told, on a sane terminal", top.ended() == (3, True) and b"does not answer any more" in top.raw, top.raw[-200:])
        check("without a daemon", subprocess.run([f"{BUILD}/app/sekisho/sekisho", "top", "--socket", f"{work}/none"],
                                                 capture_output=True).returncode == 3)
    finally:
        test.end()
        shutil.rmtree(work)
    sys.exit(1 if daemon.failed else 0)


main()

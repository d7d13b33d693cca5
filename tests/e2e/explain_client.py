#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks why packets pass, without a daemon and of one that it starts. usage: explain_client.py BUILD"""
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import daemon
from daemon import check
from played import FOUNDING, IKE, INSIDE, PEER, capture, checksum, Played, udp

BUILD = sys.argv[1]
CROSSING = f"udp {PEER}:500 > {INSIDE}:500 ike=init"


def sekisho(*arguments):
    said = subprocess.run([f"{BUILD}/app/sekisho/sekisho", *arguments], capture_output=True, text=True, timeout=60)
    return said.returncode, said.stdout, said.stderr


def explained(*arguments):
    status, out, _ = sekisho("explain", "-o", "json", *arguments)
    return status, json.loads(out)


def changes(explanation):
    return {change["if"].split(" (")[0]: (change["verdict"], change["reason"]) for change in explanation["would_change"]}


def offline(work):
    paths = {}
    for semantics in ("aws-like", "strict"):
        paths[semantics] = f"{work}/{semantics}.yaml"
        with open(paths[semantics], "w") as file:
            file.write(FOUNDING % semantics)
    history = f"{work}/history.pcap"
    capture(history, [udp(INSIDE, 500, PEER, 500, IKE)])

    status, said = explained("--policy", paths["aws-like"], CROSSING)
    check("alone it drops: exit 1, no-rule", (status, said["reason"], said["phase"]) == (1, "no-rule", "rules"), said)
    check("the nearest rule would admit it if it were wider, which was tried", changes(said) ==
          {"rule vpn/esp-in": ("pass", "rule-match")}, said["would_change"])
    status, said = explained("--policy", paths["aws-like"], "--after", history, CROSSING)
    check("after our own it passes: exit 0, flow-answer", (status, said["reason"], said["phase"]) ==
          (0, "flow-answer", "flow"), said)
    check("under our rule, with its place", (said["rule"], said["at"]) == ("vpn/all-out", f"{paths['aws-like']}:10"), said)
    check("the flow's life", said["flow"]["opened_by"]["egress"]["packet"] == 1 and said["flow"]["opener"] == "egress" and
          said["flow"]["expires_ms"] == 30000, said["flow"])
    check("without it, and under strict", changes(said) == {"there were no flow": ("drop", "no-rule"),
          "the semantics were strict": ("drop", "no-proof-ike")}, said["would_change"])
    check("29 s later it still passes", explained("--policy", paths["aws-like"], "--after", history,
                                                  "--later", "29s", CROSSING)[0] == 0)
    status, said = explained("--policy", paths["aws-like"], "--after", history, "--later", "31s", CROSSING)
    check("31 s later no more: the flow has expired", (status, said["reason"], said["flow"]["live"]) ==
          (1, "no-rule", False), said)
    status, said = explained("--policy", paths["strict"], "--after", history, CROSSING)
    check("under strict: no-proof-ike, by the proof", (status, said["reason"], said["phase"], said["clauses"]) ==
          (1, "no-proof-ike", "proof", ["STRICT-33"]), said)
    check("under aws-like it would pass", changes(said)["the semantics were aws-like"] == ("pass", "flow-answer"), said)
    status, out, _ = sekisho("explain", "--policy", paths["aws-like"], "--after", history, CROSSING)
    check("in words", status == 0 and "open only because of the egress packet 1 under rule vpn/all-out" in out and
          "until 30.0 s from now" in out and out.count("\n> ") == 1, out)
    status, said = explained("--policy", paths["strict"], f"udp {INSIDE}:9 > {PEER}:9")
    check("without its rule it would not", changes(said)["there were no rule vpn/all-out"] == ("drop", "no-rule"), said)
    ours = f"udp {INSIDE}:500 > {PEER}:500 ike=init"
    check("packets before the last happen", explained("--policy", paths["aws-like"], ours, "+29s", CROSSING)[0] == 0 and
          explained("--policy", paths["aws-like"], ours, "+30s", CROSSING)[0] == 1)
    check("a time that is none: exit 2", sekisho("explain", "--policy", paths["aws-like"], "+soon", CROSSING)[0] == 2)
    for wrong in ("udp 1.2.3.4", "udp nobody:1 > 1.2.3.4:2", "tcp 1.2.3.4:1 > 1.2.3.5:2 flags=Q", ""):
        status, out, complaint = sekisho("explain", "--policy", paths["strict"], wrong)
        check(f"'{wrong}' is no packet: exit 2, with the column", status == 2 and "column" in complaint and not out, complaint)
    check("no daemon: exit 3", sekisho("explain", "--socket", f"{work}/none", CROSSING)[0] == 3)
    check("--after without --policy: exit 2", sekisho("explain", "--after", history, CROSSING)[0] == 2)


def following(work):
    """STRICT-40: ESP passes by an IKE SA of its pair, with no flow of its own."""
    policy = f"{work}/following.yaml"
    with open(policy, "w") as file:
        file.write("version: 1\nsemantics: strict\nstrict: {esp: follows-ike}\n"
                   f"endpoints: [{{name: gateway, addresses: [{INSIDE}], groups: [vpn]}}]\n"
                   f"groups: [{{name: vpn, egress: [{{id: ike-out, protocol: udp, ports: 500, to: [{PEER}]}}]}}]\n")
    asked = [f"udp {INSIDE}:500 > {PEER}:500 ike=init", f"udp {PEER}:500 > {INSIDE}:500 ike=answer"]
    for what, source, destination, reason in [("in", PEER, INSIDE, "flow-answer"), ("out", INSIDE, PEER, "flow-originator")]:
        esp = f"esp {source} > {destination}"
        check(f"ESP {what} without an SA drops", explained("--policy", policy, esp)[1]["reason"] == "no-rule")
        check(f"ESP {what} follows the SA", explained("--policy", policy, *asked, "+599s", esp)[1]["reason"] == reason)
        _, out, _ = sekisho("explain", "--policy", policy, *asked, esp)
        check("in words: no flow, but an IKE SA, and no time that a flow would have",
              "no flow; but an IKE SA of its address pair is alive" in out and "until" not in out, out)


FIRST = f"udp {INSIDE}:500 > {PEER}:500 len=24 more ipid=7"
LATER = f"udp {INSIDE} > {PEER} len=16 offset=32 ipid=7"


def fragments(work):
    policy = f"{work}/aws-like.yaml"
    for what, packets, expected in [
            ("goes the way of the first", [FIRST, LATER], (0, "flow-originator", "fragment")),
            ("waits for the first", [LATER], (1, "fragment-held", "fragment")),
            ("is dropped as the first was", [FIRST.replace("500", "1").replace(f"{INSIDE}:1 > {PEER}:1", f"{PEER}:1 > {INSIDE}:1"),
                                             LATER.replace(f"{INSIDE} > {PEER}", f"{PEER} > {INSIDE}")],
             (1, "fragment-refused", "fragment")),
            ("of another datagram is none of its", [FIRST, LATER.replace("ipid=7", "ipid=8")],
             (1, "fragment-held", "fragment")),
            ("that overlaps is dropped", [FIRST, LATER.replace("offset=32", "offset=24")],
             (1, "fragment-overlap", "fragment")),
            ("is forgotten after its time", [FIRST, "+31s", LATER], (1, "fragment-held", "fragment"))]:
        status, said = explained("--policy", policy, *packets)
        check(f"a later fragment {what}", (status, said["reason"], said["phase"]) == expected, said)
    _, out, _ = sekisho("explain", "--policy", policy, FIRST, LATER)
    check("in words: what of its datagram has come",
          "> fragment  a later fragment, without ports, which goes the way of the first; of its datagram 1 fragment has come, "
          "the first was judged rule-match; remembered for another 30.0 s\n" in out, out)


def live_fragments(work):
    frame = bytearray(udp(INSIDE, 500, PEER, 500, bytes(24)))
    frame[18:22] = bytes([0, 7, 0x20, 0])
    frame[24:26] = bytes(2)
    frame[24:26] = checksum(frame[14:34]).to_bytes(2, "big")
    test = Played(BUILD, work, FOUNDING % "aws-like", [bytes(frame)])
    try:
        test.start()
        for _ in range(400):
            if test.client().call("stats")["result"]["received"] == 1:
                break
            time.sleep(0.05)
        said = test.cli("explain", "-o", "json", LATER)
        check("a live daemon knows the first", said.returncode == 0 and
              json.loads(said.stdout)["reason"] == "flow-originator", said)
        check("a clean stop", test.stop() == 0 and "holds" in test.log(), test.log()[-300:])
    finally:
        test.end()


def witnesses(work):
    """Each command that compare --witness prints ends in the verdict that it was printed with."""
    _, out, _ = sekisho("compare", "--a", f"{work}/aws-like.yaml", "--b", f"{work}/strict.yaml", "--witness")
    told, agree = [], []
    for line in out.splitlines():
        words = line.split()
        if words[:1] in (["a"], ["b"]):
            told.append(words[4].rstrip(":"))
        elif words[:1] == ["explain:"]:
            _, said = explained(*shlex.split(line)[3:])
            agree.append(said["reason"] == told[len(agree)])
    check(f"{len(agree)} explanations of witnesses agree", len(agree) == len(told) > 10 and all(agree), (told, agree))


def live(work):
    test = Played(BUILD, work, FOUNDING % "aws-like", [udp(INSIDE, 500, PEER, 500, IKE)])
    try:
        test.start()
        client = test.client()
        for _ in range(400):
            if client.call("stats")["result"]["received"] == 1:
                break
            time.sleep(0.05)
        before = client.call("stats")["result"]
        said = test.cli("explain", "-o", "json", CROSSING)
        explanation = json.loads(said.stdout)
        check("by the daemon's state it passes: exit 0", said.returncode == 0 and explanation["reason"] == "flow-answer" and
              explanation["edge"] == "lan", said)
        check("it knows when", 0 < explanation["flow"]["expires_ms"] <= 30000 and
              explanation["flow"]["age_ms"] + explanation["flow"]["expires_ms"] == 30000, explanation["flow"])
        check("what of that it tells", changes(explanation)["there were no flow"] == ("drop", "no-rule"), explanation)
        check("another port: exit 1", test.cli("explain", f"udp {PEER}:4500 > {INSIDE}:4500").returncode == 1)
        check("an edge that is none: exit 4", test.cli("explain", "--edge", "wan", CROSSING).returncode == 4)
        for frame in ("", "zz", "0", "00" * 9217, 7, None):
            answer = client.call("explain", frame=frame)
            check(f"frame {str(frame)[:9]!r} is refused", daemon.code(answer) == -32602, answer)
        check("a frame of one byte is explained", client.call("explain", frame="00")["result"]["reason"] == "truncated")
        for _ in range(50):
            gone = test.client()
            gone.send("explain", frame="00" * 60)
            gone.close()
        after = client.call("stats")["result"]
        check("asking changes nothing", after == dict(before, **{k: after[k] for k in after if k.endswith("_ms")}),
              (before, after))
        start = time.monotonic()
        for _ in range(20):
            client.call("explain", frame=udp(PEER, 500, INSIDE, 500, IKE).hex())
        print(f"      an explanation takes {(time.monotonic() - start) / 20 * 1000:.1f} ms")
        client.close()
        check("a clean stop", test.stop() == 0 and "holds" in test.log(), test.log()[-300:])
    finally:
        test.end()


def main():
    work = tempfile.mkdtemp()
    try:
        offline(work)
        fragments(work)
        following(work)
        live_fragments(work)
        witnesses(work)
        live(work)
    finally:
        shutil.rmtree(work)
    sys.exit(1 if daemon.failed else 0)


main()

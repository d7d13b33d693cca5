#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Commits to a sekishod that it starts, kills and starts again. usage: commit_client.py BUILD [--long]"""
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time

import daemon
from daemon import Client, Daemon, check, code, many_rules

BUILD, LONG = sys.argv[1], "--long" in sys.argv[2:]
BUSY, PENDING, CHANGED, REFUSED, PARAMS, STATE = -32006, -32007, -32008, -32002, -32602, -32009

OLD = many_rules(2, 80)
NEW = many_rules(3, 443)
OTHER = many_rules(1, 22)
BAD = OLD.replace("tcp", "tcq")


class Test:
    """A fresh daemon in a folder of its own, with a state directory unless told otherwise."""

    def __init__(self, policy=OLD, state=True):
        self.work = tempfile.mkdtemp()
        more = f"audit: {self.work}/audit\n" + (f"state: {self.work}/lib/state\n" if state else "")
        self.daemon = Daemon(BUILD, self.work, policy, more)

    def __enter__(self):
        return self.daemon.start()

    def __exit__(self, *_):
        self.daemon.end()
        shutil.rmtree(self.work)


def generation(client, edge=0):
    return client.call("status")["result"]["edges"][edge]["generation"]


def history(client):
    return client.call("policy.history")["result"]["revisions"]


def audit(live):
    with open(f"{live.work}/audit") as file:
        return [json.loads(line) for line in file]


def state_files(live):
    """What is in the state directory, byte for byte, but the flows, which are saved now and then."""
    found = {}
    for name in os.listdir(f"{live.work}/lib/state"):
        if name.startswith("flows.image"):
            continue
        with open(f"{live.work}/lib/state/{name}", "rb") as file:
            found[name] = file.read()
    return found


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def commit_and_history():
    with Test() as live:
        client = live.client()
        first = history(client)
        check("the policy that it starts with is in the history",
              [(r["generation"], r["event"], r["outcome"]) for r in first] == [(1, "start", "confirmed")], first)
        answer = client.call("policy.commit", name="new.yaml", text=NEW)
        check("a commit is the next generation", answer["result"]["generation"] == 2, answer)
        check("and is in force", client.text() == NEW and generation(client) == generation(client, 1) == 2)
        row = history(client)[0]
        check("the history says who", (row["uid"], row["pid"]) == (os.getuid(), os.getpid()), row)
        check("when", abs(row["time"] - time.time()) < 5, row)
        check("what, by its digest", row["sha256"] == hashlib.sha256(NEW.encode()).hexdigest(), row)
        check("what differs", row["diff"] == {"added": 1, "removed": 0, "changed": 2, "settings": False}, row)
        check("and where it is in force", row["in_force"] == ["east", "west"], row)
        before = state_files(live)
        answer = client.call("policy.commit", name="bad.yaml", text=BAD)
        check("a bad policy is refused with its place", code(answer) == REFUSED and
              "bad.yaml:8:" in answer["error"]["data"]["errors"], answer)
        check("and changes nothing", client.text() == NEW and generation(client) == 2 and
              len(history(client)) == 2 and state_files(live) == before)
        answer = client.call("policy.commit", name="x", text=OTHER, if_generation=1)
        check("a commit for another generation is refused", code(answer) == CHANGED and
              answer["error"]["data"]["generation"] == 2 and client.text() == NEW, answer)
        answer = client.call("policy.commit", name="x", text=OTHER, if_generation=2)
        check("one for the right one is made", answer["result"]["generation"] == 3, answer)
        for name, value in (("confirm_ms", 999), ("confirm_ms", 86400001), ("confirm_ms", "1s"),
                            ("confirm_ms", True), ("if_generation", 0), ("if_generation", "2")):
            answer = client.call("policy.commit", name="x", text=OTHER, **{name: value})
            check(f"{name} is not {value!r}", code(answer) == PARAMS, answer)
        events = [(r["event"], r["uid"], r["pid"], r["revision"]["generation"]) for r in audit(live)]
        check("each change is in the audit file, and nothing else",
              events == [("commit", os.getuid(), os.getpid(), g) for g in (2, 3)], events)


def confirm():
    with Test() as live:
        client = live.client()
        answer = client.call("policy.commit", name="new.yaml", text=NEW, confirm_ms=3000)
        check("a commit waits for its confirmation", answer["result"]["outcome"] == "pending" and
              answer["result"]["confirm_ms"] == 3000 and client.text() == NEW, answer)
        check("status says so", 0 < client.call("status")["result"]["pending"]["confirm_in_ms"] <= 3000)
        for method, params in (("policy.commit", {"name": "x", "text": OTHER}),
                               ("policy.commit", {"name": "x", "text": OTHER, "edge": "west"}),
                               ("policy.rollback", {"generation": 1})):
            answer = client.call(method, **params)
            check(f"meanwhile another {method} is refused", code(answer) == PENDING, answer)
        check("unconfirmed, it goes back by itself", wait_for(lambda: client.text() == OLD, 20) and
              generation(client) == 1)
        check("the history tells", [r["outcome"] for r in history(client)] == ["withdrawn", "confirmed"])
        last = audit(live)[-1]
        check("so does the audit file", (last["event"], last["pid"]) == ("expire", live.process.pid), last)
        check("a confirmation is too late then", code(client.call("policy.confirm")) == PENDING)
        client.call("policy.commit", name="new.yaml", text=NEW, confirm_ms=3000)
        check("another generation cannot be confirmed", code(client.call("policy.confirm", generation=2)) == CHANGED)
        answer = client.call("policy.confirm", generation=3)
        check("the right one can", answer["result"]["outcome"] == "confirmed", answer)
        time.sleep(3.2)
        check("and stays", client.text() == NEW and client.call("status")["result"]["pending"] is None)
        client.call("policy.commit", name="other.yaml", text=OTHER, confirm_ms=60000)
        answer = client.call("policy.rollback")
        check("a rollback takes back at once what waits", answer["result"] == {"generation": 3, "withdrawn": 4} and
              client.text() == NEW, answer)
        events = [r["event"] for r in audit(live)]
        check("all of it is audited", events == ["commit", "expire", "commit", "confirm", "commit", "withdraw"], events)
        check("by its author", (audit(live)[-1]["uid"], audit(live)[-1]["pid"]) == (os.getuid(), os.getpid()))


def rollback():
    with Test() as live:
        client = live.client()
        check("there is no earlier policy at first", code(client.call("policy.rollback")) == PARAMS)
        client.call("policy.commit", name="new.yaml", text=NEW)
        client.call("policy.commit", name="other.yaml", text=OTHER)
        answer = client.call("policy.rollback")
        check("a rollback is a generation of its own", answer["result"]["generation"] == 4 and
              answer["result"]["origin"] == 2 and client.text() == NEW, answer)
        client.call("policy.rollback")
        check("another undoes it", client.text() == OTHER)
        client.call("policy.rollback", generation=1)
        check("or goes to any generation of the history", client.text() == OLD)
        check("but to no other", code(client.call("policy.rollback", generation=99)) == PARAMS)
        answer = client.call("policy.rollback", generation=2, if_generation=3)
        check("it too is for the generation that was seen", code(answer) == CHANGED, answer)
        client.call("policy.rollback", generation=2, confirm_ms=2000)
        check("and may wait for its confirmation", client.text() == NEW)
        check("without which it is undone", wait_for(lambda: client.text() == OLD, 20))


def one_edge():
    with Test() as live:
        client = live.client()
        client.call("policy.commit", name="west.yaml", text=NEW, edge="west")
        check("a commit to one edge is that edge's own", client.text(edge="east") == OLD and
              client.text(edge="west") == NEW)
        client.call("policy.commit", name="common.yaml", text=OTHER)
        check("which the common policy does not touch", client.text(edge="east") == OTHER and
              client.text(edge="west") == NEW)
        answer = client.call("policy.rollback", generation=3, edge="west")
        check("nor does it go back to a common one by number", code(answer) == PARAMS, answer)
        check("an edge without its own cannot roll back", code(client.call("policy.rollback", edge="east")) == PARAMS)
        live.stop()
        client = live.start().client()
        check("a restart finds both", client.text(edge="east") == OTHER and client.text(edge="west") == NEW)
        client.call("policy.rollback", edge="west", confirm_ms=2000)
        check("undone, the edge follows the common policy again", client.text(edge="west") == OTHER)
        check("unless that is not confirmed", wait_for(lambda: client.text(edge="west") == NEW, 20))
        client.call("policy.rollback", edge="west")
        client.call("policy.commit", name="common.yaml", text=OLD)
        check("then commits reach it", client.text(edge="west") == OLD)
        live.stop()
        client = live.start().client()
        check("also after a restart", client.text(edge="west") == OLD and
              not client.call("status")["result"]["edges"][1]["own_policy"])


def command_line():
    with Test() as live:
        path = f"{live.work}/candidate.yaml"
        with open(path, "w") as file:
            file.write(NEW)
        result = live.cli("commit", "--confirm", "20s", path)
        check("sekisho commit --confirm", result.returncode == 0 and "committed, generation 2\n" in result.stdout and
              "1 added" in result.stdout and "taken back in 20 s" in result.stdout, result)
        check("refused while one waits: exit 4", live.cli("commit", path).returncode == 4)
        check("sekisho confirm", live.cli("confirm", "2").stdout == "confirmed, generation 2\n")
        check("nothing more to confirm: exit 4", live.cli("confirm").returncode == 4)
        check("--if-generation of the past: exit 4", live.cli("commit", "--if-generation", "1", path).returncode == 4)
        result = live.cli("rollback", "-o", "json")
        check("sekisho rollback -o json", json.loads(result.stdout)["origin"] == 1, result)
        rows = [json.loads(line) for line in live.cli("history", "-o", "json").stdout.splitlines()]
        check("sekisho history -o json", [r["generation"] for r in rows] == [3, 2, 1], rows)
        table = live.cli("history").stdout.splitlines()
        check("sekisho history", len(table) == 4 and "rollback" in table[1] and "candidate.yaml" in table[2], table)
        check("sekisho policy gives it back", live.cli("policy").stdout == OLD)
        check("a time that is none: exit 2", live.cli("commit", "--confirm", "soon", path).returncode == 2)
        check("a generation that is none: exit 2", live.cli("rollback", "last").returncode == 2)
        with open(path, "w") as file:
            file.write(BAD)
        check("an invalid policy: exit 1", live.cli("commit", path).returncode == 1 and live.cli("policy").stdout == OLD)


def restarts():
    with Test() as live:
        client = live.client()
        client.call("policy.commit", name="new.yaml", text=NEW)
        client.call("policy.commit", name="other.yaml", text=OTHER, confirm_ms=60000)
        live.stop(signal.SIGKILL)
        client = live.start().client()
        check("a restart finds the last confirmed policy", client.text() == NEW and generation(client) == 2)
        check("what was not confirmed is withdrawn", history(client)[0]["outcome"] == "withdrawn" and
              "was not confirmed before the daemon ended" in live.log() and
              audit(live)[-1]["event"] == "expire", history(client))
        answer = client.call("policy.commit", name="x", text=OTHER)
        check("generations go on", answer["result"]["generation"] == 4, answer)
        live.stop()
        for text in (BAD, NEW):
            with open(live.policy_path, "w") as file:
                file.write(text)
            client = live.start().client()
            check("a policy file that was edited meanwhile is not read", client.text() == OTHER)
            check("which is told", "generation 4 of the state directory is in force" in live.log(), live.log())
            live.stop()
        client = live.start().client()
        client.call("policy.rollback", generation=1)
        check("a rollback reads its text from the disk", client.text() == OLD)
        try:
            second = Daemon(BUILD, tempfile.mkdtemp(dir=live.work), OLD, f"state: {live.work}/lib/state")
            second.start()
            check("the directory has one daemon", False, "a second one started")
        except RuntimeError as error:
            check("the directory has one daemon", "another daemon uses it" in str(error), error)
        finally:
            second.end()


def first_start():
    """Nothing was committed yet: the file counts, and each edition of it is a generation."""
    with Test() as live:
        live.stop()
        client = live.start().client()
        check("the same file is the same generation", generation(client) == 1)
        live.stop()
        with open(live.policy_path, "w") as file:
            file.write(NEW)
        client = live.start().client()
        check("another text is the next", client.text() == NEW and generation(client) == 2)
        client.call("policy.rollback")
        check("and the former can be gone back to", client.text() == OLD)


def damaged_state():
    def damage(how):
        with Test() as live:
            client = live.client()
            client.call("policy.commit", name="new.yaml", text=NEW)
            live.stop()
            how(f"{live.work}/lib/state/")
            client = live.start().client()
            check(f"{how.__doc__}: the policy file is used, and why is told",
                  client.text() == OLD and "ignored: " in live.log(), live.log())
            client.call("policy.commit", name="new.yaml", text=NEW)
            live.stop()
            client = live.start().client()
            check("and commits are kept again", client.text() == NEW, live.log())

    def cut(path):
        """a history that is cut off"""
        os.truncate(path + "history.json", os.path.getsize(path + "history.json") // 2)

    def emptied(path):
        """an empty history"""
        os.truncate(path + "history.json", 0)

    def strange(path):
        """a history of another version"""
        with open(path + "history.json", "w") as file:
            file.write('{"version":7}')

    def forged(path):
        """a text that is not the one that was committed"""
        with open(path + hashlib.sha256(NEW.encode()).hexdigest() + ".yaml", "a") as file:
            file.write("# \n")

    def lost(path):
        """a text that is gone"""
        os.unlink(path + hashlib.sha256(NEW.encode()).hexdigest() + ".yaml")

    for how in (cut, emptied, strange, forged, lost):
        damage(how)


def full_disk():
    with Test() as live:
        client = live.client()
        client.call("policy.commit", name="new.yaml", text=NEW)
        # The directory loses its place for files: a folder stands where the history is to be written.
        os.mkdir(f"{live.work}/lib/state/history.json.new")
        open(f"{live.work}/lib/state/history.json.new/x", "w").close()
        answer = client.call("policy.commit", name="other.yaml", text=OTHER)
        check("what cannot be kept is not committed", code(answer) == STATE and client.text() == NEW and
              generation(client) == 2 and len(history(client)) == 2, answer)
        shutil.rmtree(f"{live.work}/lib/state/history.json.new")
        client.call("policy.commit", name="other.yaml", text=OTHER, confirm_ms=3000)
        os.mkdir(f"{live.work}/lib/state/history.json.new")
        open(f"{live.work}/lib/state/history.json.new/x", "w").close()
        answer = client.call("policy.confirm")
        check("nor confirmed", code(answer) == STATE and client.text() == OTHER, answer)
        check("so it goes back in time", wait_for(lambda: client.text() == NEW, 20))
        live.stop()
        check("and a restart agrees", live.start().client().text() == NEW)


def without_a_state_directory():
    with Test(state=False) as live:
        client = live.client()
        client.call("policy.commit", name="new.yaml", text=NEW)
        client.call("policy.commit", name="other.yaml", text=OTHER, confirm_ms=2000)
        check("the way back needs no disk", wait_for(lambda: client.text() == NEW, 20))
        client.call("policy.rollback", generation=1)
        check("nor does a rollback", client.text() == OLD)
        client.call("policy.rollback", generation=2)
        live.stop()
        check("a restart reads the policy file", live.start().client().text() == OLD)


def settled(client):
    """No change is under way any more."""
    return code(client.call("policy.confirm", generation=2 ** 32 - 1)) != BUSY


def off_the_path():
    with Test() as live:
        client, other, third = live.client(), live.client(), live.client()
        client.stage(many_rules(100000))
        client.send("policy.commit", name="big.yaml", progress=True)
        start, slowest, beats, refusal, told = time.monotonic(), 0, set(), None, []
        client.socket.setblocking(False)
        answer = None
        while answer is None and time.monotonic() - start < 120:
            asked = time.monotonic()
            workers = other.call("status")["result"]["workers"]
            slowest = max(slowest, time.monotonic() - asked)
            beats.add(workers[0]["heartbeat"])
            refusal = refusal or code(third.call("policy.commit", name="x", text=NEW))
            time.sleep(0.01)
            answer = client.file.readline() or None
            if answer is not None and b"policy.progress" in answer:
                told.append(json.loads(answer)["params"])
                answer = None
        took = time.monotonic() - start
        client.socket.setblocking(True)
        check("another commit meanwhile is refused", refusal == BUSY, refusal)
        check(f"nobody waits while 100000 rules are built in {took:.2f} s: the slowest answer took {slowest:.3f} s",
              answer is not None and "result" in json.loads(answer) and slowest < took / 3, answer)
        check("nor does a worker", len(beats) > took / 0.1, len(beats))
        elapsed = [0] + [t["elapsed_ms"] for t in told]
        gaps = [later - sooner for sooner, later in zip(elapsed, elapsed[1:])]
        check(f"who wants to hear how far it is hears it each second: {len(told)} times in {took:.2f} s",
              (told or took < 3) and statistics.median(gaps or [0]) < 1500 and all(t["stage"] in ("reading", "compiling", "saving") for t in told) and
              all(t["rules"] == 100000 for t in told if t["stage"] == "compiling"), told)


def killed_clients():
    big = many_rules(10000)
    rounds = 60 if LONG else 12
    with Test() as live:
        client = live.client()
        client.stage(big)
        start = time.monotonic()
        client.call("policy.commit", name="big.yaml")
        took = time.monotonic() - start
        client.call("policy.rollback")
        kept = 0
        for i in range(rounds):
            child = os.fork()
            if child == 0:
                one = live.client()
                one.stage(big)
                one.send("policy.commit", name="big.yaml", confirm_ms=60000)
                open(f"{live.work}/sent{i}", "w").close()
                time.sleep(60)
            wait_for(lambda: os.path.exists(f"{live.work}/sent{i}"), 20)
            if i < rounds - 1:
                time.sleep(took * 1.5 * i / rounds)
            else: # on a slow machine no earlier one may be late enough
                wait_for(lambda: client.call("status")["result"]["pending"] is not None, 60)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            wait_for(lambda: settled(client), 30)
            text, waits = client.text(), client.call("status")["result"]["pending"] is not None
            if text != (big if waits else OLD):
                check(f"a client that was killed left the old or the new (round {i})", False, len(text))
                return
            kept += waits
            if waits:
                client.call("policy.rollback")
        check(f"of {rounds} clients killed in their commit {rounds - kept} left the old, {kept} the new",
              0 < kept < rounds)
        child = os.fork()
        if child == 0:
            live.client().call("policy.commit", name="new.yaml", text=NEW, confirm_ms=3000)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        check("a client that is killed with -9 does not stop the way back", client.text() == NEW and
              wait_for(lambda: client.text() == OLD, 20))


def killed_daemons():
    texts = [many_rules(3000, 1), many_rules(3000, 2)]
    rounds = 200 if LONG else 16
    with Test(texts[0]) as live:
        client = live.client()
        client.stage(texts[1])
        start = time.monotonic()
        client.call("policy.commit", name="p.yaml")
        took = time.monotonic() - start
        olds = news = 0
        for i in range(rounds):
            before = client.text()
            after = texts[before == texts[0]]
            client.stage(after)
            client.send("policy.commit", name="p.yaml")
            if i < rounds - 1: # the last is killed once it has answered: no earlier one may be late enough
                time.sleep(took * 1.3 * random.random() if LONG else took * 1.3 * i / rounds)
                client.socket.setblocking(False)
            answered = client.file.readline()
            live.stop(signal.SIGKILL)
            client.close()
            client = live.start().client()
            found = client.text()
            newest = next(r for r in history(client) if r["outcome"] == "confirmed")
            if found not in ([after] if answered else [before, after]) or \
                    newest["sha256"] != hashlib.sha256(found.encode()).hexdigest() or "ignored" in live.log():
                check(f"a daemon that was killed has the old or the new (round {i})", False, live.log())
                return
            olds += found == before
            news += found == after
        check(f"of {rounds} daemons killed in a commit {olds} came back with the old, {news} with the new",
              olds > 0 and news > 0)


for test in (commit_and_history, confirm, rollback, one_edge, command_line, restarts, first_start, damaged_state,
             full_disk, without_a_state_directory, off_the_path, killed_clients, killed_daemons):
    print(f"-- {test.__name__.replace('_', ' ')}", flush=True)
    test()
sys.exit(1 if daemon.failed else 0)

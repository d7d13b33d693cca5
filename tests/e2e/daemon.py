# SPDX-License-Identifier: BSD-3-Clause
"""A sekishod on ports that need no privilege, and clients of its control socket. For tests to import."""
import json
import os
import signal
import socket
import subprocess
import time

failed = 0


def check(name, good, detail=""):
    """Say whether something that must hold does; `failed` counts what does not."""
    global failed
    failed += not good
    print(("pass" if good else "FAIL") + ": " + name + ("" if good else f" ({detail})"), flush=True)
    return good


def code(answer):
    """The code of an answer that is an error."""
    return ((answer or {}).get("error") or {}).get("code")


class Client:
    """One connection; every method's answer is given whole."""

    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # waits while the daemon has more to accept than it may keep
        self.socket.settimeout(timeout)
        self.file = self.socket.makefile("rb")
        self.hello = self.line()

    def line(self):
        text = self.file.readline()
        return json.loads(text) if text else None

    def send(self, method, **params):
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def call(self, method, **params):
        self.send(method, **params)
        return self.line()

    def stage(self, text):
        offset = 0
        for start in range(0, len(text), 30000):
            part = text[start:start + 30000]
            answer = self.call("policy.stage", offset=offset, text=part)
            assert "result" in answer, answer
            offset += len(part.encode())

    def text(self, **params):
        """The text of the policy in force."""
        text = ""
        while True:
            result = self.call("policy.get", offset=len(text.encode()), **params)["result"]
            text += result["text"]
            if len(text.encode()) >= result["length"]:
                return text

    def close(self):
        self.file.close()
        self.socket.close()


class Daemon:
    """The daemon with two edges that lead nowhere. `more` are lines of its appliance file."""

    def __init__(self, build, work, policy, more=""):
        self.program, self.work = f"{build}/app/sekishod/sekishod", work
        self.cli_program = f"{build}/app/sekisho/sekisho"
        self.socket_path, self.log_path = f"{work}/s.sock", f"{work}/log"
        self.policy_path, self.process = f"{work}/policy.yaml", None
        with open(self.policy_path, "w") as file:
            file.write(policy)
        with open(f"{work}/sekisho.yaml", "w") as file:
            file.write(f"""version: 1
policy: policy.yaml
edges:
  - {{name: east, inside: {{device: net_null0}}, outside: {{device: net_null1}}}}
  - {{name: west, inside: {{device: net_null2}}, outside: {{device: net_null3}}}}
workers: [1]
memory: {{flows: 65536, hugepages: no}}
control: {{socket: {self.socket_path}, readonly_socket: {work}/ro.sock}}
{more}
""")

    def start(self):
        """Start it, with an empty log. The log says why when it does not come up."""
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([self.program, "-c", f"{self.work}/sekisho.yaml"], stderr=log)
        for _ in range(400):
            if "ready: " in self.log():
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("sekishod did not start: " + self.log())

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def stop(self, number=signal.SIGTERM):
        """End it; its exit code, which is negative when it was a signal's."""
        self.process.send_signal(number)
        status = self.process.wait(60)
        self.process = None
        return status

    def client(self):
        return Client(self.socket_path)

    def cli(self, *arguments):
        return subprocess.run([self.cli_program, *arguments, "--socket", self.socket_path],
                              capture_output=True, text=True, timeout=60)

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def many_rules(count, port=1):
    """A policy of many rules; those of another `port` differ in all of them."""
    rules = "".join(f"      - {{id: r{i}, protocol: tcp, ports: {port + i % 60000}, "
                    f"from: [10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}]}}\n" for i in range(count))
    return f"""version: 1
semantics: aws-like
endpoints:
  - {{name: host, addresses: [192.0.2.2], groups: [g]}}
groups:
  - name: g
    ingress:
{rules}"""

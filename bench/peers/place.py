# SPDX-License-Identifier: BSD-3-Clause
"""Where the peers run: a folder, network namespaces and processes, all of which end with it.

Times are of CPU time, as the scheduler counts it for each thread, so that what else runs on the machine
takes nothing away but what it does to the caches.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

WAIT_S = 120  # for whatever should happen soon
STOP_S = 10


class Failed(Exception):
    """A peer that cannot be measured, and why."""


class Place:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sekisho-peers-")
        self.processes, self.namespaces = [], []

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def namespace(self, word):
        """A namespace of that name, made when it is first asked for."""
        name = f"sp-{word}-{os.getpid()}"
        if name not in self.namespaces:
            run("ip", "netns", "add", name)
            self.namespaces.append(name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        return name

    def forget(self, word):
        """Remove a namespace; its wires go with it."""
        name = f"sp-{word}-{os.getpid()}"
        if name in self.namespaces:
            self.namespaces.remove(name)
            run("ip", "netns", "del", name)

    def inside(self, word, *command, **options):
        return run("ip", "netns", "exec", self.namespace(word), *command, **options)

    def start(self, name, *command, namespace="peers", environment=None):
        """Start a process in a namespace, with its words in NAME.log. `ip` becomes the command itself."""
        with open(self.path(f"{name}.log"), "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace(namespace), *command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        process.name = name
        self.processes.append(process)
        return process

    def stop(self, process, how=signal.SIGTERM):
        if process not in self.processes:
            return
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.remove(process)

    def last_words(self, process):
        with open(self.path(f"{process.name}.log"), encoding="utf-8", errors="replace") as log:
            return " ".join(log.read().split("\n")[-6:]).strip()

    def wait(self, process, what, condition):
        """Until it is true; a process that ends meanwhile has failed."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            if process.poll() is not None:
                raise Failed(f"{process.name} ended: {self.last_words(process)}")
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise Failed(f"{process.name}: {what} did not happen within {WAIT_S} s")

    def clear(self):
        for process in list(reversed(self.processes)):
            self.stop(process)
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def run(*command, text=None, environment=None):
    """Its output; Failed, with its words, if it does not succeed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=WAIT_S,
                          env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:6])}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def number_in(path):
    with open(path, encoding="ascii") as file:
        return int(file.read().split()[0])


def thread_of(process, beginning):
    """The thread of a process whose name begins so; None if there is none yet."""
    tasks = f"/proc/{process.pid}/task"
    try:
        for thread in os.listdir(tasks):
            with open(f"{tasks}/{thread}/comm", encoding="utf-8") as file:
                if file.read().startswith(beginning):
                    return f"{tasks}/{thread}"
    except OSError:
        pass
    return None


def cpu_ns(thread):
    """CPU time that a thread has had."""
    return number_in(f"{thread}/schedstat")


def machine_fits():
    """Why nothing can be measured here, or None."""
    if os.geteuid() != 0:
        return "this needs root, for network namespaces and packages"
    if not os.path.exists("/proc/self/schedstat"):
        return "this kernel does not count the CPU time of threads (CONFIG_SCHED_INFO)"
    if len(os.sched_getaffinity(0)) < 2:
        return "this needs two cpus, one of them for the core that polls"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        return "no network namespaces are to be had here"
    return None


def say(text):
    print(text, file=sys.stderr, flush=True)

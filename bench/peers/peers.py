# SPDX-License-Identifier: BSD-3-Clause
"""What is compared. Each peer starts with a flow set, says how many packets it has had and in which
thread, and stops. Those of user space have the same two ports; the kernel has wires of its own.
"""
import json
import os
import re
import shutil
import signal
import socket

from place import Failed, cpu_ns, run, thread_of

MEMORY_MB = 2048  # of DPDK, where there are no huge pages
SHORTEST = 64     # frames that flow_set writes at least
LINK_ADDRESS = "02:00:00:00:00:00"  # what the frames are for
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"


class FlowSet:
    """Two captures, of what the flows send out and of what comes in to answer; or the first alone."""

    def __init__(self, flows, ways, files):
        self.flows, self.ways, self.files = flows, ways, files
        self.packets = (2 if ways == "both" else 1) * max(flows, SHORTEST)

    def device(self, side):
        if side == 1 and self.ways == "one":
            return "net_null1,no-rx=1"
        return f"net_pcap{side},rx_pcap={self.files[side]},infinite_rx=1"


class Peer:
    """`process` and `thread` are set by start(); no flow's packets are dropped once it is warm."""
    process = thread = None

    def __init__(self, place, options):
        self.place, self.options = place, options

    def counts(self):
        """Packets that it has received so far, and those of them that it has dropped, both at one time."""
        raise NotImplementedError

    def flows(self):
        """That it tracks; None if it tracks none."""
        return None

    def stop(self):
        if self.process:
            self.place.stop(self.process)



class Testpmd(Peer):
    """DPDK's own forwarder, which receives and sends and does nothing else: what the ports take."""

    def start(self, flow_set):
        self.launch("peers", [flow_set.device(0), flow_set.device(1)])

    def launch(self, namespace, devices, received_by=(0, 1)):
        prefix = f"sekisho-peers-{os.getpid()}"
        self.received_by = received_by
        self.telemetry = f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2"
        memory = ["--in-memory"] if self.options.huge else ["--no-huge", "-m", str(MEMORY_MB), "--no-shconf"]
        other, core = self.options.other, self.options.core
        self.process = self.place.start(
            "testpmd", "dpdk-testpmd", *memory, "--no-pci", "--file-prefix", prefix, "--lcores",
            f"{other}@{other},{core}@{core}", "--main-lcore", str(other),
            *[word for device in devices for word in ("--vdev", device)], "--", "--forward-mode=io",
            "--total-num-mbufs=262144", "--nb-cores=1", "--no-mlockall", "--stats-period=3600",
            namespace=namespace)
        self.thread = self.place.wait(self.process, "forwarding", self.is_forwarding)

    def is_forwarding(self):
        try:
            return self.counts()[0] > 0 and thread_of(self.process, "rte-worker")
        except OSError:
            return None

    def counts(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
            asked.connect(self.telemetry)
            asked.recv(65536)
            total = 0
            for port in self.received_by:
                asked.send(f"/ethdev/stats,{port}".encode())
                total += json.loads(asked.recv(65536))["/ethdev/stats"]["ipackets"]
            return total, 0

    def stop(self):
        if self.process:
            self.place.stop(self.process, signal.SIGINT)
            shutil.rmtree(os.path.dirname(self.telemetry), ignore_errors=True)


class Sekishod(Peer):
    POLICY = """version: 1
semantics: {semantics}
endpoints: [{{name: inside, addresses: [10.0.0.1/32], groups: [all]}}]
groups:
  - name: all
    egress: [{{id: all-out, protocol: all, to: [0.0.0.0/0]}}]
"""
    APPLIANCE = """version: 1
policy: policy.yaml
edges: [{{name: edge, inside: {{device: "{inside}"}}, outside: {{device: "{outside}"}}}}]
workers: [{core}]
memory: {{flows: {flows}, hugepages: {huge}}}
control: {{socket: {socket}, readonly_socket: {socket}-ro}}
"""

    def __init__(self, place, options, semantics):
        super().__init__(place, options)
        self.semantics = semantics

    def start(self, flow_set):
        self.socket = self.place.path("sekisho.sock")
        self.place.write("policy.yaml", self.POLICY.format(semantics=self.semantics))
        path = self.place.write("sekisho.yaml", self.APPLIANCE.format(
            inside=flow_set.device(0), outside=flow_set.device(1), core=self.options.core,
            flows=max(flow_set.flows * 5 // 4, 1024), huge="yes" if self.options.huge else "no",
            socket=self.socket))
        self.process = self.place.start("sekishod", f"{self.options.build}/app/sekishod/sekishod", "-c", path)
        self.place.wait(self.process, "its socket", lambda: os.path.exists(self.socket))
        self.thread = self.place.wait(self.process, "its worker",
                                      lambda: thread_of(self.process, "rte-worker"))

    def ask(self):
        return json.loads(run(f"{self.options.build}/app/sekisho/sekisho", "stats", "-o", "json", "--socket",
                              self.socket))

    def counts(self):
        stats = self.ask()
        return stats["received"], stats["dropped"]

    def flows(self):
        return self.ask()["flows"]["now"]


class OpenVSwitch(Peer):
    """OVS with DPDK: one polling thread and the flows of a mode."""
    MODES = {
        # as its manual has it: look the state up, and judge by it
        "whole": """table=0,ip,actions=ct(table=1)
table=1,ip,ct_state=+trk+est,in_port=1,actions=output:2
table=1,ip,ct_state=+trk+est,in_port=2,actions=output:1
table=1,ip,ct_state=+trk+new,in_port=1,actions=ct(commit),output:2
""",
        # the tracker sees each packet, but it is not looked up a second time with what was found
        "tracker": "in_port=1,ip,actions=ct(commit),output:2\nin_port=2,ip,actions=ct(commit),output:1\n",
        "forwarding": "in_port=1,ip,actions=output:2\nin_port=2,ip,actions=output:1\n",
    }
    NAMES = ("a", "b")

    def __init__(self, place, options, mode):
        super().__init__(place, options)
        self.mode, self.database = mode, None

    def start(self, flow_set):
        path = self.place.path
        self.environment = {f"OVS_{word}": self.place.folder
                            for word in ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")}
        for left in ("ovs.db", "ovs.sock", "ovs.ctl"):
            if os.path.exists(path(left)):
                os.unlink(path(left))
        run("ovsdb-tool", "create", path("ovs.db"), SCHEMA)
        self.database = self.place.start("ovsdb-server", "ovsdb-server", path("ovs.db"),
                                         f"--remote=punix:{path('ovs.sock')}", f"--unixctl={path('db.ctl')}",
                                         environment=self.environment)
        self.place.wait(self.database, "its socket", lambda: os.path.exists(path("ovs.sock")))
        memory = "" if self.options.huge else f"--no-huge --legacy-mem --no-shconf -m {MEMORY_MB} "
        self.configure("--no-wait", "init")
        self.configure("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                       f"other_config:dpdk-extra={memory}--no-pci --no-telemetry",
                       f"other_config:pmd-cpu-mask={1 << self.options.core:#x}",
                       f"other_config:dpdk-lcore-mask={1 << self.options.other:#x}")
        self.process = self.place.start("ovs-vswitchd", VSWITCHD, f"unix:{path('ovs.sock')}",
                                        f"--unixctl={path('ovs.ctl')}", environment=self.environment)
        self.place.wait(self.process, "its socket", lambda: os.path.exists(path("ovs.ctl")))
        self.bridge(flow_set)
        self.thread = self.place.wait(self.process, "its polling thread",
                                      lambda: thread_of(self.process, "pmd-"))

    def bridge(self, flow_set):
        """The flows are there before the ports, so that nothing goes another way first."""
        self.configure("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                       "fail_mode=secure")
        run("ovs-ofctl", "add-flows", "br0", "-", text=self.MODES[self.mode], environment=self.environment)
        for side, name in enumerate(self.NAMES):
            self.configure("add-port", "br0", name, "--", "set", "interface", name, "type=dpdk",
                           f"ofport_request={side + 1}", f"options:dpdk-devargs={flow_set.device(side)}")
            wrong = self.configure("get", "interface", name, "error").strip()
            if wrong != "[]":
                raise Failed(f"OVS does not take the port: {wrong}")

    def configure(self, *words):
        return run("ovs-vsctl", f"--db=unix:{self.place.path('ovs.sock')}", "--timeout=50", *words,
                   environment=self.environment)

    def ask(self, *words):
        return run("ovs-appctl", "-t", self.place.path("ovs.ctl"), *words, environment=self.environment)

    def counts(self):
        shown = self.ask("dpif-netdev/pmd-perf-show")
        received, sent = (int(number) for number in re.findall("^ *[RT]x packets: *([0-9]+)", shown, re.M)[:2])
        return received, received - sent

    def flows(self):
        if self.mode == "forwarding":
            return None
        for line in self.ask("dpctl/ct-stats-show").split("\n"):
            if "Total:" in line:
                return int(line.split(":")[1])
        return 0

    def stop(self):
        super().stop()
        if self.database:
            self.place.stop(self.database)


class Kernel(Peer):
    """
    Linux between two namespaces: testpmd sends the captures into two wires, the kernel forwards within
    the very calls that send, so in the same thread, and what it lets through ends at a third wire.
    """
    DROP = """table netdev t {{
  chain c {{
    type filter hook ingress devices = {} priority 0;
    drop
  }}
}}
"""
    MODES = {
        # as the packets come in: what sending takes by itself
        "wires": DROP.format("{ in0, in1 }"),
        "forwarding": "",
        "whole": """table inet t {
  chain c {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ct state invalid drop
    iifname "in0" ip saddr 10.0.0.1 accept
  }
}
""",
    }
    SETTINGS = ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                "net.ipv4.conf.in0.rp_filter=0", "net.ipv4.conf.in1.rp_filter=0")

    def __init__(self, place, options, mode):
        super().__init__(place, options)
        self.mode, self.sender = mode, Testpmd(place, options)

    def start(self, flow_set):
        place = self.place
        self.room = int(run("sysctl", "-n", "net.netfilter.nf_conntrack_max"))
        if self.mode == "whole" and flow_set.flows > self.room:
            raise Failed(f"the kernel tracks {self.room} flows at most (net.netfilter.nf_conntrack_max)")
        for wire, near, far in (("in0", "send", "mid"), ("in1", "send", "mid"), ("out", "mid", "sink")):
            run("ip", "-n", place.namespace(near), "link", "add", wire if near == "mid" else f"to-{wire}",
                "type", "veth", "peer", "name", wire if far == "mid" else "sink", "netns", place.namespace(far))
        for where, name in (("mid", "in0"), ("mid", "in1"), ("mid", "out"), ("sink", "sink"),
                            ("send", "to-in0"), ("send", "to-in1")):
            if name in ("in0", "in1"):
                run("ip", "-n", place.namespace(where), "link", "set", name, "address", LINK_ADDRESS)
            run("ip", "-n", place.namespace(where), "link", "set", name, "up")
        place.inside("mid", "sysctl", "-q", "-w", *self.SETTINGS)
        self.ip("addr", "add", "192.0.2.1/30", "dev", "out")
        self.ip("neigh", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:01", "dev", "out")
        self.ip("route", "add", "default", "via", "192.0.2.2")
        place.inside("sink", "nft", "-f", "-", text=self.DROP.format("{ sink }"))
        if self.MODES[self.mode]:
            place.inside("mid", "nft", "-f", "-", text=self.MODES[self.mode])
        self.sender.launch("send", [
            flow_set.device(0), "net_af_packet0,iface=to-in0,qdisc_bypass=1",
            flow_set.device(1), "net_af_packet1,iface=to-in1,qdisc_bypass=1"], received_by=(0, 2))
        self.process, self.thread = self.sender.process, self.sender.thread

    def ip(self, *words):
        run("ip", "-n", self.place.namespace("mid"), *words)

    def counts(self):
        shown = self.place.inside("mid", "cat", *[f"/sys/class/net/{name}_packets" for name in (
            "out/statistics/tx", "in0/statistics/rx", "in1/statistics/rx")])
        sent, *received = (int(number) for number in shown.split())
        return sum(received), 0 if self.mode == "wires" else sum(received) - sent

    def flows(self):
        if self.mode != "whole":
            return None
        return int(self.place.inside("mid", "sysctl", "-n", "net.netfilter.nf_conntrack_count"))

    def stop(self):
        self.sender.stop()
        for word in ("send", "mid", "sink"):
            self.place.forget(word)

# SPDX-License-Identifier: Apache-2.0
"""The laboratory itself: what the other system tests stand on.

No controller: the flows are put in by hand.
"""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from nva_lab.bare import to_tunnel

HERE = os.path.dirname(os.path.abspath(__file__))
SANDBOX = os.path.join(HERE, "..", "..", "utilities", "nva-sandbox")
VMS = {"vm1": ("02:00:00:00:00:01", "10.0.0.1", "fd10::1"),
       "vm2": ("02:00:00:00:00:02", "10.0.0.2", "fd10::2")}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Lab:
    """A sandbox with a name of its own."""

    def __init__(self, suffix):
        self.name = f"t{os.getpid()}{suffix}"
        self.dir = f"/tmp/nva-sandbox-{self.name}"

    def run(self, *args, check=True):
        done = subprocess.run([SANDBOX, "--name", self.name, *args],
                              text=True, capture_output=True, timeout=60)
        if check:
            assert done.returncode == 0, (args, done.stderr)
        return done

    @staticmethod
    def sandbox():
        return SANDBOX

    def show(self):
        return json.loads(self.run("show", "--json").stdout)

    def nve(self, name):
        return next(n for n in self.show()["nves"] if n["name"] == name)

    def state(self):
        with open(f"{self.dir}/state.json") as f:
            return json.load(f)

    def add_vms(self):
        for (vm, (mac, ip4, ip6)), nve in zip(VMS.items(), ("hv1", "hv2")):
            self.run("vm", vm, nve, "--mac", mac, "--ip", ip4 + "/24",
                     "--ip", ip6 + "/64")

    def program(self):
        """Static flows for where the VMs stand now: known MACs go straight,
        the rest goes everywhere."""
        view = self.show()
        at = {vm["name"]: vm["nve"] for vm in view["vms"]}
        tunnel = {n["name"]: n["tunnel_ip"] for n in view["nves"]}
        for nve in view["nves"]:
            if not nve["running"]:
                continue
            ports = {p["name"][4:]: p["ofport"] for p in nve["ports"]
                     if p["name"].startswith("tap-")}
            flows = make_flows(nve["name"], at, ports, tunnel)
            subprocess.run([SANDBOX, "--name", self.name, "ofctl",
                            nve["name"], "replace-flows", "-"],
                           input="\n".join(flows) + "\n", text=True,
                           check=True, timeout=30)

    def ping(self, vm, address, count=3, wait=2):
        """How many of 'count' pings were answered."""
        out = self.run("exec", vm, "ping", "-c", str(count), "-i", "0.1",
                       "-W", str(wait), address, check=False).stdout
        return int(re.search(r"(\d+) received", out).group(1))

    def namespaces(self):
        out = subprocess.run(["ip", "netns", "list"], text=True,
                             capture_output=True).stdout
        return [line.split()[0] for line in out.splitlines()
                if line.startswith(f"nva-{self.name}-")]

    def processes(self):
        """Processes whose command line names this sandbox."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            marks = (f"{self.dir}/".encode(), f"nva-{self.name}-".encode())
            if any(mark in word for word in words for mark in marks):
                found.append((pid, b" ".join(words)))
        return found

    def assert_gone(self):
        assert self.namespaces() == []
        assert self.processes() == []
        assert not os.path.exists(self.dir)


def make_flows(nve, at, ports, tunnel):
    """The static flows of one NVE, as lines for ovs-ofctl."""
    flows = ["priority=0,actions=drop"]
    local = [str(ports[vm]) for vm in at if at[vm] == nve and vm in ports]
    for vm, where in at.items():
        if where == nve and vm in ports:
            flows.append(f"priority=20,dl_dst={VMS[vm][0]},"
                         f"actions=output:{ports[vm]}")
        elif where != nve:
            flows.append(f"priority=10,dl_dst={VMS[vm][0]},"
                         f"actions={to_tunnel(tunnel[where])}")
    group = "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"
    copies = [f"output:{port}" for port in local]
    if copies:
        flows.append(f"priority=5,in_port=1,{group},"
                     f"actions={','.join(copies)}")
    for vm in ports:
        others = {tunnel[w] for w in at.values() if w != nve}
        actions = copies + [to_tunnel(ip) for ip in sorted(others)]
        flows.append(f"priority=4,in_port={ports[vm]},{group},"
                     f"actions={','.join(actions) or 'drop'}")
    return flows


@pytest.fixture
def lab(request):
    made = Lab(f"x{abs(hash(request.node.name)) % 10000}")
    yield made
    made.run("down")
    made.assert_gone()


@pytest.mark.parametrize("underlay", ["v4", "v6", "mixed"])
def test_ping_over_vxlan(lab, underlay):
    lab.run("up", "3", "--underlay", underlay)
    lab.add_vms()
    lab.program()
    families = {":" in nve["tunnel_ip"] for nve in lab.show()["nves"]}
    assert families == {"v4": {False}, "v6": {True},
                        "mixed": {False, True}}[underlay]
    assert lab.ping("vm1", "10.0.0.2") == 3
    assert lab.ping("vm2", "fd10::1") == 3
    # Full-size frames of the guests' MTU pass.
    done = lab.run("exec", "vm1", "ping", "-c", "2", "-i", "0.1", "-M", "do",
                   "-s", "1472", "10.0.0.2", check=False)
    assert "2 received" in done.stdout
    # Nothing but the flows connects the VMs.
    for nve in ("hv1", "hv2", "hv3"):
        lab.run("ofctl", nve, "del-flows")
    assert lab.ping("vm1", "10.0.0.2", count=2, wait=1) == 0


def test_rehome_moves(lab):
    lab.run("up", "3")
    lab.add_vms()
    lab.program()
    assert lab.ping("vm1", "10.0.0.2") == 3
    lab.run("port", "vm2", "hv3")
    assert lab.show()["vms"][1]["ports_on"] == ["hv2", "hv3"]
    lab.run("rehome", "vm2", "hv3", "--announce", "garp+na+rarp",
            "--downtime", "20")
    vm2 = lab.show()["vms"][1]
    assert (vm2["nve"], vm2["ports_on"]) == ("hv3", ["hv3"])
    assert [p["name"] for p in lab.nve("hv2")["ports"]] == []
    # The network has not followed: no answer until the flows say so.
    assert lab.ping("vm1", "10.0.0.2", count=2, wait=1) == 0
    lab.program()
    assert any(lab.ping("vm1", "10.0.0.2") == 3 for _try in range(4))
    assert lab.ping("vm1", "fd10::2") == 3
    # A port that was not prepared is made on the way, the old one stays.
    lab.run("rehome", "vm2", "hv1", "--keep-old-port")
    assert lab.show()["vms"][1]["ports_on"] == ["hv3", "hv1"]
    lab.program()
    assert lab.ping("vm1", "10.0.0.2") == 3


def test_announcements_are_seen_by_the_new_nve(lab):
    """D2, D7, I1: the frames come out of the new port, as they should."""
    lab.run("up", "2")
    lab.add_vms()
    for match in ("arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.1",
                  "icmp6,icmp_type=136,nw_ttl=255,nd_target=fd10::1,"
                  "ipv6_dst=ff02::1,dl_dst=33:33:00:00:00:01,"
                  "nd_reserved=0x20000000,nd_tll=02:00:00:00:00:01",
                  "rarp,arp_op=3,arp_sha=02:00:00:00:00:01,"
                  "arp_tha=02:00:00:00:00:01,arp_spa=0.0.0.0"):
        lab.run("ofctl", "hv2", "add-flow", f"priority=9,{match},"
                "actions=drop")
    lab.run("rehome", "vm1", "hv2", "--announce", "garp+na+rarp")

    def seen():
        out = lab.run("ofctl", "hv2", "dump-flows", "--no-names").stdout
        return [int(n) for n in re.findall(r"n_packets=(\d+).*priority=9",
                                           out)]
    deadline = time.monotonic() + 5
    while seen() != [1, 1, 1] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert seen() == [1, 1, 1]


def test_pause_queues_and_resume_delivers(lab):
    lab.run("up", "2")
    lab.add_vms()
    lab.program()
    assert lab.ping("vm1", "10.0.0.2") == 3
    lab.run("pause", "vm2")
    ping = subprocess.Popen([SANDBOX, "--name", lab.name, "exec", "vm1",
                             "ping", "-c", "5", "-i", "0.1", "-W", "5",
                             "10.0.0.2"], text=True, stdout=subprocess.PIPE)
    time.sleep(1.5)
    before = json.loads(lab.run("status", "vm2").stdout)
    lab.run("resume", "vm2")
    out = ping.communicate(timeout=15)[0]
    assert before["paused"]
    assert "5 received" in out
    times = [float(t) for t in re.findall(r"time=([\d.]+)", out)]
    assert len(times) == 5 and min(times) > 500    # They had to wait.


def test_what_waits_at_a_prepared_port_is_delivered(lab):
    """D17: as with a QEMU that has not resumed yet."""
    lab.run("up", "2")
    lab.add_vms()
    lab.program()
    assert lab.ping("vm1", "10.0.0.2") == 3
    lab.run("port", "vm1", "hv2")
    lab.run("pause", "vm1")
    ofport = next(p["ofport"] for p in lab.nve("hv2")["ports"]
                  if p["name"] == "tap-vm1")
    lab.run("ofctl", "hv2", "add-flow", "priority=99,dl_dst=" + VMS["vm1"][0]
            + f",actions=output:{ofport}")
    ping = subprocess.Popen([SANDBOX, "--name", lab.name, "exec", "vm2",
                             "ping", "-c", "3", "-i", "0.1", "-W", "5",
                             "10.0.0.1"], text=True, stdout=subprocess.PIPE)
    time.sleep(0.8)
    lab.run("rehome", "vm1", "hv2")
    lab.program()
    assert "3 received" in ping.communicate(timeout=15)[0]


@pytest.mark.parametrize("kept", [False, True])
def test_what_waits_at_the_port_that_is_left(lab, kept):
    """It is lost with the port, as QEMU's tap ends with its process, or goes
    along."""
    lab.run("up", "2")
    mac, ip4, _ = VMS["vm1"]
    lab.run("vm", "vm1", "hv1", "--mac", mac, "--ip", ip4 + "/24",
            *(["--keep-queue"] if kept else []))
    mac, ip4, _ = VMS["vm2"]
    lab.run("vm", "vm2", "hv2", "--mac", mac, "--ip", ip4 + "/24")
    lab.program()
    assert lab.ping("vm2", "10.0.0.1") == 3
    lab.run("pause", "vm1")
    ping = subprocess.Popen([SANDBOX, "--name", lab.name, "exec", "vm2",
                             "ping", "-c", "3", "-i", "0.1", "-W", "3",
                             "10.0.0.1"], text=True, stdout=subprocess.PIPE)
    time.sleep(0.8)
    lab.run("rehome", "vm1", "hv2", "--keep-old-port")
    lab.program()
    answered = ping.communicate(timeout=15)[0]
    assert f"{3 if kept else 0} received" in answered
    old, new = json.loads(lab.run("status", "vm1").stdout)["ports"]
    assert (old["state"], new["state"]) == ("left", "active")
    assert old["lost"] == 0 if kept else old["lost"] >= 3, old
    assert lab.ping("vm2", "10.0.0.1") == 3


def test_restart_with_and_without_flows(lab):
    lab.run("up", "2")
    lab.add_vms()
    lab.program()
    lab.run("ofctl", "hv2", "add-meter",
            "meter=1,pktps,burst,stats,bands=type=drop,rate=100,"
            "burst_size=20")
    lab.run("ofctl", "hv2", "add-group",
            "group_id=7,type=all,bucket=bucket_id:1,actions=output:1")
    lab.run("ofctl", "hv2", "add-flow",
            "cookie=0xbeef,priority=9,in_port=77,actions=meter:1,group:7")
    pid = lab.state()["procs"]["hv2/ovs-vswitchd"]

    def flows():
        out = lab.run("ofctl", "hv2", "--no-stats", "dump-flows").stdout
        return sorted(line.strip() for line in out.splitlines()
                      if "actions" in line)
    before = flows()
    assert any("0xbeef" in flow for flow in before)
    lab.run("restart", "hv2", "--keep-flows")
    assert lab.state()["procs"]["hv2/ovs-vswitchd"] != pid
    assert flows() == before
    assert lab.ping("vm1", "10.0.0.2") == 3
    lab.run("restart", "hv2", "--empty")
    assert flows() == []
    lab.program()
    assert lab.ping("vm1", "10.0.0.2") == 3


def test_kill_and_start(lab):
    lab.run("up", "2")
    lab.add_vms()
    lab.run("kill", "hv2")
    assert not lab.nve("hv2")["running"]
    refused = lab.run("port", "vm1", "hv2", check=False)
    assert refused.returncode == 1 and "hv2" in refused.stderr
    lab.run("start", "hv2")
    lab.program()
    assert lab.ping("vm1", "10.0.0.2") == 3


def test_refusals_name_what_is_wrong(lab):
    refused = lab.run("show", check=False)
    assert refused.returncode == 1 and "no such sandbox" in refused.stderr
    lab.run("up", "1")
    refused = lab.run("vm", "a-name-too-long", "hv1", "--mac", VMS["vm1"][0],
                      check=False)
    assert refused.returncode == 1 and "15 characters" in refused.stderr
    refused = lab.run("vm", "vm1", "hv9", "--mac", VMS["vm1"][0], check=False)
    assert refused.returncode == 1 and "hv9" in refused.stderr
    assert lab.show()["vms"] == []
    assert lab.run("up", "0", check=False).returncode == 1


def test_idle_ports(lab):
    lab.run("up", "1")
    lab.run("idle-ports", "hv1", "other", "300")
    out = lab.run("ofctl", "hv1", "dump-ports-desc").stdout
    assert out.count("(other") == 300


def test_a_switch_that_does_not_start(lab, tmp_path):
    """'up' says so soon, and leaves nothing."""
    fake = tmp_path / "ovs-vswitchd"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    done = subprocess.run([SANDBOX, "--name", lab.name, "up", "2"],
                          text=True, capture_output=True, timeout=10,
                          env=dict(os.environ,
                                   PATH=f"{tmp_path}:{os.environ['PATH']}"))
    assert done.returncode == 1 and "did not come up" in done.stderr
    lab.assert_gone()


def test_several_side_by_side():
    one, two = Lab("one"), Lab("two")
    try:
        one.run("up", "2")
        two.run("up", "2")
        one.add_vms()
        two.add_vms()
        one.program()
        assert one.ping("vm1", "10.0.0.2") == 3
        assert two.ping("vm1", "10.0.0.2", count=2, wait=1) == 0
        one.run("down")
        one.assert_gone()
        two.program()
        # The pings in vain may have left the address unreachable for a while.
        assert any(two.ping("vm1", "10.0.0.2") == 3 for _try in range(4))
    finally:
        one.run("down")
        two.run("down")
    two.assert_gone()


def test_controller_over_unix_and_tcp(lab):
    """A listener of ours sees each switch connect, at once when told to."""
    import socket
    lab.run("up", "2", "--controller", "none", "--controller-ns")
    path = f"{lab.dir}/nvad.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        listener.settimeout(5)
        lab.run("controller", f"unix:{path}")
        peers = [listener.accept()[0] for _ in range(2)]
        for peer in peers:
            peer.settimeout(5)
            assert peer.recv(8)[:2] == b"\x06\x00"     # OpenFlow 1.5 hello.
            peer.close()
    code = ("import socket; s = socket.create_server(('172.31.0.250', 6653));"
            "s.settimeout(10); print('up', flush=True);"
            "p = [s.accept()[0] for _ in range(2)];"
            "print([x.recv(2).hex() for x in p])")
    server = subprocess.Popen([SANDBOX, "--name", lab.name, "ns-exec",
                               "controller", "python3", "-c", code],
                              text=True, stdout=subprocess.PIPE)
    assert server.stdout.readline() == "up\n"
    lab.run("controller", "tcp:172.31.0.250:6653")
    assert server.communicate(timeout=15)[0].strip() == "['0600', '0600']"


def test_down_after_kill_9_of_everything():
    lab = Lab("kill")
    try:
        lab.run("up", "2")
        lab.add_vms()
        for pid, _start in lab.state()["procs"].values():
            os.kill(pid, signal.SIGKILL)
    finally:
        lab.run("down")
    lab.assert_gone()


def test_down_without_the_state():
    """What only the names of the namespaces tell of goes, too."""
    lab = Lab("nostate")
    try:
        lab.run("up", "2")
        lab.add_vms()
        os.unlink(f"{lab.dir}/state.json")
    finally:
        lab.run("down")
    lab.assert_gone()


@pytest.mark.parametrize("after", [0.05, 0.12, 0.2, 0.3])
def test_up_and_down_after_a_crash_in_up(lab, after):
    crashed = subprocess.Popen([SANDBOX, "--name", lab.name, "up", "3"])
    time.sleep(after)
    crashed.kill()
    crashed.wait()
    lab.run("down")
    lab.assert_gone()
    # And 'up' on what another crash left cleans first.
    crashed = subprocess.Popen([SANDBOX, "--name", lab.name, "up", "3"])
    time.sleep(after)
    crashed.kill()
    crashed.wait()
    lab.run("up", "2")
    assert [n["running"] for n in lab.show()["nves"]] == [True, True]

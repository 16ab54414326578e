# SPDX-License-Identifier: Apache-2.0
"""mininet with NVEs for switches (docs/mininet.md): everybody reaches
everybody, a host moves under traffic, and a crash leaves nothing."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from nva_lab import fabric, programs

pytest.importorskip("mininet", reason="the package mininet is missing")

CUSTOM = os.path.join(programs.UTILITIES, "mn_nve.py")

# 'mn' as it is, but for what it does after an exception: 'mn -c' ends
# processes of the whole machine by their names.
MN = """
import mininet.clean, runpy, sys
mininet.clean.cleanup = lambda *_: None
runpy.run_path(%r, run_name="__main__")
""" % shutil.which("mn")


def wait(condition, what, seconds=40):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Machine:
    """An nvad that mininet's switches can reach."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="nva-mininet-")
        self.mn = None
        with socket.socket() as s:
            s.bind(("0.0.0.0", 0))
            self.port = s.getsockname()[1]
        self.nvad = subprocess.Popen([
            "setpriv", "--pdeathsig", "KILL", programs.find("nvad"),
            f"--listen=ptcp:{self.port}:0.0.0.0",
            f"--api=punix:{self.dir}/api.sock",
            f"--unixctl={self.dir}/ctl", f"--log-file={self.dir}/nvad.log",
            "-vconsole:off"], stdin=subprocess.DEVNULL)
        wait(lambda: os.path.exists(f"{self.dir}/api.sock"), "nvad")

    def close(self):
        for process in (self.mn, self.nvad):
            if process and process.poll() is None:
                process.kill()
                process.wait(10)
        shutil.rmtree(self.dir)

    def get(self, path):
        connection = fabric.UnixHTTP(f"{self.dir}/api.sock")
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())

    def start(self, *options, switch="nve", controller="nvad"):
        """The command line of docs/mininet.md."""
        api = (f",api=unix:{self.dir}/api.sock" if controller == "nvad"
               else "")
        self.mn = subprocess.Popen([
            "setpriv", "--pdeathsig", "KILL", sys.executable, "-B", "-c", MN,
            "--custom", CUSTOM, "--topo", "nve,3", "--switch", switch,
            "--controller", f"{controller},port={self.port}{api}", "--wait",
            *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env=dict(os.environ, NVACTL=programs.find("nvactl")))

    def run(self, *options, **kw):
        """Until it ends; what it said."""
        self.start(*options, **kw)
        said = self.mn.communicate(timeout=180)[0]
        assert self.mn.returncode == 0 and "exception" not in said, said
        return said

    def versions(self):
        return {nve["openflow"] for nve in self.get("/v1/nves")["nves"]}


@pytest.fixture
def machine():
    made = Machine()
    yield made
    made.close()


def test_pingall_and_a_host_that_moves(machine):
    """At switches that speak OpenFlow 1.3, as mininet's do unless told."""
    said = machine.run("--test", "pingall", "--test", "move",
                       switch="nve,openflow=OpenFlow13")
    assert said.count("0% dropped (6/6 received)") == 2, said
    sent, answered = map(int, re.search(
        r"pings during 3 moves: (\d+) sent, (\d+) answered", said).groups())
    # It is gone for the time that the interface is carried over.
    assert sent > 100 and answered > sent / 2, said
    place = machine.get("/v1/vms/h1")["interfaces"][0]
    assert (place["nve"], place["port"]) == ("nv1", "tap-h1")
    moves = machine.get("/v1/moves")["moves"]
    assert [m["cause"] for m in moves] == ["announced"] * 3
    assert all(nve["quarantined"] == 0
               for nve in machine.get("/v1/nves")["nves"])


def test_a_stock_remote_controller(machine):
    """'--controller remote': nvad sees bridges that nobody has claimed."""
    machine.start(controller="remote")
    wait(lambda: len(machine.get("/v1/nves")["unclaimed"]) == 3, "bridges")
    assert machine.mn.poll() is None
    machine.mn.communicate("exit\n", timeout=60)
    assert machine.mn.returncode == 0


def children(pid):
    """All processes below 'pid'."""
    below = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    parent = int(f.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            below.setdefault(parent, []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        todo += below.get(todo[0], [])
        found += below.get(todo.pop(0), [])
    return found


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read()
    except OSError:
        return ""


def test_typed_by_hand_and_a_crash_that_leaves_nothing(machine):
    machine.start()
    wait(lambda: machine.versions() == {"1.5"}
         and len(machine.get("/v1/nves")["nves"]) == 3, "the NVEs")
    wait(lambda: machine.get("/v1/vms")["vms"][2:], "the hosts")
    machine.mn.stdin.write("py c0.expect(h1, nv2)\npy nv2.take(h1)\n"
                           "h3 ping -c 20 -i 0.05 h1\n")
    machine.mn.stdin.flush()
    wait(lambda: machine.get("/v1/vms/h1")["interfaces"][0]["nve"] == "nv2",
         "h1 to be at nv2")
    processes = {pid: command(pid) for pid in children(machine.mn.pid)}
    assert sum("ovs-vswitchd" in c for c in processes.values()) == 3
    gateway = f"nva{machine.mn.pid}"
    assert os.path.exists(f"/sys/class/net/{gateway}")
    machine.mn.send_signal(signal.SIGKILL)
    machine.mn.wait(10)
    wait(lambda: not any(c and command(pid) == c
                         for pid, c in processes.items()), "processes to end")
    wait(lambda: not os.path.exists(f"/sys/class/net/{gateway}"),
         "interfaces to go")



# SPDX-License-Identifier: Apache-2.0
"""nvactl and the API over its unix socket, as a user has them; the demo."""

import json
import os
import subprocess
import sys

import pytest

from conftest import HERE
from nva_lab.guests import ip4, mac

DEMO = os.path.join(HERE, "..", "..", "utilities", "nva-demo")


@pytest.fixture
def one(make_world):
    return make_world(2, claim=False)


def curl(world, *args):
    done = subprocess.run(
        ["curl", "-s", "--max-time", "5", "--unix-socket", world.api_socket,
         "-w", "\n%{http_code}", *args], text=True, capture_output=True,
        check=True)
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


def test_nvactl_from_nothing_to_a_move(one):
    def ok(*args):
        done = one.nvactl(*args)
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout
    nves = one.nves()
    assert nves["hv1"]["dpid"] in ok("nve", "list")     # Unclaimed.
    ok("vn", "add", "red", "--vni", "100")
    for name in ("hv1", "hv2"):
        ok("nve", "add", name, "--dpid", nves[name]["dpid"], "--tunnel-ip",
           nves[name]["tunnel_ip"])
    one.sandbox("port", "vm", "hv1")
    one.sandbox("port", "vm", "hv2")
    ok("vm", "add", "vm", "--vn", "red", "--mac", mac(1), "--ip", ip4(1),
       "--nve", "hv1", "--port", "tap-vm")
    move = ok("move", "start", "vm", "--to", "hv2", "--port", "tap-vm",
              "--wait", "prepared").strip()
    assert move.isdigit()
    ok("move", "pause", move)
    ok("move", "activate", move)
    shown = ok("move", "show", move)
    for word in ("hv1 tap-vm", "hv2 tap-vm", "planned", "paused",
                 "activated", "redirect on"):
        assert word in shown
    assert "hv2" in ok("lookup", "--vn", "red", "--ip", ip4(1))
    found = json.loads(ok("--json", "lookup", "--vn", "red", "--mac", mac(1)))
    assert (found["nve"], found["port"]) == ("hv2", "tap-vm")
    assert "vm" in ok("show")
    ok("vm", "del", "vm")
    ok("nve", "del", "hv1")
    ok("vn", "del", "red")


def test_nvactl_moves_a_vm_by_its_name(one):
    def ok(*args):
        done = one.nvactl(*args)
        assert done.returncode == 0, (args, done.stderr)
        return done
    one.claim()
    ok("vn", "add", "red", "--vni", "100")
    one.sandbox("port", "vm", "hv1")
    one.sandbox("port", "vm", "hv2")
    ok("vm", "add", "vm", "--vn", "red", "--mac", mac(1), "--ip", ip4(1),
       "--nve", "hv1", "--port", "tap-vm")
    refused = one.nvactl("move", "pause", "vm")
    assert refused.returncode == 1 and "vm" in refused.stderr
    refused = one.nvactl("move", "pause", "nobody")
    assert refused.returncode == 1 and "nobody" in refused.stderr
    ok("move", "start", "vm", "--to", "hv2", "--port", "tap-vm", "--wait",
       "prepared")
    ok("move", "abort", "vm")
    assert "aborted" in ok("move", "show", "vm").stdout
    ok("move", "start", "vm", "--to", "hv2", "--port", "tap-vm", "--wait",
       "prepared")
    assert not ok("move", "pause", "vm").stderr
    ok("move", "activate", "vm")
    assert "hv2" in ok("move", "pause", "vm").stderr    # Too late, no fault.
    assert "activated" in ok("move", "show", "vm").stdout


@pytest.mark.parametrize("args,words", [
    (("--version",), ["nvactl", "ovs-nva"]),
    (("-V",), ["ovs-nva"]),
    (("help",), ["move pause", "vn add", "Exit status"]),
    (("help", "move"), ["move pause VM|ID", "move list"]),
    (("help", "vm", "nic"), ["vm nic add", "vm nic del"]),
    (("vn", "add", "--help"), ["--vni N", "--binding"]),
])
def test_nvactl_says_how_it_is_used(refuser, args, words):
    done = refuser.nvactl(*args)
    assert done.returncode == 0 and not done.stderr
    for word in words:
        assert word in done.stdout
    if len(args) > 1:
        assert "events" not in done.stdout


@pytest.mark.parametrize("args,status,words", [
    (("help", "frob"), 2, ["frob"]),
    (("vn", "add", "red", "--vni", "0"), 1, ["vni", "1..4194303"]),
    (("vn", "add", "red", "--vni", "4194304"), 1, ["vni"]),
    (("vn", "show", "nobody"), 1, ["not_found"]),
    (("vn", "add"), 2, []),
    (("vn", "frob", "x"), 2, []),
    ((), 2, []),
    (("move", "activate", "99"), 1, ["not_found"]),
    (("move", "start", "nobody", "--to", "hv1"), 1, ["not_found"]),
    (("vm", "add", "v", "--vn", "nowhere", "--mac", "02:00:00:00:00:01"), 1,
     ["vn"]),
    (("vm", "add", "v", "--vn", "base", "--mac", "mac"), 1, ["mac"]),
    (("vm", "add", "v", "--vn", "base", "--mac", "02:00:00:00:00:01", "--ip",
      "10.0.0.300"), 1, ["ip"]),
    (("nve", "add", "hv1", "--dpid", "nonsense"), 1, ["dpid"]),
])
def test_nvactl_says_why_and_names_the_field(refuser, args, status, words):
    done = refuser.nvactl(*args)
    assert done.returncode == status, (done.stdout, done.stderr)
    if status == 1:
        assert done.stderr.startswith("nvactl: ")
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module")
def refuser():
    from conftest import World
    world = World(0)
    os.makedirs(world.dir)
    try:
        world.start_nvad(connect=False)
        world.vn("base", 7)
        yield world
    finally:
        world.stop_nvad()
        for name in os.listdir(world.dir):
            os.unlink(world.path(name))
        os.rmdir(world.dir)


def test_nvactl_without_nvad(tmp_path):
    from nva_lab import programs
    done = subprocess.run([programs.find("nvactl"),
                           f"--api=unix:{tmp_path}/nobody", "show"],
                          text=True, capture_output=True, timeout=20)
    assert done.returncode == 1
    assert "nobody" in done.stderr


def test_the_api_with_curl(refuser, tmp_path):
    status, body = curl(refuser, "http://x/v1/vns")
    assert status == 200 and body["vns"][0]["name"] == "base"
    status, body = curl(refuser, "-X", "PUT", "-d", '{"vni": 9}',
                        "http://x/v1/vns/blue")
    assert status == 201 and body["vni"] == 9
    status, body = curl(refuser, "-X", "PUT", "-d", '{"vni": 9}',
                        "http://x/v1/vns/green")
    assert status == 409 and body["error"]["field"] == "vni"
    assert body["error"]["reason"] and body["error"]["detail"]
    status, body = curl(refuser, "-X", "PUT", "-d", '{"vni": ',
                        "http://x/v1/vns/green")
    assert status == 400
    status, body = curl(refuser, "http://x/v1/nothing")
    assert status == 404
    status, body = curl(refuser, "-X", "DELETE", "http://x/v1/vns/blue")
    assert status == 200
    status, body = curl(refuser, "-X", "PATCH", "http://x/v1/vns/base")
    assert status == 405
    big = tmp_path / "big"
    big.write_text('{"zone": "' + "x" * 300000 + '"}')
    status, body = curl(refuser, "-X", "PUT", "-d", f"@{big}",
                        "http://x/v1/nves/x")
    assert status == 413
    assert refuser.answers()


def test_unixctl_commands(one):
    one.vn()
    one.claim()
    assert "NVEs" in one.appctl("nva/show")
    assert "red" in one.appctl("directory/dump")
    assert "hv1" in one.appctl("nve/show", "hv1")
    one.appctl("move/list")
    assert "nvad" in one.appctl("version")
    one.appctl("vlog/set", "nvad:dbg")
    one.appctl("exit")
    assert one.nvad.wait(5) == 0
    one.nvad = None


def test_events_are_followed(one):
    from nva_lab import programs
    follower = subprocess.Popen(
        [programs.find("nvactl"), f"--api=unix:{one.api_socket}", "events"],
        text=True, stdout=subprocess.PIPE)
    try:
        one.wait(lambda: one.metric("nva_event_subscribers") == 1,
                 "the follower")
        one.vn()
        one.claim()
        line = follower.stdout.readline()
        assert "vn=red" in line
        while "nve=hv2" not in line:
            line = follower.stdout.readline()
            assert line
    finally:
        follower.terminate()
        follower.wait(5)


def test_the_demo(tmp_path):
    """It says what it should and leaves nothing behind."""
    name = f"ydemo{os.getpid()}"
    done = subprocess.run([sys.executable, DEMO, "--name", name], text=True,
                          capture_output=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing duplicated" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert not os.path.exists(f"/tmp/nva-sandbox-{name}")
    spaces = subprocess.run(["ip", "netns", "list"], text=True,
                            capture_output=True).stdout
    assert name not in spaces


def test_nothing_is_left_of_a_vm_deleted_in_a_move(one):
    """Its access points at both places go with it."""
    one.vn()
    one.claim()
    one.sandbox("port", "vm", "hv1")
    one.sandbox("port", "vm", "hv2")
    flows = {nve: one.flows(nve) for nve in ("hv1", "hv2")}
    one.declare("vm", 1, "hv1")
    move = one.prepare("vm", "hv2", "tap-vm")
    one.api("POST", f"/v1/moves/{move}/pause")
    one.api("POST", f"/v1/moves/{move}/activate")
    one.api("DELETE", "/v1/vms/vm")
    for nve in ("hv1", "hv2"):
        assert one.api("GET", f"/v1/nves/{nve}/ports")["ports"] == []
    one.wait(lambda: {nve: one.flows(nve) for nve in flows} == flows,
             "the flows of before", 5)

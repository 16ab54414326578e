# SPDX-License-Identifier: Apache-2.0
"""S5: peers that no switch is.  What they may cost is counted."""

import os
import signal
import subprocess

import pytest

from nva_lab import openflow
from nva_lab.guests import ip4

PEERS = 100


@pytest.fixture
def pair(make_world):
    world = make_world(2)
    world.vn()
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv2")
    world.settled()
    yield world
    world.ping("vm1", ip4(2), 1)
    assert world.ping("vm1", ip4(2)) == 3
    world.everything_as_it_should()


def of(world):
    return world.path("nvad.sock")


def ended(world, reason):
    text = f'nva_sessions_ended_total{{reason="{reason}"}} '
    return sum(int(line[len(text):])
               for line in world.api("GET", "/metrics").splitlines()
               if line.startswith(text))


def port_events(world):
    text = 'nva_events_total{type="port"} '
    return next(int(line[len(text):])
                for line in world.api("GET", "/metrics").splitlines()
                if line.startswith(text))


def rss(world):
    with open(f"/proc/{world.nvad.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith("VmRSS")) / 1024


@pytest.mark.parametrize("what", openflow.QUIET)
def test_s5_more_messages_than_any_switch_sends(pair, what):
    """Messages that answer nothing and say nothing."""
    with openflow.Peer(of(pair), 0x77) as peer:
        peer.be_read_back()
        peer.say(openflow.QUIET[what] * 500)
        assert ended(pair, "msg_flood") == 0
        try:
            for _ in range(40):
                peer.say(openflow.QUIET[what] * 100)
        except OSError:
            pass
        pair.wait(lambda: ended(pair, "msg_flood") == 1, "the end of it")
    assert pair.bridges() == 2


def test_s5_unclaimed_bridges_that_do_not_read(pair):
    """Alone or many: a sum."""
    before = rss(pair)
    ask = openflow.message(openflow.ECHO_REQUEST, 1, bytes(60000))
    peers = [openflow.Peer(of(pair), 1000 + i).be_read_back()
             for i in range(PEERS)]
    for peer in peers:
        peer.socket.settimeout(0.02)
        try:
            for _ in range(50):
                peer.say(ask)
        except OSError:
            pass
    # 32 MiB for all, and what malloc makes of it.
    assert rss(pair) - before < 48
    assert pair.answers()
    for peer in peers:
        peer.close()
    pair.wait(lambda: pair.bridges() == 2, "the end of them")


def test_s5_the_last_words_of_a_peer_are_heard(pair):
    """It has gone when nvad answers, but had said something before."""
    pair.api("PUT", "/v1/nves/hv9", {"dpid": f"{0x99:016x}",
                                     "tunnel_ip": "192.0.2.9"})
    pair.api("PUT", "/v1/vms/there", {"interfaces": [{
        "vn": "red", "mac": "02:00:00:00:00:99", "nve": "hv9",
        "port": "tap-b"}]})
    with openflow.Peer(of(pair), 0x99) as peer:
        peer.be_read_back()
        pair.wait(lambda: any(n["name"] == "hv9" and n["state"] == "connected"
                              for n in pair.api("GET", "/v1/nves")["nves"]),
                  "hv9")
        before = port_events(pair)
        os.kill(pair.nvad.pid, signal.SIGSTOP)
        peer.say(openflow.QUIET["echo requests"]
                 + openflow.message(99, 1, bytes(60000)) * 2
                 + openflow.message(openflow.PORT_STATUS, 9, b"\1" + bytes(7)
                                    + openflow.port(3, "tap-b")))
    os.kill(pair.nvad.pid, signal.SIGCONT)
    pair.wait(lambda: port_events(pair) == before + 1, "the port")
    pair.api("DELETE", "/v1/vms/there")
    pair.wait(lambda: pair.bridges() == 2, "its end")
    pair.api("DELETE", "/v1/nves/hv9")


@pytest.mark.parametrize("dump", [openflow.FLOW, openflow.METERS])
def test_s5_a_dump_of_empty_parts_ends(pair, dump):
    asked = []

    def never_ends(xid, body):
        if body[1] == dump:
            asked.append(xid)
            return b""
        return openflow.part(xid, body[1])
    with openflow.Peer(of(pair), 0x77) as peer:
        peer.answers[openflow.MULTIPART_REQUEST] = never_ends
        while not asked:
            peer.serve()
        peer.say(openflow.part(asked[0], dump, more=True) * 17)
        pair.wait(lambda: ended(pair, "limit") == 1, "the end of it")


def test_s5_out_of_descriptors(pair):
    """Nothing is lost but the newcomers, and nothing is written but a line now
    and then."""
    in_use = len(os.listdir(f"/proc/{pair.nvad.pid}/fd"))
    subprocess.run(["prlimit", "--pid", str(pair.nvad.pid),
                    f"--nofile={in_use + 5}"], check=True)
    peers = []
    try:
        for i in range(20):
            peers.append(openflow.Peer(of(pair), 1000 + i))
        with open(pair.path("nvad.log"), "rb") as log:
            pair.wait(lambda: b"cannot accept a connection" in log.read(),
                      "the line")
        cpu = pair.cpu_ns()
        size = os.path.getsize(pair.path("nvad.log"))
        pair.wait(lambda: pair.cpu_ns() - cpu > 0, "a turn")
        assert os.path.getsize(pair.path("nvad.log")) - size < 2000
    finally:
        for peer in peers:
            peer.close()
    pair.wait(pair.answers, "the API")
    assert pair.bridges() == 2

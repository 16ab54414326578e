# SPDX-License-Identifier: Apache-2.0
"""Sessions that come, go and lie: claims, reconnects, restarts, hostility."""

import os
import random
import signal
import socket
import struct
import time

import pytest

from conftest import Refused
from nva_lab import moves
from nva_lab.guests import Measure, ip4, ip6, mac


@pytest.fixture
def pair(make_world):
    """vm1 at hv1, vm2 at hv2, reaching each other."""
    world = make_world(2)
    world.vn()
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv2")
    world.settled()
    world.ping("vm1", ip4(2), 1)
    assert world.ping("vm1", ip4(2)) == 3
    return world


def mods(world):
    return world.metric("nva_flow_mods_total")


def test_an_unclaimed_bridge_gets_no_flow_mod(make_world):
    world = make_world(2, claim=False)
    world.ofctl("hv1", "add-flow", "table=7,priority=5,actions=drop")
    unclaimed = world.api("GET", "/v1/nves")["unclaimed"]
    assert len(unclaimed) == 2
    world.vn()
    assert mods(world) == 0
    assert world.flows("hv2") == []
    assert len(world.flows("hv1")) == 1


def test_foreign_flows_need_adopt(make_world):
    world = make_world(1, claim=False)
    world.ofctl("hv1", "add-flow", "table=7,priority=5,actions=drop")
    world.ofctl("hv1", "add-flow", "cookie=0x123,table=0,actions=normal")
    # nvad read the flows when the bridge came: it must come again.
    world.sandbox("controller", f"unix:{world.path('nvad.sock')}")
    world.wait(lambda: any(b["foreign_flows"] for b in
                           world.api("GET", "/v1/nves")["unclaimed"]),
               "foreign flows to be seen", 10)
    with pytest.raises(Refused) as refused:
        world.claim("hv1")
    assert refused.value.status == 409
    assert len(world.flows("hv1")) == 2
    assert mods(world) == 0
    world.claim("hv1", adopt=True)
    flows = world.flows("hv1")
    assert len(flows) > 2
    assert not [flow for flow in flows if "actions=NORMAL" in flow]


def test_k2_a_reconnect_sends_nothing_when_nothing_changed(pair):
    """Every template is read back as it was sent: an empty difference.  More
    of them are on the switch in the next test's states."""
    pair.api("PUT", "/v1/vns/learn", {
        "vni": 300, "binding": "learn", "unknown_unicast": "flood",
        "unknown_question": "drop", "mtu": 1400})
    pair.api("PUT", "/v1/nves/hv1/ports/tap-x", {"vn": "learn"})
    pair.sandbox("port", "x", "hv1")
    pair.sandbox("port", "vm1", "hv2")
    move = pair.prepare("vm1", "hv2", "tap-vm1")
    pair.sandbox("pause", "vm1")
    pair.api("POST", f"/v1/moves/{move}/pause")
    pair.settled()
    time.sleep(0.2)
    before = mods(pair)
    flows = {nve: pair.flows(nve) for nve in ("hv1", "hv2")}
    assert any("table=40" in flow and "hard_timeout" in flow
               for flow in flows["hv1"])
    started = time.monotonic()
    pair.sandbox("controller", f"unix:{pair.path('nvad.sock')}")
    pair.wait(lambda: pair.metric("nva_switches_up_total") >= 4, "sessions")
    pair.settled()
    time.sleep(0.3)
    assert mods(pair) == before
    assert {nve: pair.flows(nve) for nve in ("hv1", "hv2")} == flows
    assert pair.youngest("hv1") > time.monotonic() - started
    pair.everything_as_it_should()


def test_a_reconnect_sends_only_the_difference(pair):
    pair.sandbox("controller", "unix:/nonexistent/nobody")
    pair.wait(lambda: pair.bridges() == 0, "the sessions to end")
    assert pair.ping("vm1", ip4(2)) == 3        # K6: flows stay.
    time.sleep(1)
    before = mods(pair)
    pair.declare("vm9", 9, "hv2")
    total = len(pair.flows("hv1"))
    started = time.monotonic()
    pair.sandbox("controller", f"unix:{pair.path('nvad.sock')}")
    pair.settled()
    pair.wait(lambda: any(mac(9) in f for f in pair.flows("hv1")), "vm9")
    sent = mods(pair) - before
    assert 0 < sent < 2 * total
    ages = pair.ages("hv1")
    since = time.monotonic() - started
    old = [flow for flow, age in ages.items() if age > since]
    new = [flow for flow, age in ages.items() if age <= since]
    assert new and all(mac(9) in flow or ip4(9) in flow or ip6(9) in flow
                       for flow in new), new
    assert len(old) == total
    assert pair.ping("vm1", ip4(2)) == 3


@pytest.mark.parametrize("how", ["--keep-flows", "--empty"])
def test_k2_k6_a_switch_restarts(pair, how):
    flows = {nve: pair.flows(nve) for nve in ("hv1", "hv2")}
    before = mods(pair)
    pair.sandbox("restart", "hv1", how)
    pair.wait(lambda: pair.metric("nva_switches_up_total") >= 3, "hv1", 15)
    pair.settled(timeout=15)
    pair.wait(lambda: pair.flows("hv1") == flows["hv1"],
              "the flows of before", 10)
    assert pair.flows("hv2") == flows["hv2"]
    if how == "--keep-flows":
        assert mods(pair) == before
    else:
        assert mods(pair) >= before + len(flows["hv1"])
    pair.ping("vm1", ip4(2), 1)
    assert pair.ping("vm1", ip4(2)) == 3
    assert pair.ping("vm2", ip6(1)) == 3
    pair.everything_as_it_should()


def tell(world):
    """Two measured guests, as VM management knows them."""
    nves = world.nves()
    for name in ("hv1", "hv2"):
        world.api("PUT", f"/v1/nves/{name}", {
            "dpid": nves[name]["dpid"],
            "tunnel_ip": nves[name]["tunnel_ip"]})
    world.vn()
    for name, number, nve in (("a", 1, "hv1"), ("b", 2, "hv2")):
        world.declare(name, number, nve)


@pytest.mark.parametrize("order", ["told, then connected",
                                   "connected, then told"])
def test_k6_nvad_goes_and_no_packet_is_lost(make_world, order):
    """nvad is killed and comes back with an empty directory, as there is no
    database.  Bridges that nobody has claimed yet go on as they were; told
    what is where before they connect, they lose nothing either."""
    world = make_world(2, claim=False)
    with Measure(world) as measure:
        for name, number, nve in (("a", 1, "hv1"), ("b", 2, "hv2")):
            measure.guest(name, number, [nve])
        tell(world)
        world.settled()
        for family in ("v4", "v6"):
            measure(f"flow add a b {family} pps=500")
        measure("start")
        measure("resolve")
        time.sleep(0.5)
        measure.mark()
        world.stop_nvad(kill=True)
        time.sleep(0.5)
        if order == "told, then connected":
            world.sandbox("controller", "unix:/nonexistent/nobody")
            world.start_nvad(connect=False)
            tell(world)
            world.sandbox("controller", f"unix:{world.path('nvad.sock')}")
            world.settled()
        else:
            world.start_nvad()
            world.wait(lambda: world.bridges() == 2, "the bridges")
        time.sleep(0.5)
        report = measure.report()
        assert report.total("sent") > 1000
        assert (report.total("lost"), report.total("duplicated")) == (0, 0)
        tell(world)
        world.settled()
        time.sleep(0.3)                 # Datapath caches follow.
        measure.mark()
        time.sleep(0.5)
        report = measure.report()
        assert (report.total("lost"), report.total("duplicated")) == (0, 0)
        world.everything_as_it_should()


def hello(version=6):
    return struct.pack("!BBHI", version, 0, 8, 1)


def hostile():
    """(name, bytes) of peers that end, one way or another."""
    rng = random.Random(1)
    yield "http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "zeros", bytes(64)
    yield "ones", b"\xff" * 64
    yield "length-7", hello() + struct.pack("!BBHI", 6, 2, 7, 2)
    yield "old-version", struct.pack("!BBHI", 1, 0, 8, 1)
    yield "never-hello", struct.pack("!BBHI", 6, 5, 8, 1)
    yield "bad-type", hello() + struct.pack("!BBHI", 6, 99, 8, 2)
    yield "features-lie", hello() + struct.pack("!BBHI", 6, 6, 9, 2) + b"x"
    yield "huge", hello() + struct.pack("!BBHI", 6, 10, 65535, 2) \
        + bytes(65527)
    for i in range(20):
        yield f"noise-{i}", hello() + rng.randbytes(200)
    yield "truncated", hello()[:5]


def test_hostile_bytes_end_that_session_only(pair):
    ups = pair.metric("nva_switches_up_total")
    open_ones = []
    for name, data in hostile():
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(pair.path("nvad.sock"))
        try:
            peer.sendall(data)
            if name in ("truncated", "bad-type"):
                open_ones.append(peer)      # Neither ends it by itself...
                continue
            peer.settimeout(3)
            while peer.recv(65536):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            open_ones.append(peer)          # ...a noise may be incomplete.
            assert name.startswith("noise") or name == "features-lie", name
        pair.answers()
    for peer in open_ones:
        peer.close()
    assert pair.nvad.poll() is None
    assert pair.metric("nva_switches_up_total") == ups
    assert all(n["state"] == "connected"
               for n in pair.api("GET", "/v1/nves")["nves"])
    assert pair.ping("vm1", ip4(2)) == 3
    pair.everything_as_it_should()


def test_a_thousand_silent_peers(pair):
    """They cost nvad no NVE and no answer."""
    peers = []
    try:
        for _ in range(1000):
            peer = socket.socket(socket.AF_UNIX)
            peer.setblocking(False)
            try:
                peer.connect(pair.path("nvad.sock"))
                peer.send(hello()[:4])
            except OSError:
                pass
            peers.append(peer)
        assert pair.answers()
        pair.sandbox("controller", f"unix:{pair.path('nvad.sock')}")
        pair.settled(timeout=15)
    finally:
        for peer in peers:
            peer.close()
    assert pair.ping("vm1", ip4(2)) == 3


def test_nvad_ends_clean(pair):
    """SIGTERM: status 0, sockets gone."""
    pair.nvad.send_signal(signal.SIGTERM)
    assert pair.nvad.wait(5) == 0
    for name in ("nvad.sock", "api.sock", "nvad.ctl"):
        assert not os.path.exists(pair.path(name)), name
    assert pair.ping("vm1", ip4(2)) == 3
    pair.nvad = None


def test_d1_a_chain_of_quick_moves(make_world):
    """A -> B -> C -> A within milliseconds, announced once each."""
    world = make_world(3)
    with moves.Stage(world, redirect_timeout=1) as stage:
        stage.cast()
        stage.flows(500)
        steps = []
        for to in ("hv2", "hv3", "hv1", "hv3"):
            steps.append(f"pause vm; sleep 200us; resume vm {to}; "
                         "announce vm garp; sleep 3ms")
        stage.measure("script " + "; ".join(steps))
        time.sleep(0.5)
        assert stage.place() == "hv3"
        stage.measure.mark()
        time.sleep(0.5)
        report = stage.measure.report()
        assert (report.total("lost"), report.total("duplicated")) == (0, 0)
        time.sleep(1)
        for nve in moves.NVES:          # All redirects have ended.
            assert not [flow for flow in world.flows(nve, "table=40")
                        if mac(1) in flow]
        world.everything_as_it_should()

# SPDX-License-Identifier: Apache-2.0
"""VMs that stay where they are: who reaches whom, and what crosses."""

import subprocess
import sys

import pytest

from conftest import World
from nva_lab.guests import ip4, ip6, mac
from sniff import Sniffer

BROADCAST = r"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for i in range(int(sys.argv[2])):
    s.sendto(sys.argv[1].encode(), ("10.0.255.255", 9))
"""


@pytest.fixture(scope="module", params=["v4", "v6", "mixed"])
def world(request):
    """vm1 at hv1, vm2 at hv2, vm3 at hv3, vm4 at hv1."""
    made = World(3, "--underlay", request.param)
    try:
        made.start()
        made.vn(mtu=1500)
        for number in (1, 2, 3):
            made.vm(f"vm{number}", number, f"hv{number}")
        made.vm("vm4", 4, "hv1")
        made.settled()
        yield made
        made.everything_as_it_should()
    finally:
        made.down()


@pytest.mark.parametrize("address", [ip4, ip6])
def test_d1_everybody_reaches_everybody(world, address):
    for vm, other in ((1, 2), (2, 3), (3, 1), (1, 4), (4, 2)):
        world.ping(f"vm{vm}", address(other), 1)    # The tunnel's neighbour.
        assert world.ping(f"vm{vm}", address(other)) == 3, (vm, other)


@pytest.mark.parametrize("family,address", [("-4", ip4), ("-6", ip6)])
def test_f1_questions_are_answered_at_the_nve(world, family, address):
    world.sandbox("exec", "vm1", "ip", family, "neigh", "flush", "all")
    with Sniffer(world.namespace("hv1")) as under, \
            Sniffer(f"nva-{world.name}-vm-vm2") as asked:
        assert world.ping("vm1", address(2)) == 3
    # vm2 asks for itself, too: its questions end at hv2.
    from_vm1 = bytes.fromhex(mac(1).replace(":", ""))
    assert under.count(lambda f: f.vni == 100 and f.is_question) == 0
    assert asked.count(lambda f: f.is_question and f.src == from_vm1
                       and not f.outgoing) == 0
    shown = world.sandbox("exec", "vm1", "ip", family, "neigh", "show")
    assert mac(2) in shown


def test_f2_a_probe_for_an_address_in_use_is_answered(world):
    """Linux' duplicate address detection: the address of vm2 on vm1."""
    world.sandbox("exec", "vm1", "ip", "addr", "add", ip6(2) + "/64", "dev",
                  "eth0")
    try:
        world.wait(lambda: "dadfailed" in world.sandbox(
            "exec", "vm1", "ip", "addr", "show", "eth0"), "dadfailed", 5)
    finally:
        world.sandbox("exec", "vm1", "ip", "addr", "del", ip6(2) + "/64",
                      "dev", "eth0")
    found = world.api("GET", f"/v1/lookup?vn=red&ip={ip6(2)}")
    assert (found["vm"], found["nve"]) == ("vm2", "hv2")


def test_h1_an_arp_probe_moves_nothing(world):
    """DAD for IPv4 (RFC 5227): answered, and the owner stays."""
    done = world.sandbox("exec", "vm3", "arping", "-D", "-c", "2", "-I",
                         "eth0", ip4(2), check=False)
    assert done.returncode == 1 and mac(2).upper() in done.stdout.upper()
    found = world.api("GET", f"/v1/lookup?vn=red&ip={ip4(2)}")
    assert (found["vm"], found["nve"]) == ("vm2", "hv2")


def test_full_size_frames_of_the_vns_mtu_pass(world):
    for address, header in ((ip4, 28), (ip6, 48)):
        for other in (2, 3):
            world.ping("vm1", address(other), 1)
            assert world.ping("vm1", address(other), 3, "-s",
                              1500 - header, "-M", "do") == 3, other


def test_trace_agrees(world):
    """What ofproto/trace says of a frame is where it goes."""
    nves = world.nves()
    port = world.ofport("hv1", "tap-vm1")
    flow = (f"in_port={port},dl_src={mac(1)},dl_dst={mac(2)},dl_type=0x0800,"
            f"nw_src={ip4(1)},nw_dst={ip4(2)},nw_proto=17")
    _, out = world.trace("hv1", flow)
    assert f"dst={nves['hv2']['tunnel_ip']}" in out
    assert "vni=0x64" in out
    text, out = world.trace("hv1", flow.replace(mac(2), mac(4)))
    number = world.ofport("hv1", "tap-vm4")
    assert f"output:{number}" in text and "tnl_push" not in out
    _, out = world.trace("hv1", flow.replace(mac(1), mac(3)))   # Spoofed.
    assert "tnl_push" not in out


def send_broadcast(world, vm, word, count=1):
    subprocess.run(["ip", "netns", "exec", f"nva-{world.name}-vm-{vm}",
                    sys.executable, "-c", BROADCAST, word, str(count)],
                   check=True, timeout=10)


def test_a1_broadcast_reaches_the_vns_nves_only_and_once(make_world):
    world = make_world(4)
    world.vn()
    world.vn("blue", 200)
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv2")
    world.vm("vm3", 3, "hv3")
    world.vm("vm4", 4, "hv2")       # A second one there: still one copy.
    world.vm("vm5", 5, "hv4", "blue")
    world.vm("vm6", 6, "hv1", "blue")
    world.settled()
    assert world.ping("vm1", ip4(2)) and world.ping("vm1", ip4(3))

    def is_it(frame):
        return b"hello-all" in frame.payload
    sniffers = {nve: Sniffer(world.namespace(nve))
                for nve in ("hv2", "hv3", "hv4")}
    sniffers.update({vm: Sniffer(f"nva-{world.name}-vm-{vm}")
                     for vm in ("vm2", "vm3", "vm4", "vm5", "vm6")})
    for sniffer in sniffers.values():
        sniffer.__enter__()
    send_broadcast(world, "vm1", "hello-all", 5)
    for sniffer in sniffers.values():
        sniffer.__exit__()
    counts = {name: (s.count(lambda f: is_it(f) and not f.outgoing),
                     s.count(lambda f: is_it(f) and f.outgoing))
              for name, s in sniffers.items()}
    # In, and (at an NVE) never out again: not from tunnel to tunnel.
    assert counts == {"hv2": (5, 0), "hv3": (5, 0), "hv4": (0, 0),
                      "vm2": (5, 0), "vm3": (5, 0), "vm4": (5, 0),
                      "vm5": (0, 0), "vm6": (0, 0)}


def test_d15_two_vns_with_the_same_addresses_stay_apart(make_world):
    """The same MACs and IPs at the same two NVEs, in two VNs."""
    world = make_world(2)
    world.vn("red", 100)
    world.vn("blue", 200)
    for vn in ("red", "blue"):
        for number in (1, 2):
            name = f"{vn[0]}{number}"
            world.vm(name, number, f"hv{number}", vn)
    world.settled()
    for vn in "rb":
        world.ping(f"{vn}1", ip4(2), 1)
        for address in (ip4, ip6):
            assert world.ping(f"{vn}1", address(2)) == 3
    with Sniffer(f"nva-{world.name}-vm-b2") as blue, \
            Sniffer(f"nva-{world.name}-vm-r2") as red:
        assert world.ping("r1", ip4(2), 5, "-p", "5afe5afe") == 5
        send_broadcast(world, "r1", "only-for-red", 3)

    def is_it(frame):
        return not frame.outgoing and (b"\x5a\xfe\x5a\xfe" in frame.payload
                                       or b"only-for-red" in frame.payload)
    assert red.count(is_it) == 8
    assert blue.count(is_it) == 0
    # A VM that is only in red has no place in blue.
    world.api("DELETE", "/v1/vms/b2")
    world.settled()
    assert world.ping("b1", ip4(2), 2) == 0
    assert world.ping("r1", ip4(2), 2) == 2


def test_d6_unknown_unicast_goes_nowhere(make_world):
    """unknown_unicast=query: asked about, not flooded."""
    world = make_world(2)
    world.vn()
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv2")
    world.settled()
    world.ping("vm1", ip4(2), 1)
    world.sandbox("exec", "vm1", "ip", "neigh", "replace", ip4(99), "lladdr",
                  mac(99), "dev", "eth0")
    with Sniffer(f"nva-{world.name}-vm-vm2") as other, \
            Sniffer(world.namespace("hv1")) as under:
        world.ping("vm1", ip4(99), 2)
    stranger = bytes.fromhex(mac(99).replace(":", ""))
    assert other.count(lambda f: f.dst == stranger) == 0
    assert under.count(lambda f: f.vni == 100 and f.dst == stranger) == 0
    world.everything_as_it_should()

# SPDX-License-Identifier: Apache-2.0
"""What nvad asks virtual machines, and kernels answer: whether what they
taught it is still so."""

import time

from conftest import Refused
from nva_lab.guests import ip4, ip6, mac
from sniff import Sniffer

ARP, IPV6 = 0x0806, 0x86dd


def stranger(world, name, number, nve):
    """A VM with a kernel that nobody tells nvad of."""
    world.sandbox("vm", name, nve, "--mac", mac(number), "--ip",
                  ip4(number) + "/16", "--ip", ip6(number) + "/64")
    world.api("PUT", f"/v1/nves/{nve}/ports/tap-{name}", {"vn": "red"})


def holder(world, ip):
    """The MAC that nvad says has 'ip', or None."""
    try:
        return world.api("GET", f"/v1/lookup?vn=red&ip={ip}")["mac"]
    except Refused as refused:
        assert refused.status == 404
        return None


def notes(world, kind, reason):
    name = f'nva_notes_total{{type="{kind}",reason="{reason}"}}'
    return sum(int(line.rsplit(" ", 1)[1])
               for line in world.api("GET", "/metrics").splitlines()
               if line.startswith(name))


def sniffer(world, vm):
    return Sniffer(f"nva-{world.name}-vm-{vm}")


def is_asked(frame):
    """A question of the NVA's own."""
    return (not frame.outgoing and frame.src.hex() == "024e56410001"
            and frame.is_question)


def test_f6_what_kernels_taught_lasts_while_they_answer(make_world):
    """Asked all the while at its own port only, with sender IP 0; an address
    that the kernel gives up is withdrawn; then the host, when it is gone."""
    world = make_world(2)
    world.vn(binding="learn", age=10)
    world.vm("vm2", 2, "hv2")
    stranger(world, "host", 1, "hv1")
    world.settled()
    assert world.ping("host", ip4(2)) == 3
    assert world.ping("host", ip6(2)) == 3
    world.wait(lambda: holder(world, ip4(1)) and holder(world, ip6(1)),
               "the host to be learned", 10)
    with sniffer(world, "host") as asked, sniffer(world, "vm2") as other:
        time.sleep(25)
    mine = [f for f in asked.frames if is_asked(f)]
    assert {f.dst.hex(":") for f in mine} == {mac(1)}
    assert {f.ethertype for f in mine} == {ARP, IPV6}
    assert all(f.payload[14:18] == bytes(4) for f in mine
               if f.ethertype == ARP)
    # Two addresses (and the link-local one), asked at a third of 10 s and
    # answered: not every second, and not three times each.
    assert 6 <= len(mine) <= 40
    assert other.count(is_asked) == 0
    assert holder(world, ip4(1)) == holder(world, ip6(1)) == mac(1)
    assert notes(world, "withdrawn", "aged") == 0

    world.sandbox("exec", "host", "ip", "addr", "del", ip4(1) + "/16", "dev",
                  "eth0")
    world.wait(lambda: not holder(world, ip4(1)), "the address to age", 30)
    assert holder(world, ip6(1)) == mac(1)
    world.settled()
    assert not [f for f in world.flows("hv2") if f"arp_tpa={ip4(1)}" in f]

    world.sandbox("exec", "host", "ip", "link", "set", "eth0", "arp", "off")
    world.sandbox("exec", "host", "ip", "link", "set", "eth0", "down")
    world.wait(lambda: not holder(world, ip6(1)), "the host to age", 40)
    world.wait(lambda: [vm["name"] for vm in world.api("GET", "/v1/vms")["vms"]
                        ] == ["vm2"], "nothing of it to stay", 20)
    assert holder(world, ip4(2)) == mac(2)
    world.everything_as_it_should()


def garp(world, vm, ip):
    world.sandbox("exec", vm, "python3", "-c", GARP, "eth0", ip)


GARP = r"""
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
mac = s.getsockname()[4]
ip = socket.inet_aton(sys.argv[2])
s.send(b"\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac + ip
       + bytes(6) + ip + bytes(18))
"""


def frozen(world):
    return [ip for vm in world.api("GET", "/v1/vms")["vms"]
            for nif in vm["interfaces"] for ip in nif["frozen_ips"]]


def test_f7_two_kernels_with_one_address(make_world):
    """Who has it answers and keeps it; five claims freeze it, and no NVE
    answers; thawed, and its holder silent, the other gets it."""
    world = make_world(2)
    world.vn(binding="learn")
    world.vm("vm2", 2, "hv2")
    shared = ip4(99)
    for name, number, nve in (("first", 3, "hv1"), ("second", 4, "hv2")):
        stranger(world, name, number, nve)
    world.settled()
    world.sandbox("exec", "first", "ip", "addr", "add", shared + "/16", "dev",
                  "eth0")
    garp(world, "first", shared)
    world.wait(lambda: holder(world, shared) == mac(3), "it to be learned", 5)
    assert world.ping("second", ip4(2)) == 3
    world.settled()
    for n in range(1, 6):
        assert not frozen(world)
        garp(world, "second", shared)
        world.wait(lambda n=n: notes(world, "duplicate", "claimed") >= n,
                   "the holder's answer", 10)
        time.sleep(1.2)
    assert frozen(world) == [shared]
    assert holder(world, shared) == mac(3)
    world.settled()
    for nve in ("hv1", "hv2"):
        assert not [f for f in world.flows(nve)
                    if f"arp_tpa={shared}" in f and "IN_PORT" in f]
    with sniffer(world, "first") as asked:
        assert world.ping("vm2", shared) == 3       # Flooded, and answered.
    assert asked.count(lambda f: f.ethertype == ARP and not f.outgoing
                       and f.dst == b"\xff" * 6) >= 1
    given = world.api("GET", f"/v1/lookup?vn=red&ip={ip4(2)}")
    assert given["mac"] == mac(2)

    vm = world.api("GET", f"/v1/lookup?vn=red&ip={shared}")["vm"]
    world.nvactl("vm", "thaw", vm)
    world.sandbox("exec", "first", "ip", "addr", "del", shared + "/16", "dev",
                  "eth0")
    world.sandbox("exec", "second", "ip", "addr", "add", shared + "/16",
                  "dev", "eth0")
    garp(world, "second", shared)
    time.sleep(5)
    assert holder(world, shared) == mac(3)
    world.wait(lambda: holder(world, shared) == mac(4), "30 s of silence", 60)
    world.everything_as_it_should()


def test_d3_who_stays_is_asked(make_world):
    """A VM leaves hv1: some time after, those that stay there are asked, each
    at its own port, and those elsewhere are not; who is silent is told."""
    world = make_world(2)
    world.vn(binding="learn", redirect_timeout=1)
    for number, nve in ((1, "hv1"), (2, "hv1"), (3, "hv1"), (4, "hv2")):
        world.vm(f"vm{number}", number, nve)
    world.api("PUT", "/v1/nves/hv2/ports/tap-vm1", {"vn": "red"})
    world.settled()
    world.sandbox("exec", "vm3", "ip", "link", "set", "eth0", "arp", "off")
    world.sandbox("exec", "vm3", "sysctl", "-qw",
                  "net.ipv6.conf.eth0.disable_ipv6=1")
    with sniffer(world, "vm2") as left, sniffer(world, "vm3") as mute, \
            sniffer(world, "vm4") as other, sniffer(world, "vm1") as mover:
        world.sandbox("rehome", "vm1", "hv2", "--announce", "garp")
        world.wait(lambda: notes(world, "silent", "no_answer") == 1,
                   "vm3 to be found silent", 90)
    questions = [f for f in left.frames if is_asked(f)]
    assert [f.dst.hex(":") for f in questions] == [mac(2)]
    assert mute.count(is_asked) == 3
    assert other.count(is_asked) == mover.count(is_asked) == 0
    assert notes(world, "probe", "answered_here") >= 1
    assert holder(world, ip4(3)) == mac(3)      # Given: it stays.
    world.everything_as_it_should()

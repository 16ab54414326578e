# SPDX-License-Identifier: Apache-2.0
"""What guests say that is not theirs to say, and guests that would believe it
(S1): vm1 lies to vm2 at its own NVE and to vm3 at another."""

import re
import subprocess
import sys
import time

import pytest

import nd
from nd import CHAINS, NODES, ROUTERS, link_local
from nva_lab.guests import ip4, ip6, mac
from test_guard import counted, marked, reach, send

GIVEN = "fe80::77"                      # vm2's, as VM management says.
OF_VM2 = [link_local(2), GIVEN, ip6(2)]
EVERYBODY = "33:33:00:00:00:01"
ALL_ROUTERS = "33:33:00:00:00:02"

REPEAT = r"""
import socket, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
frames = [bytes.fromhex(line.strip()) for line in sys.stdin]
print("ready", flush=True)
while True:
    for frame in frames:
        link.send(frame)
        time.sleep(0.01)
"""


def cast(world, **fields):
    world.vn(**fields)
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv1")
    world.vm("vm3", 3, "hv2")
    give(world, "vm2", [ip4(2), ip6(2), GIVEN])
    for vm in ("vm1", "vm2", "vm3"):        # Its own address, after DAD.
        world.wait(lambda v=vm: "tentative" not in shown(world, v), vm)


def give(world, vm, ips, **fields):
    world.api("PUT", f"/v1/vms/{vm}",
              {"interfaces": [{"ips": ips, **fields}]})
    world.settled()


def shown(world, vm):
    return world.sandbox("exec", vm, "ip", "-6", "addr", "show", "eth0")


def neighbours(world, vm):
    """{address: MAC} as its kernel has it."""
    text = world.sandbox("exec", vm, "ip", "neigh", "show", "dev", "eth0")
    return dict(re.findall(r"^(\S+) (?:dev eth0 )?lladdr (\S+)", text, re.M))


def know(world, vm, addresses):
    """The VM has asked for 'addresses' and knows them."""
    for address in addresses:
        world.ping(vm, address + "%eth0" * address.startswith("fe80"), 1)


class Lies:
    """Frames of vm1 to vm3, each with a mark of its own, by what becomes of
    them where sources are checked."""

    def __init__(self):
        self.frames = {}

    def add(self, reason, make, *args, **kw):
        mark = sum(map(len, self.frames.values()))
        frame = make(*args[:-1], args[-1] + nd.neutral(marked(mark)), **kw)
        self.frames.setdefault(reason, []).append((mark, frame))

    def told(self, world, vms=("vm2", "vm3")):
        """{reason: (sent, arrived, counted)}"""
        return {reason: (len(frames), *map(
            int, self.tell(world, frames, reason, vms)))
                for reason, frames in self.frames.items()}

    @staticmethod
    def tell(world, frames, reason, vms):
        arrived, dropped = reach(world, frames, reason, vms)
        return len(arrived), dropped


def about(lies, whose, true, chains=("",)):
    """What vm1 says of 'whose' address, with its own MAC."""
    reason = "true" if true else "spoofed"
    me, third = (mac(1), mac(3)), (whose, ip6(3))
    source, target = nd.lla(1, mac(1)), nd.lla(2, mac(1))

    for chain in chains:
        lies.add(reason, nd.na, me, third, whose, target, chain=chain)
        lies.add(reason, nd.ns, me, third, ip6(3), source, chain=chain)
    lies.add(reason, nd.na, (mac(1), EVERYBODY), (whose, NODES), whose, target)
    lies.add(reason, nd.na, me, third, whose, b"")
    lies.add(reason, nd.ns, me, third, ip6(3), b"")
    lies.add(reason, nd.icmp6_frame, (mac(1), ALL_ROUTERS), (whose, ROUTERS),
             nd.RS, bytes(4) + source)


def all_lies():
    lies = Lies()
    me, third = (mac(1), mac(3)), (ip6(1), ip6(3))
    complete = [c for c in CHAINS if not c or "fragment" not in c]

    # Duplicate address detection is everybody's to hear, or nobody's.
    for whose in OF_VM2:
        lies.add("spoofed", nd.ns, (mac(1), mac(2)),
                 ("::", "ff02::1:ff00:2"), whose, b"")
    for whose in OF_VM2:
        about(lies, whose, False, complete + ["atomic fragment"])
    # Its own address, at another's MAC; and first at one, then at another.
    for other in (mac(2), mac(9)):
        lies.add("spoofed", nd.na, me, third, ip6(1), nd.lla(2, other))
        lies.add("spoofed", nd.ns, me, third, ip6(3), nd.lla(1, other))
        for both in ((other, mac(1)), (mac(1), other)):
            lies.add("frame_option", nd.na, me, third, ip6(1),
                     nd.lla(2, *both))
            lies.add("frame_option", nd.ns, me, third, ip6(3),
                     nd.lla(1, *both))
    for chain in ("fragment", "options, fragment", "fragment, options"):
        for whose in (link_local(2), ip6(1)):
            lies.add("nd_fragment", nd.na, me, third, whose,
                     nd.lla(2, mac(1)), chain=chain)
        for kind in (nd.RS, nd.RA, nd.REDIRECT):
            lies.add("nd_fragment", nd.icmp6_frame, me, third, kind,
                     bytes(20), chain=chain)
    lies.add("header_chain", nd.na, me, third, ip6(1), b"",
             chain="headers in the next fragment")
    return lies


def truths():
    told = Lies()
    for own in (ip6(1), link_local(1), "fe80::9999"):
        about(told, own, True, ("", "options"))
    return told


def lied_to(world):
    """vm3 after all lies, and then the truths: what was sent, what arrived
    and was counted; and its cache after the lies."""
    world.sandbox("exec", "vm3", "sysctl", "-qw",
                  "net.ipv6.conf.all.forwarding=1")
    world.sandbox("exec", "vm2", "ip", "addr", "add", GIVEN + "/64", "dev",
                  "eth0", "nodad")
    know(world, "vm3", OF_VM2 + [ip6(1), ip4(1), ip4(2)])
    before = neighbours(world, "vm3")
    assert [before[a] for a in OF_VM2] == [mac(2)] * 3
    told = all_lies().told(world)
    return told, neighbours(world, "vm3")


@pytest.mark.parametrize("security", ["mac", "full"])
def test_s1_neighbours_are_not_lied_to(make_world, security):
    world = make_world(2)
    cast(world, port_security=security)
    told, cache = lied_to(world)
    for reason, (sent, arrived, dropped) in told.items():
        assert (arrived, dropped) == (0, sent), reason
    assert [cache.get(a, mac(2)) for a in OF_VM2] == [mac(2)] * 3
    assert cache.get(ip6(1), mac(1)) == mac(1)

    told = truths().told(world)
    assert told["true"][1] == told["true"][0]
    if security == "full":
        sent = [(i, nd.udp6_frame((mac(1), mac(3)), (whose, ip6(3)), (9, 9),
                                  marked(i)))
                for i, whose in enumerate(OF_VM2 + [ip6(1), link_local(1)])]
        assert reach(world, sent, "spoofed") == ({3, 4}, 3)
    world.everything_as_it_should()


def test_s1_neighbours_believe_where_nothing_is_checked(make_world):
    """The same lies are good ones: without port security they work."""
    world = make_world(2)
    cast(world, port_security="none")
    told, cache = lied_to(world)
    sent, arrived, _ = told["spoofed"]
    assert arrived == sent
    assert mac(1) in [cache.get(a) for a in OF_VM2]
    for reason in ("frame_option", "nd_fragment", "header_chain"):
        assert told[reason][1] == 0, reason


def claims(address):
    """All that makes a guest's duplicate address detection fail."""
    group = (mac(1), "33:33:ff:00:00:" + f"{nd.packed(address)[15]:02x}")
    solicited = f"ff02::1:ff{nd.packed(address)[13:14].hex()}:" + nd.packed(
        address)[14:].hex()
    return [
        nd.na((mac(1), EVERYBODY), (address, NODES), address,
              nd.lla(2, mac(1))),
        nd.na((mac(1), mac(2)), (address, NODES), address, nd.lla(2, mac(1))),
        nd.na((mac(1), mac(2)), (ip6(1), ip6(2)), address, b""),
        nd.ns(group, ("::", solicited), address, b""),
        nd.ns((mac(1), mac(2)), ("::", solicited), address, b""),
    ]


class Claiming:
    """with Claiming(world, addresses): vm1 says without end that it has them.
    """

    def __init__(self, world, addresses):
        self.argv = ["ip", "netns", "exec", world.namespace("vm-vm1"),
                     sys.executable, "-c", REPEAT]
        self.frames = [f for a in addresses for f in claims(a)]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, text=True,
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.process.stdin.write("".join(f.hex() + "\n" for f in self.frames))
        self.process.stdin.close()
        assert self.process.stdout.readline() == "ready\n"

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def detect(world, address):
    """Whether vm2 gets 'address' while vm1 claims it."""
    def state():
        return re.search(rf"inet6 {address}/64 .*", shown(world, "vm2"))[0]
    with Claiming(world, [address]):
        world.sandbox("exec", "vm2", "ip", "addr", "add", address + "/64",
                      "dev", "eth0")
        world.wait(lambda: "tentative" not in state()
                   or "dadfailed" in state(), "the end of its DAD", 5)
    return "dadfailed" not in state()


@pytest.mark.parametrize("security", ["none", "mac", "full"])
def test_s1_duplicate_address_detection_beside_a_liar(make_world, security):
    """It fails where nothing is checked, and nowhere else."""
    world = make_world(1)
    world.vn(port_security=security)
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv1")
    give(world, "vm2", [ip4(2), ip6(2), GIVEN])
    for address in (link_local(2), GIVEN, ip6(2)):
        if address in shown(world, "vm2"):
            world.sandbox("exec", "vm2", "ip", "addr", "del", address + "/64",
                          "dev", "eth0")
        assert detect(world, address) == (security != "none"), address
    world.everything_as_it_should()

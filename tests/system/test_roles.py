# SPDX-License-Identifier: Apache-2.0
"""Routers and DHCP servers are those that are meant to be (S1: RFC 6105, 7113,
7610), whatever is put before what they say; and fragments of data pass."""

import pytest

import nd
from nd import CHAINS, NODES
from nva_lab.guests import ip4, ip6, mac
from test_guard import marked, reach, send
from test_lies import cast, give, know, neighbours

ALL = "ff:ff:ff:ff:ff:ff"
EVERYBODY = "33:33:00:00:00:01"
COMPLETE = [c for c in CHAINS if "fragment" not in c] + ["atomic fragment"]


def sayings():
    """(role, make): make(mark) is what one with that role may say."""
    def ra(chain):
        return lambda mark: nd.icmp6_frame(
            (mac(1), EVERYBODY), (nd.link_local(1), NODES), nd.RA,
            b"\x40\0\x07\x08" + bytes(8) + nd.neutral(mark), chain)

    def redirect(chain):
        return lambda mark: nd.icmp6_frame(
            (mac(1), EVERYBODY), (nd.link_local(1), NODES), nd.REDIRECT,
            bytes(4) + nd.packed(ip6(1)) + nd.packed(ip6(2))
            + nd.neutral(mark), chain)

    def dhcp6(ports, chain):
        return lambda mark: nd.udp6_frame(
            (mac(1), EVERYBODY), (nd.link_local(1), NODES), ports,
            mark.ljust(16, b"\0"), chain)

    def icmp4(kind):
        return lambda mark: nd.icmp4_frame(
            (mac(1), ALL), (ip4(1), "255.255.255.255"), kind,
            bytes(4) + mark)

    def dhcp4(ports):
        return lambda mark: nd.ip4_frame(
            (mac(1), ALL), (ip4(1), "255.255.255.255"), 17,
            nd.udp(*ports, mark))

    made = [("router", icmp4(5)), ("router", icmp4(9))]
    made += [("dhcp_server", dhcp4(p)) for p in ((67, 68), (67, 9), (9, 68))]
    for chain in COMPLETE:
        made += [("router", ra(chain)), ("router", redirect(chain))]
    for chain in COMPLETE + ["fragment", "options, fragment"]:
        made += [("dhcp_server", dhcp6(p, chain))
                 for p in ((547, 546), (547, 9), (9, 546))]
    return made


def said(world, roles):
    """vm1, an interface with 'roles', says all there is; {role: (sent,
    arrived, counted)}"""
    give(world, "vm1", [ip4(1), ip6(1)], roles=roles)
    found = {}
    for role in ("router", "dhcp_server"):
        frames = [(i, make(marked(i)))
                  for i, (r, make) in enumerate(sayings()) if r == role]
        arrived, dropped = reach(world, frames, f"not_{role}")
        found[role] = (len(frames), len(arrived), dropped)
    return found


def test_s1_roles(make_world):
    """What a router or a DHCP server says reaches others from who is one."""
    world = make_world(2)
    cast(world)
    for roles in ([], ["router"], ["dhcp_server"], ["router", "dhcp_server"],
                  []):
        for role, (sent, arrived, dropped) in said(world, roles).items():
            assert (arrived, dropped) == ((sent, 0) if role in roles
                                          else (0, sent)), (role, roles)
    world.vn(port_security="none")
    world.settled()
    for role, (sent, arrived, dropped) in said(world, []).items():
        assert (arrived, dropped) == (sent, 0), role
    world.everything_as_it_should()


def default_route(world, vm):
    return world.sandbox("exec", vm, "ip", "-6", "route", "show", "default")


def test_s1_a_default_route_comes_from_a_router(make_world):
    """The kernels of vm2 and vm3 believe an RA that reaches them."""
    world = make_world(2)
    cast(world)
    frame = nd.icmp6_frame(
        (mac(1), EVERYBODY), (nd.link_local(1), NODES), nd.RA,
        b"\x40\0\x07\x08" + bytes(8) + nd.lla(1, mac(1)))
    send(world, "vm1", [frame] * 3)
    world.settled()
    for vm in ("vm2", "vm3"):
        assert default_route(world, vm) == ""
    done = world.nvactl("vm", "set", "vm1", "--role", "router")
    assert done.returncode == 0, done.stderr
    world.settled()
    send(world, "vm1", [frame])
    for vm in ("vm2", "vm3"):
        world.wait(lambda v=vm: nd.link_local(1) in default_route(world, v),
                   f"{vm}'s default route")


def nd_in_fragments():
    """Each as its first fragment, from vm1 to vm3; told are their marks."""
    return [(i, nd.icmp6_frame((mac(1), mac(3)), (ip6(1), ip6(3)), kind,
                               bytes(4) + nd.packed(ip6(1))
                               + nd.neutral(marked(i)), "fragment"))
            for i, kind in enumerate((nd.RS, nd.RA, nd.NS, nd.NA,
                                      nd.REDIRECT))]


@pytest.mark.parametrize("fields", [{"binding": "learn"},
                                    {"port_security": "none"},
                                    {"port_security": "full"}])
def test_s1_fragments(make_world, fields):
    """ND in fragments is dropped everywhere; data in fragments is not."""
    world = make_world(2)
    cast(world, **fields)
    frames = nd_in_fragments()
    for again in range(2):
        for nve in ("hv1", "hv2"):
            assert "nx-match" in world.ofctl(nve, "get-frags")
        for address in (ip4(2), ip6(2), ip4(3), ip6(3)):
            know(world, "vm1", [address])
            assert world.ping("vm1", address, 3, "-s", 4000) == 3, address
        assert reach(world, frames, "nd_fragment") == (set(), len(frames))
        if not again:           # Each session asks for it, whoever changed it.
            world.ofctl("hv1", "set-frags", "normal")
            assert reach(world, frames, "header_chain") == (set(),
                                                            len(frames))
            world.stop_nvad()
            world.start_nvad()
            world.wait(lambda: world.bridges() == 2, "the bridges")
            world.claim(adopt=True)
            cast_again(world, fields)
    world.everything_as_it_should()


def cast_again(world, fields):
    """A new nvad is told what it is to know."""
    world.vn(**fields)
    for number, nve in ((1, "hv1"), (2, "hv1"), (3, "hv2")):
        world.declare(f"vm{number}", number, nve)
    world.settled()


def arp_reply(spa):
    return nd.ethernet(mac(3), mac(1), 0x0806, bytes.fromhex(
        "0001080006040002") + nd.octets(mac(1)) + nd.packed(spa)
        + nd.octets(mac(3)) + nd.packed(ip4(3)))


def test_d15_a_given_address_is_not_anothers(make_world):
    """In a network that learns: vm2's addresses are given, vm1 answers for
    them, vm3 goes on to know better; an address that nobody was given is who
    says so's."""
    world = make_world(2)
    cast(world, binding="learn")
    know(world, "vm3", [ip4(2), ip6(2), ip4(1), ip6(1)])
    assert neighbours(world, "vm3")[ip4(2)] == mac(2)
    mine = "fd10::99"

    def lies(marks, whose6):
        return [(m, frame) for m, frame in zip(marks, (
            arp_frame(marked(marks[0])),
            nd.na((mac(1), mac(3)), (ip6(1), ip6(3)), whose6,
                  nd.lla(2, mac(1)) + nd.neutral(marked(marks[1]))),
            nd.ns((mac(1), mac(3)), (whose6, ip6(3)), ip6(3),
                  nd.lla(1, mac(1)) + nd.neutral(marked(marks[2]))),
            nd.icmp6_frame((mac(1), mac(3)), (whose6, ip6(3)), nd.RS,
                           bytes(4) + nd.neutral(marked(marks[3])))))]

    def arp_frame(mark):
        return arp_reply(ip4(2)) + mark

    assert reach(world, lies((1, 2, 3, 4), ip6(2)), "spoofed") == (set(), 4)
    cache = neighbours(world, "vm3")
    assert [cache.get(a) for a in (ip4(2), ip6(2))] == [mac(2)] * 2
    assert reach(world, lies((5, 6, 7, 8), mine)[1:], "spoofed") == (
        {6, 7, 8}, 0)
    assert world.ping("vm3", ip4(2)) == world.ping("vm3", ip6(2)) == 3
    world.everything_as_it_should()

# SPDX-License-Identifier: Apache-2.0
"""What no port may send reaches nobody, and is counted (S1 to S3)."""

import socket
import sys

import pytest

from nva_lab.guests import ip4, ip6, mac
from sniff import Sniffer

SEND = r"""
import socket, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
for line in sys.stdin:
    link.send(bytes.fromhex(line.strip()))
    time.sleep(0.002)
"""


def octets(text, base=16, separator=":"):
    return bytes(int(part, base) for part in text.split(separator))


def address(number):
    """The VM's IPv4 address."""
    return octets(ip4(number), 10, ".")


def send(world, vm, frames):
    """From the VM's interface, as they are."""
    world.sandbox("exec", vm, sys.executable, "-c", SEND,
                  text="".join(f.hex() + "\n" for f in frames))


def ethernet(dst, src, tags, ethertype, payload):
    head = octets(dst) + octets(src)
    for kind, tci in tags:
        head += kind.to_bytes(2, "big") + tci.to_bytes(2, "big")
    return (head + ethertype.to_bytes(2, "big") + payload).ljust(60, b"\0")


def arp_reply(src, dst, spa, tags=(), mark=0):
    """By 'src', which says that it has 'spa'; 'mark' makes it known again."""
    return ethernet(mac(dst), mac(src), tags, 0x0806, bytes.fromhex(
        "0001080006040002") + octets(mac(src)) + address(spa)
        + octets(mac(dst)) + address(dst) + marked(mark))


def marked(mark):
    return b"guard" + mark.to_bytes(2, "big")


def counted(world, reason):
    text = f'nva_notes_total{{type="dropped",reason="{reason}"}} '
    return sum(int(line[len(text):])
               for line in world.api("GET", "/metrics").splitlines()
               if line.startswith(text))


def reach(world, frames, reason, vms=("vm2", "vm3")):
    """Sends 'frames', each its mark and bytes, from vm1; the marks that
    arrived at 'vms', and how often 'reason' was counted."""
    before = counted(world, reason)
    seen = [Sniffer(world.namespace(f"vm-{vm}")) for vm in vms]
    for sniffer in seen:
        sniffer.__enter__()
    try:
        send(world, "vm1", [frame for _, frame in frames])
        world.settled()
    finally:
        for sniffer in seen:
            sniffer.__exit__()
    arrived = {mark for mark, _ in frames for sniffer in seen
               if sniffer.count(lambda f, m=mark: marked(m) in f.payload)}
    return arrived, counted(world, reason) - before


def three(world, **fields):
    world.vn(**fields)
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv1")
    world.vm("vm3", 3, "hv2")
    world.settled()


GOOD_TAGS = [(), ((0x8100, 0),), ((0x8100, 0xe000),), ((0x88a8, 0),)]
BAD_TAGS = [
    ((0x8100, 5),), ((0x88a8, 5),), ((0x9100, 0),), ((0x9200, 0),),
    ((0x8100, 0), (0x8100, 0)), ((0x8100, 0), (0x8100, 5)),
    ((0x8100, 5), (0x8100, 0)), ((0x88a8, 0), (0x8100, 0)),
    ((0x88a8, 5), (0x8100, 0)), ((0x8100, 0), (0x88a8, 0)),
    ((0x8100, 0), (0x9100, 0)),
    ((0x8100, 0), (0x8100, 0), (0x8100, 0)),
    ((0x88a8, 0), (0x88a8, 0), (0x8100, 0)),
]


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_s2_tags(make_world, limit):
    """However many tags the switch looks at: one priority tag passes."""
    world = make_world(2)
    for nve in ("hv1", "hv2"):
        world.sandbox("vsctl", nve, "set", "Open_vSwitch", ".",
                      f"other_config:vlan-limit={limit}")
    three(world, port_security="full")
    world.ping("vm1", ip4(2)), world.ping("vm1", ip4(3))
    good = [(10 * to + i, arp_reply(1, to, 1, tags, 10 * to + i))
            for to in (2, 3) for i, tags in enumerate(GOOD_TAGS)]
    bad = [(100 * to + i, arp_reply(1, to, 77, tags, 100 * to + i))
           for to in (2, 3) for i, tags in enumerate(BAD_TAGS)]
    arrived, dropped = reach(world, good + bad, "tagged")
    assert arrived == {mark for mark, _ in good}
    assert dropped == len(bad)
    for vm in ("vm2", "vm3"):
        assert mac(1) not in world.sandbox("exec", vm, "ip", "neigh", "show",
                                           ip4(77))
    assert world.ping("vm1", ip4(2)) == world.ping("vm1", ip4(3)) == 3
    world.everything_as_it_should()


@pytest.mark.parametrize("binding", ["learn", "strict"])
def test_s3_stations_that_are_none(make_world, binding):
    """Sources that no station has, and groups that end at the next bridge."""
    world = make_world(2)
    three(world, binding=binding)
    broadcast = b"\xff" * 6
    nobody = ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01",
              "00:00:00:00:00:00", "02:4e:56:41:00:01"]
    arp = bytes.fromhex("0001080006040001")
    frames = []
    for i, source in enumerate(nobody):
        for j, outer in enumerate((source, mac(1))):
            mark = 10 * i + j
            frames.append((mark, ethernet(
                "ff:ff:ff:ff:ff:ff", outer, (), 0x0806, arp + octets(source)
                + address(1) + broadcast + address(1) + marked(mark))))
    arrived, dropped = reach(world, frames, "bad_mac")
    assert arrived == set()
    assert dropped == len(frames)

    def to_group(last):
        return last, ethernet(f"01:80:c2:00:00:{last:02x}", mac(1), (),
                              0x88cc, marked(last))
    arrived, dropped = reach(world, [to_group(i) for i in range(17)],
                             "reserved_group")
    assert arrived == {16}
    assert dropped == 16
    world.everything_as_it_should()


WRAPPINGS = [(False, 58, b""), (True, 58, b"")] + [
    (snap, first, bytes.fromhex(chain)) for snap in (False, True)
    for first, chain in (
        (0, "3a00010400000000"), (60, "3a00010400000000"),
        (43, "3a00040000000000"), (44, "3a00000000000001"),
        (0, "3c000104000000003a00010400000000"))]


def checksum(data):
    total = sum(int.from_bytes(data[i:i + 2], "big")
                for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return (~total & 0xffff).to_bytes(2, "big")


def wrapped(dst, src, ethertype, payload, snap):
    """In an Ethernet frame, or in LLC and SNAP."""
    if not snap:
        return ethernet(mac(dst), mac(src), (), ethertype, payload)
    return ethernet(mac(dst), mac(src), (), 8 + len(payload), bytes.fromhex(
        "aaaa03000000") + ethertype.to_bytes(2, "big") + payload)


def advert(src, dst, owner, wrapping, mark):
    """An NA by 'src' that it has the address of 'owner'."""
    snap, first, chain = wrapping
    ip = socket.inet_pton(socket.AF_INET6, ip6(owner))
    to = socket.inet_pton(socket.AF_INET6, ip6(dst))
    option = b"\xfd\x02" + marked(mark).ljust(14, b"\0")
    icmp = (b"\x88\0\0\0\x20\0\0\0" + ip + b"\x02\x01" + octets(mac(src))
            + option)
    pseudo = ip + to + len(icmp).to_bytes(4, "big") + b"\0\0\0\x3a"
    icmp = icmp[:2] + checksum(pseudo + icmp) + icmp[4:]
    head = (b"\x60\0\0\0" + (len(chain) + len(icmp)).to_bytes(2, "big")
            + bytes([first, 255]) + ip + to)
    return wrapped(dst, src, 0x86dd, head + chain + icmp, snap)


@pytest.mark.parametrize("binding", ["learn", "strict"])
def test_s1_wrapped(make_world, binding):
    """ARP and ND about another's address, however they are written, reach
    nobody and are counted; about one's own they arrive."""
    world = make_world(2)
    three(world, binding=binding)

    def frames(owner):
        made = [(to, wrapped(to, 1, 0x0806, arp_reply(
            1, to, owner, (), to)[14:], True)) for to in (2, 3)]
        for i, wrapping in enumerate(WRAPPINGS):
            made += [(10 * i + to + 10, advert(1, to, owner, wrapping,
                                               10 * i + to + 10))
                     for to in (2, 3)]
        return made
    own = frames(1)
    arrived, _ = reach(world, own, "spoofed")
    assert arrived == {mark for mark, _ in own}
    lies = frames(2)
    arrived, dropped = reach(world, lies, "spoofed")
    assert arrived == set()
    assert dropped == len(lies)
    world.everything_as_it_should()

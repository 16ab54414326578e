# SPDX-License-Identifier: Apache-2.0
"""Guests that find out whether an address is free (RFC 5227), and what hosts
and ports that are gone leave to others."""

import sys
import time

from conftest import Refused
from nva_lab.guests import ip4, mac
from test_ask import holder, notes, sniffer, stranger
from test_guard import address, ethernet, octets, send

# What a guest does that boots: probes for its address, once a second, for so
# many seconds, and counts conflicts (s2.1.1), answers and other's probes.
ACD = r"""
import select, socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
s.bind(("eth0", 0x0806))
mac, ip = s.getsockname()[4], socket.inet_aton(sys.argv[1])
conflicts, due, end = 0, 0, time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    if time.monotonic() >= due:
        due = time.monotonic() + 1
        s.send(b"\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac
               + bytes(10) + ip + bytes(18))
    if select.select([s], [], [], 0.05)[0]:
        data, where = s.recvfrom(100)
        arp = data[14:]
        if where[2] == 4 or arp[8:14] == mac:
            continue
        conflicts += (arp[14:18] == ip
                      or (arp[14:18] == bytes(4) and arp[24:28] == ip))
print(conflicts)
"""


def acd(world, vm, ip, seconds):
    """How many conflicts the guest sees."""
    return int(world.sandbox("exec", vm, sys.executable, "-c", ACD, ip,
                             seconds, timeout=seconds + 30))


def arp_request(src, spa, tpa):
    return ethernet("ff:ff:ff:ff:ff:ff", mac(src), (), 0x0806, bytes.fromhex(
        "0001080006040001") + octets(mac(src)) + address(spa) + bytes(6)
        + address(tpa))


def test_s4_a_guest_that_boots_during_a_scan(make_world):
    """A VM has left hv1, so the others there are asked, half a minute later;
    not the one that probes its own address then."""
    world = make_world(2)
    world.vn(binding="learn", redirect_timeout=1)
    for number in (1, 2, 3):
        world.vm(f"vm{number}", number, "hv1")
    world.vm("vm4", 4, "hv2")
    world.settled()
    assert world.ping("vm1", ip4(2)) == 3
    send(world, "vm4", [arp_request(3, 3, 3)])          # vm3 is at hv2.
    world.wait(lambda: world.api("GET", f"/v1/lookup?vn=red&ip={ip4(3)}"
                                 )["nve"] == "hv2", "the move")
    with sniffer(world, "vm2") as other:
        assert acd(world, "vm1", ip4(1), 50) == 0
    asked = other.count(lambda f: f.src.hex() == "024e56410001")
    assert asked >= 1                   # There was a scan.
    assert notes(world, "probe", "unclear") >= 1
    assert notes(world, "silent", "no_answer") == 0
    world.everything_as_it_should()


def test_f5_who_only_asks_is_known(make_world):
    """unknown_question=drop: an ordinary request teaches its sender; the first
    announcement of another address reaches the other NVE."""
    world = make_world(2)
    world.vn(binding="learn", unknown_question="drop")
    world.vm("vm2", 2, "hv2")
    stranger(world, "host", 1, "hv1")
    world.settled()
    send(world, "host", [ethernet("ff:ff:ff:ff:ff:ff", mac(1), (), 0x88b6,
                                  b"known")])
    world.settled()
    for spa in (81, 82):
        send(world, "host", [arp_request(1, spa, 2)])
        world.wait(lambda ip=ip4(spa): holder(world, ip) == mac(1),
                   "the sender to be learned", 5)
    world.settled()
    with sniffer(world, "vm2") as seen:
        send(world, "host", [arp_request(1, 83, 83)])
        world.wait(lambda: holder(world, ip4(83)) == mac(1),
                   "the announced address", 5)
        world.settled()
        time.sleep(0.2)
    assert seen.count(lambda f: f.ethertype == 0x0806 and not f.outgoing
                      and f.payload[14:18] == address(83)) == 1
    world.everything_as_it_should()


def test_f2_its_own_port_with_another_mac(make_world):
    """A guest whose MAC has changed is not told that its address is in use."""
    world = make_world(2)
    world.vn(binding="learn")
    stranger(world, "host", 1, "hv1")
    stranger(world, "other", 2, "hv2")
    world.settled()
    assert world.ping("host", ip4(2)) == 3
    world.wait(lambda: holder(world, ip4(1)) == mac(1), "it to be learned", 5)
    world.settled()
    assert acd(world, "other", ip4(1), 2) >= 1          # There it is in use.
    world.sandbox("exec", "host", "ip", "link", "set", "eth0", "down")
    world.sandbox("exec", "host", "ip", "link", "set", "eth0", "address",
                  mac(7))
    world.sandbox("exec", "host", "ip", "link", "set", "eth0", "up")
    assert acd(world, "host", ip4(1), 3) == 0
    world.everything_as_it_should()


def test_f7_who_is_unplugged_defends_nothing(make_world):
    """Open vSwitch's port is removed: its address is free for a newcomer's
    detection, and the port for VM management."""
    world = make_world(2)
    world.vn(binding="learn")
    stranger(world, "host", 1, "hv1")
    stranger(world, "new", 2, "hv2")
    world.settled()
    assert world.ping("host", ip4(2)) == 3
    world.wait(lambda: holder(world, ip4(1)) == mac(1), "it to be learned", 5)
    world.settled()
    assert acd(world, "new", ip4(1), 2) >= 1
    world.sandbox("vsctl", "hv1", "del-port", "tap-host")
    world.wait(lambda: "tap-host" not in
               [p["name"] for p in world.nves()["hv1"]["ports"]],
               "the port to go")
    world.settled()
    assert acd(world, "new", ip4(1), 3) == 0
    world.api("DELETE", "/v1/nves/hv1/ports/tap-host")
    assert holder(world, ip4(1)) is None
    world.everything_as_it_should()


def test_d16_a_port_that_is_gone_is_free(make_world):
    """The VM has left; its redirect goes on, its port may be another's."""
    world = make_world(2)
    world.vn(binding="learn", redirect_timeout=120)
    world.vn("green", 300)
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv2")
    world.settled()
    assert world.ping("vm2", ip4(1)) == 3
    send(world, "vm2", [arp_request(1, 1, 1)])          # vm1 is at hv2.
    world.wait(lambda: world.api("GET", f"/v1/lookup?vn=red&ip={ip4(1)}"
                                 )["nve"] == "hv2", "the move")
    world.settled()
    other = {"interfaces": [{"vn": "green", "mac": mac(9), "nve": "hv1",
                             "port": "tap-vm1"}]}
    try:
        world.api("PUT", "/v1/vms/other", other)
        assert False, "the port is free while it is there"
    except Refused as refused:
        assert refused.error["reason"] == "port_taken"
    world.sandbox("vsctl", "hv1", "del-port", "tap-vm1")

    def taken():
        try:
            return world.api("PUT", "/v1/vms/other", other)
        except Refused:
            return None
    world.wait(taken, "the port to be free", 5)
    world.settled()
    assert [f for f in world.flows("hv1") if "table=40" in f
            and f"dl_dst={mac(1)}" in f], "the redirect goes on"
    world.everything_as_it_should()


def test_names_that_begin_alike(make_world):
    """Of two ports whose names OpenFlow cuts to one the second is ignored,
    said, and not the first one's when it goes."""
    world = make_world(1)
    world.vn()
    first, second = "tap-0123456789a", "tap-0123456789a-2"
    world.api("PUT", f"/v1/nves/hv1/ports/{first}", {"vn": "red"})

    def ports():
        return {flow.split("in_port=")[1].split(",")[0].split()[0]
                for flow in world.flows("hv1") if "in_port=" in flow}
    tunnel = ports()
    world.sandbox("vsctl", "hv1", "add-port", "br-int", first, "--", "set",
                  "interface", first, "type=internal")
    world.wait(lambda: len(ports()) == len(tunnel) + 1, "the first port")
    known = ports()
    for n in range(1, 3):
        world.sandbox("vsctl", "hv1", "add-port", "br-int", second, "--",
                      "set", "interface", second, "type=patch",
                      "options:peer=nowhere")
        world.wait(lambda n=n: notes(world, "nve", "name_alike") >= n,
                   "the note")
        world.settled()
        assert ports() == known
        world.sandbox("vsctl", "hv1", "del-port", second)
        time.sleep(0.5)
        world.settled()
        assert ports() == known
    world.sandbox("vsctl", "hv1", "del-port", first)
    world.wait(lambda: ports() == tunnel, "the first port to go")
    world.everything_as_it_should()

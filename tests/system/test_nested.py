# SPDX-License-Identifier: Apache-2.0
"""Nested guests: another MAC behind a VM's interface."""

from nva_lab.guests import ip4, ip6, mac

NEST = 50                   # The guest's number.


def nested(world, vm):
    """A guest of 'vm', bridged to its interface; answers for its own address
    alone."""
    def run(*cmd):
        world.sandbox("exec", vm, *cmd)
    for conf in ("all", "default", "eth0"):
        run("sysctl", "-qw", f"net.ipv4.conf.{conf}.arp_ignore=1",
            f"net.ipv4.conf.{conf}.arp_announce=2",
            f"net.ipv4.conf.{conf}.rp_filter=0")
    run("ip", "link", "add", "link", "eth0", "name", "nest0", "type",
        "macvlan", "mode", "bridge")
    run("ip", "link", "set", "nest0", "address", mac(NEST), "addrgenmode",
        "none")
    run("ip", "link", "set", "nest0", "up")
    run("ip", "addr", "add", ip4(NEST) + "/16", "dev", "nest0")


def allow(world, name, number, macs):
    world.api("PUT", f"/v1/vms/{name}", {"interfaces": [{
        "ips": [ip4(number), ip6(number), ip4(NEST)], "allowed_macs": macs}]})
    world.settled()


def behind(world, name):
    return world.api("GET", f"/v1/vms/{name}")["interfaces"][0]["nested"]


def test_d15_a_nested_guest_moves_with_its_host(make_world):
    world = make_world(2)
    world.vn()
    world.vm("vm1", 1, "hv1")
    world.vm("p1", 2, "hv1")
    world.vm("p2", 3, "hv2")
    world.settled()
    nested(world, "vm1")
    assert world.ping("vm1", ip4(3), 3, "-I", "nest0") == 0
    assert behind(world, "vm1") == []

    allow(world, "vm1", 1, [mac(NEST)])
    assert world.ping("vm1", ip4(3), 3, "-I", "nest0") == 3
    assert behind(world, "vm1") == [mac(NEST)]
    for peer in ("p1", "p2"):
        world.sandbox("exec", peer, "ip", "neigh", "flush", "all")
        assert world.ping(peer, ip4(NEST)) == 3
        told = world.sandbox("exec", peer, "ip", "neigh", "show", ip4(NEST))
        assert mac(NEST) in told
        assert world.ping(peer, ip4(1)) == 3

    # Its host moves; it says nothing.
    world.sandbox("port", "vm1", "hv2")
    move = world.prepare("vm1", "hv2", "tap-vm1")
    world.sandbox("rehome", "vm1", "hv2", "--announce", "garp+na")
    world.wait_move(move, ("converging", "draining", "done"))
    found = world.api("GET", f"/v1/lookup?vn=red&mac={mac(NEST)}")
    assert found["nve"] == "hv2" and found["vm"] == "vm1"
    assert mac(NEST) in world.ofctl("hv1", "dump-flows")
    world.settled()
    for peer in ("p1", "p2"):
        assert world.ping(peer, ip4(NEST)) == 3

    allow(world, "vm1", 1, [])
    assert behind(world, "vm1") == []
    assert world.ping("vm1", ip4(3), 3, "-I", "nest0") == 0
    world.everything_as_it_should()

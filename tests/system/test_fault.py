# SPDX-License-Identifier: Apache-2.0
"""What does not work says so, on real switches: show's last line, the log, a
metric, and what to do."""

import re

from nva_lab.fabric import Refused
from nva_lab.guests import ip4, mac


def wrong(world):
    """{kind: [finding]} of what is wrong now."""
    shown = world.api("GET", "/v1/faults")
    assert shown["count"] == len(shown["faults"])
    found = {}
    for fault in shown["faults"]:
        assert fault["advice"]
        found.setdefault(fault["kind"], []).append(fault)
    return found


def wait_wrong(world, kinds, timeout=20, beside=()):
    """Waits until what is wrong is of these kinds, and perhaps of those
    'beside' them; the findings."""
    found = {}

    def there():
        found.clear()
        found.update(wrong(world))
        return set(kinds) <= set(found) <= {*kinds, *beside}
    try:
        world.wait(there, kinds, timeout)
    except Refused as e:
        raise AssertionError(f"{kinds}, but {found}") from e
    return found


def log(world, word):
    with open(world.path("nvad.log"), encoding="utf-8") as lines:
        return [line for line in lines if f"{word}: " in line]


def said(world, word, kind):
    """How often a fault of that kind has begun (a WARN) or ended."""
    return len([line for line in log(world, word) if kind in line
                and (word != "wrong" or "|WARN|" in line)])


def last_line(world):
    return world.nvactl("show").stdout.rstrip("\n").split("\n")[-1]


def fabric(world):
    world.vn("red", 100)
    world.vm("a", 1, "hv1")
    world.vm("b", 2, "hv2")
    world.settled()
    assert world.ping("a", ip4(2)) == 3
    assert wrong(world) == {}
    assert "wrong" not in last_line(world)


def test_a_port_that_is_not_there(make_world):
    world = make_world(2)
    fabric(world)
    world.declare("a", 1, "hv1", port="TAP-a")
    # Where it is, nobody has bound the port, and it may speak there.
    found = wait_wrong(world, ["port_absent"], beside=["port_unclaimed"])
    assert found["port_absent"][0]["object"] == "vm a eth0"
    assert re.fullmatch("1 thing is wrong: nvactl audit|"
                        "2 things are wrong: nvactl audit", last_line(world))
    world.wait(lambda: "--port tap-a" in
               world.nvactl("audit").stdout, "the right name")
    assert "port_absent" in world.nvactl("vm", "show", "a").stdout
    assert ('nva_faults{kind="port_absent"} 1'
            in world.api("GET", "/metrics").splitlines())
    world.wait(lambda: said(world, "wrong", "port_absent") == 1, "the log", 20)
    world.declare("a", 1, "hv1")
    wait_wrong(world, [])
    world.wait(lambda: said(world, "mended", "port_absent") == 1, "its end")
    assert said(world, "wrong", "port_absent") == 1
    assert world.ping("a", ip4(2)) == 3
    world.everything_as_it_should()


def test_a_second_address_in_a_strict_network(make_world):
    world = make_world(2)
    fabric(world)
    world.sandbox("exec", "a", "ip", "addr", "add", "10.0.0.77/16", "dev",
                  "eth0")
    assert world.ping("a", ip4(2), 3, "-I", "10.0.0.77") == 0
    found = wait_wrong(world, ["frames_dropped"])["frames_dropped"]
    assert found[0]["object"] == "vm a eth0" and found[0]["count"] > 0
    shown = world.nvactl("vm", "show", "a").stdout
    assert re.search(r"\d+ frames? from 10\.0\.0\.77 dropped at hv1 tap-a",
                     shown), shown
    assert "--binding learn" in shown and "--ip 10.0.0.77" in shown
    # What it advises works.
    advice = re.search(r"nvactl (vm set a .*)", shown).group(1).split()
    done = world.nvactl(*advice)
    assert done.returncode == 0, done.stderr
    wait_wrong(world, [])
    world.settled()
    assert world.ping("a", ip4(2), 3, "-I", "10.0.0.77") == 3
    world.everything_as_it_should()


def test_a_bridge_that_goes_and_comes(make_world):
    world = make_world(2)
    fabric(world)
    world.sandbox("vsctl", "hv2", "del-controller", "br-int")
    found = wait_wrong(world, ["nve_silent"])["nve_silent"][0]
    assert found["nve"] == "hv2" and "not connected for" in found["other"]
    assert re.search(r"hv2 .* DISCONNECTED \d+ s",
                     world.nvactl("show").stdout)
    assert len(log(world, "wrong")) == 1
    world.sandbox("controller", f"unix:{world.path('nvad.sock')}")
    wait_wrong(world, [])
    world.everything_as_it_should()


def test_a_tunnel_port_that_is_missing_and_comes_late(make_world):
    world = make_world(2)
    fabric(world)
    world.sandbox("vsctl", "hv2", "del-port", "br-int", "vx0")
    found = wait_wrong(world, ["tunnel_port_absent"])["tunnel_port_absent"][0]
    assert found["nve"] == "hv2" and "type=vxlan" in found["advice"]
    assert world.ping("a", ip4(2)) == 0
    world.sandbox("vsctl", "hv2", "add-port", "br-int", "vx0", "--", "set",
                  "interface", "vx0", "type=vxlan", "ofport_request=1",
                  "options:remote_ip=flow", "options:key=flow")
    wait_wrong(world, [])
    world.settled()
    world.wait(lambda: world.ping("a", ip4(2)) == 3, "the ping")
    world.everything_as_it_should()


def test_a_vm_where_it_was_not_put(make_world):
    world = make_world(2)
    fabric(world)
    world.sandbox("vm", "c", "hv2", "--mac", mac(3), "--ip", ip4(3) + "/16")
    world.api("PUT", "/v1/nves/hv2/ports/tap-c", {"vn": "red"})
    world.settled()
    assert world.ping("c", ip4(1)) == 0
    found = wait_wrong(world, ["frames_dropped"])["frames_dropped"]
    assert found[0]["object"] == "nve hv2: port tap-c"
    assert f"--mac {mac(3)} --nve hv2 --port tap-c" in found[0]["advice"]
    world.declare("c", 3, "hv2")
    world.settled()
    assert world.ping("c", ip4(1)) == 3
    world.everything_as_it_should()


def test_one_tunnel_address_twice(make_world):
    world = make_world(2)
    fabric(world)
    one, two = (world.api("GET", f"/v1/nves/hv{i}")["tunnel_ip"]
                for i in (1, 2))
    world.api("PUT", "/v1/nves/hv2", {"tunnel_ip": one})
    found = wait_wrong(world, ["tunnel_ip_twice"])["tunnel_ip_twice"]
    assert {f["nve"] for f in found} == {"hv1", "hv2"}
    assert last_line(world) == "2 things are wrong: nvactl audit"
    assert one in world.nvactl("audit").stdout
    world.api("PUT", "/v1/nves/hv2", {"tunnel_ip": two})
    wait_wrong(world, [])
    world.settled()
    world.wait(lambda: world.ping("a", ip4(2)) == 3, "the ping")
    world.everything_as_it_should()


def test_a_vm_at_a_port_that_nobody_bound(make_world):
    world = make_world(2)
    fabric(world)
    world.sandbox("vm", "c", "hv2", "--mac", mac(3), "--ip", ip4(3) + "/16")
    assert world.ping("c", ip4(1)) == 0
    found = wait_wrong(world, ["port_unclaimed"])["port_unclaimed"]
    assert len(found) == 1              # Not the bridge's own port.
    assert found[0]["object"] == "nve hv2: port tap-c"
    assert mac(3) in found[0]["other"]
    assert last_line(world) == "1 thing is wrong: nvactl audit"
    world.wait(lambda: [line for line in log(world, "wrong")
                        if "|WARN|" in line and "port_unclaimed" in line],
               "a line of the log")
    assert world.metric("nva_faults") == 1
    # What it advises works.
    advice = re.search(r"nvactl (port add [^;]*)", found[0]["advice"])
    done = world.nvactl(*advice.group(1).replace(" VN", " red").split())
    assert done.returncode == 0, done.stderr
    wait_wrong(world, ["frames_dropped"])   # It is a strict network.
    world.declare("c", 3, "hv2")
    world.settled()
    wait_wrong(world, [])
    assert world.ping("c", ip4(1)) == 3
    world.everything_as_it_should()

# SPDX-License-Identifier: Apache-2.0
"""A network that pulls (RFC 8171), on real switches: packets counted."""

import time

from nva_lab import moves
from nva_lab.guests import ip4, ip6, mac


def held(world, nve):
    """Flows towards interfaces elsewhere that 'nve' asked for."""
    return [flow for flow in world.flows(nve, "table=30")
            if "idle_timeout=" in flow]


def test_b21_b7_an_nve_has_what_it_uses_while_it_does(make_world):
    world = make_world(2)
    world.vn(resolution="push", lifetime=6)
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv2")
    for number in range(100, 250):
        world.declare(f"other{number}", number, "hv2", port="tap-vm2")
    world.settled()
    pushed = len(world.flows("hv1"))
    world.vn(resolution="pull")
    world.wait(lambda: not held(world, "hv1"), "what is not used to go", 20)
    world.settled()
    pulled = len(world.flows("hv1"))
    print(f"flows at an NVE with 152 interfaces: {pushed} pushed, {pulled} "
          f"pulled")
    assert pushed > 600 and pulled < 152

    # The first packet comes through, and leaves one flow behind at each end.
    for address in (ip4(2), ip6(2)):
        assert world.ping("vm1", address) == 3
    for nve in ("hv1", "hv2"):
        assert len(held(world, nve)) == 1
        assert world.api("GET", f"/v1/nves/{nve}")["pulled"] == 1
    # Nobody answers at a MAC that is known, and its NVE is asked for once.
    world.sandbox("exec", "vm1", "ip", "neigh", "replace", ip4(200), "lladdr",
                  mac(200), "dev", "eth0")
    world.ping("vm1", ip4(200), 3)
    assert len([f for f in held(world, "hv1") if mac(200) in f]) == 1

    # Three lifetimes of use: renewed, nothing lost.
    assert world.ping("vm1", ip4(2), 36, "-i", "0.5") == 36
    assert len(held(world, "hv1")) == 1
    world.wait(lambda: not held(world, "hv1"), "the unused to go", 20)
    world.wait(lambda: not world.api("GET", "/v1/nves/hv1")["pulled"],
               "the record to go")
    assert len(world.flows("hv1")) == pulled
    assert world.ping("vm1", ip4(2)) == 3
    world.everything_as_it_should()


def test_b7_nobody_has_it_is_kept_for_a_while(make_world):
    world = make_world(2)
    world.vn(resolution="pull", lifetime=2)
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv2")
    world.settled()
    world.sandbox("exec", "vm1", "ip", "neigh", "replace", ip4(99), "lladdr",
                  mac(99), "dev", "eth0")
    world.ping("vm1", ip4(99), 2)
    match = f"table=30,dl_dst={mac(99)}"
    assert "actions=drop" in "".join(world.flows("hv1", match))
    world.wait(lambda: not world.flows("hv1", match), "the answer to end")
    world.everything_as_it_should()


def test_b13_b14_a_move_under_traffic(make_world):
    """hv1 and hv3 have correspondents and are told; hv2, which serves the
    network, holds nothing of the VM until the VM has been there."""
    world = make_world(3)
    with moves.Stage(world, redirect_timeout=1) as stage:
        world.vn(resolution="pull")
        stage.cast(("c1", "c3"))
        stage.flows(500, ("c1", "c3"))
        for to in ("hv3", "hv2", "hv1"):
            moved = stage.move("planned, pause", to)
            assert moved.duplicated == 0
            assert moved.lost_on_the_way == 0, moved.report.flows
            assert stage.place() == to
            view = world.wait_move(moved.id, ("done",))
            told = {stamp["nve"] for stamp in view["timeline"]
                    if stamp["what"] == "confirmed"}
            assert told == ({"hv1", "hv3"} if to == "hv3"
                            else {"hv1", "hv2", "hv3"}), view["timeline"]
        time.sleep(0.5)
        world.everything_as_it_should()

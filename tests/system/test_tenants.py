# SPDX-License-Identifier: Apache-2.0
"""Tenants that do not share an NVE."""

import pytest

from nva_lab import drains
from nva_lab.fabric import Refused
from nva_lab.guests import ip4


def test_d24_tenants_that_do_not_share(make_world):
    """The strict tenant's VMs reach each other; nobody else gets onto their
    NVE, nor they onto another's, and no flow changes by asking."""
    world = make_world(3)
    world.vn("acme", 100, tenant="acme", isolation="exclusive")
    world.vn("bolt", 200, tenant="bolt")
    world.vm("a1", 1, "hv1", "acme")
    world.vm("a2", 2, "hv2", "acme")
    world.vm("b1", 3, "hv3", "bolt")
    world.settled()
    assert world.ping("a1", ip4(2)) == 3
    before = {nve: world.flows(nve) for nve in ("hv1", "hv2", "hv3")}

    for vm, to in (("a1", "hv3"), ("b1", "hv1")):
        with pytest.raises(Refused) as refused:
            world.api("POST", f"/v1/vms/{vm}/moves",
                      {"to": {"nve": to, "port": f"tap-{vm}"}})
        assert refused.value.status == 409
        assert refused.value.error["reason"] == "placement"
        assert refused.value.error["field"] == "to.nve"
        for word in ("acme", "bolt", to):
            assert word in refused.value.error["detail"]
    done = world.nvactl("port", "add", "hv1", "tap-b", "--vn", "bolt")
    assert done.returncode == 1 and "placement" in done.stderr
    done = world.nvactl("vn", "set", "bolt", "--isolation", "exclusive")
    assert done.returncode == 0, done.stderr        # Alone at hv3.
    assert "exclusive" in world.nvactl("vn", "list").stdout
    world.settled()
    assert {nve: world.flows(nve) for nve in before} == before

    # Where only its own stand it may move.
    world.sandbox("port", "a1", "hv2")
    move = world.prepare("a1", "hv2", "tap-a1")
    world.sandbox("rehome", "a1", "hv2", "--announce", "garp+na")
    world.wait_move(move, ("converging", "draining", "done"))
    assert world.ping("a2", ip4(1)) == 3


def test_d24_a_drain_keeps_tenants_apart(make_world):
    """Where every target is another tenant's, a VM is refused and stays;
    where one is not, it goes there."""
    world = make_world(3)
    world.vn("acme", 100, tenant="acme", isolation="exclusive",
             redirect_timeout=1)
    world.vn("bolt", 200, tenant="bolt")
    for name, number, nve, vn in (
            ("a1", 1, "hv1", "acme"), ("a2", 2, "hv1", "acme"),
            ("a3", 3, "hv2", "acme"), ("b1", 4, "hv3", "bolt")):
        world.sandbox("port", name, nve)
        world.declare(name, number, nve, vn)
    for name in ("a1", "a2"):
        world.sandbox("port", name, "hv2")
    world.settled()
    before = {nve: world.flows(nve) for nve in ("hv1", "hv2", "hv3")}

    done = world.nvactl("nve", "drain", "hv1", "--to", "hv3")
    assert done.returncode == 1, done.stdout
    for word in ("a1", "a2", "placement"):
        assert word in done.stdout + done.stderr
    drain = world.api("GET", "/v1/nves/hv1/drain")
    assert sorted((r["vm"], r["reason"]) for r in drain["refused"]) == [
        ("a1", "placement"), ("a2", "placement")]
    assert not drain["done"] and not drain["moves"]
    world.settled()
    assert {nve: world.flows(nve) for nve in before} == before

    done = world.nvactl("nve", "drain", "hv1", "--to", "hv3", "hv2",
                        "--no-wait")
    assert done.returncode == 0, done.stderr
    end = drains.Manager(world, "hv1", lambda vm, _: f"tap-{vm}").run()
    assert (end["state"], end["done"], end["refused"]) == ("finished", 2, [])
    for name in ("a1", "a2"):
        assert world.api("GET", f"/v1/vms/{name}")[
            "interfaces"][0]["nve"] == "hv2"
    world.everything_as_it_should()

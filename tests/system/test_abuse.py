# SPDX-License-Identifier: Apache-2.0
"""A VM that lies hurts nobody else: 10,000 forged frames a second, and another
VM moves."""

import time

import pytest

from nva_lab import moves
from nva_lab.liars import LIES, Liar

# Seconds until it has been found out, also where cores are shared by many.
FOUND_OUT = 3


@pytest.fixture(params=["learn", "strict"])
def scene(make_world, request):
    """The stage with a liar beside the VM."""
    world = make_world(3)
    with moves.Stage(world, redirect_timeout=1) as stage:
        stage.cast()
        with Liar(world) as liar:
            world.api("PUT", "/v1/vns/red", {
                "vni": 100, "binding": request.param, "redirect_timeout": 1})
            world.settled()
            stage.flows(250)
            yield stage, liar
    world.everything_as_it_should()


def dropped(fabric, reason):
    text = f'nva_notes_total{{type="dropped",reason="{reason}"}} '
    return sum(int(line[len(text):])
               for line in fabric.api("GET", "/metrics").splitlines()
               if line.startswith(text))


def once_around(stage):
    """Planned moves with pause from the liar's NVE, past it and to it; what
    they lost."""
    lost = 0
    for to in ("hv2", "hv3", "hv1"):
        moved = stage.move("planned, pause", to)
        assert moved.statuses() == [200, 200]
        assert moved.duplicated == 0
        assert stage.place() == to
        lost += moved.lost
        stage.fabric.wait_move(moved.id, ("done",))
    return lost


@pytest.mark.parametrize("lie", LIES)
def test_d15_a_flood_of_lies_spoils_no_move(scene, lie):
    stage, liar = scene
    fabric = stage.fabric
    liar.start(lie)
    time.sleep(1)
    before = fabric.metric("nva_packet_ins_total")
    time.sleep(FOUND_OUT)
    # Its meters, twice where a detour sends frames back: not 10,000.
    assert fabric.metric("nva_packet_ins_total") - before < 900 * FOUND_OUT
    # A machine that gives a switch no core for 5 ms loses packets, flood or
    # none: not every time.
    assert not all(once_around(stage) for _ in range(3))
    assert liar.stop() > 3000
    assert sum(dropped(fabric, reason) for reason in (
        "spoofed", "strict_binding", "learn_limit", "not_interesting")) > 0 \
        or lie == "any address"


@pytest.mark.parametrize("scene", ["learn"], indirect=True)
def test_d2_an_announced_move_under_a_flood(scene):
    """It is followed at once, wherever it goes: to and from the liar's NVE."""
    stage, liar = scene
    liar.start("any MAC")
    time.sleep(FOUND_OUT)
    for kind, to in (("GARP request", "hv2"), ("NA", "hv1"),
                     ("RARP", "hv3")):
        moved = stage.move(kind, to)
        assert stage.place() == to
        assert moved.duplicated == 0
        assert moved.fresh is not None
        assert moved.convergence < 500000, (kind, moved.convergence)
        stage.fabric.wait_move(moved.id, ("done",))
    liar.stop()


@pytest.mark.parametrize("scene", ["strict"], indirect=True)
def test_a_detour_begins_works_and_ends(scene):
    """The liar's own ARP still works meanwhile, by way of the NVA."""
    stage, liar = scene
    fabric = stage.fabric
    assert liar.detour() == "none"
    liar.start("any address")
    fabric.wait(lambda: liar.detour() == "arp_nd", "the detour", 10)
    fabric.settled()
    # What it says itself, at a rate that is nobody's concern.
    liar.stop()
    liar.start("garp", pps=40)
    before = dropped(fabric, "spoofed")
    refreshed = fabric.metric("nva_events_total")
    time.sleep(1)
    assert dropped(fabric, "spoofed") == before
    assert fabric.metric("nva_events_total") - refreshed > 20
    liar.stop()
    fabric.wait(lambda: liar.detour() == "none", "the end of it", 20)

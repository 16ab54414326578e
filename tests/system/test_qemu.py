# SPDX-License-Identifier: Apache-2.0
"""Real guests: a QEMU (without KVM) that migrates live between two NVEs."""

import os

import pytest

from nva_lab import qemu
from sniff import Sniffer

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(qemu.why_not() is not None,
                       reason=str(qemu.why_not()))]

RARP = 0x8035
PPS = 100                   # A machine under load has to bear it, too.


def check(stage, moved):
    """What holds for every move, however fast the machine is."""
    assert moved.duplicated == 0, moved.streams
    assert moved.lost_from == 0, moved.streams
    assert stage.place() == moved.to
    assert moved.view["cause"] == "planned"
    # QEMU announces the guest, and nothing comes of it.
    assert stage.fabric.last_move("vm")["id"] == moved.id


def migrate(stage, early=0):
    """QEMU without KVM now and then resumes a guest with some of its memory
    older than it was (it sends numbers again): that move shows nothing of what
    it received."""
    for _ in range(3):
        moved = stage.migrate(early)
        check(stage, moved)
        if not moved.resent_from:
            return moved
    raise AssertionError("QEMU loses memory in each move")


def test_d17_a_qemu_guest_migrates(make_world):
    """Paused at its STOP, it loses no more than what reached its old port
    from then on, and nothing with an early pause, there and back; its five
    RARP requests move nothing."""
    world = make_world(2)
    with qemu.Stage(world, PPS) as stage:
        stage.boot()
        with Sniffer(world.namespace("hv2"), "tap-vm", RARP) as seen:
            check(stage, stage.migrate())
            world.wait(lambda: stage.qemu.qmp("query-status")["status"]
                       == "running", "the guest to run")
        assert len(seen.frames) >= 2, seen.frames
        for _ in range(2):
            moved = migrate(stage, qemu.EARLY)
            assert moved.lost_to == 0, moved.streams
        assert stage.still(0.5).lost == 0
    world.everything_as_it_should()

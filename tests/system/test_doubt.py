# SPDX-License-Identifier: Apache-2.0
"""Which place is true: VMs that are asked, by nvad and real switches, and
answer as kernels do; VMs that are at two places, and sticky ones."""

import time

import pytest

from nva_lab import moves
from nva_lab.guests import ip4, ip6, mac

NVES = ("hv1", "hv2", "hv3")


def interface(world, vm):
    return world.api("GET", f"/v1/vms/{vm}")["interfaces"][0]


def notes(world, kind, reason):
    """How many notes nvad has made of this kind and reason."""
    name = f'nva_notes_total{{type="{kind}",reason="{reason}"}}'
    return sum(int(line.rsplit(" ", 1)[1])
               for line in world.api("GET", "/metrics").splitlines()
               if line.startswith(name))


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_e4_f6_a_kernel_that_moves_often_answers(make_world, family):
    """Ten announced moves of a VM with a kernel, which keeps its ports where
    it was: suspect twice, asked, never frozen, reachable all the while."""
    world = make_world(3)
    world.vn(binding="learn", redirect_timeout=1)
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv3")
    mine, announce = ((ip4(1), "garp") if family == "v4"
                      else (ip6(1), "na"))
    world.api("PUT", "/v1/vms/vm1", {"interfaces": [{
        "name": "eth0", "ips": [mine]}]})
    for nve in NVES[1:]:
        world.api("PUT", f"/v1/nves/{nve}/ports/tap-vm1", {"vn": "red"})
        world.sandbox("port", "vm1", nve)
    world.settled()
    for i in range(10):
        to = NVES[1 + i % 2]
        world.sandbox("rehome", "vm1", to, "--announce", announce,
                      "--keep-old-port")
        world.wait(lambda to=to: interface(world, "vm1")["nve"] == to, to, 5)
        assert world.ping("vm2", mine) >= 2
        # The question ends before the next move begins.
        world.wait(lambda: not interface(world, "vm1")["unconfirmed"],
                   "an answer", 5)
    assert notes(world, "probe", "ok") >= 2
    assert notes(world, "probe", "answered_here") >= 2
    assert world.metric("nva_notes_total") > 0
    shown = interface(world, "vm1")
    assert not shown["frozen"] and shown["sequence"] == 10
    world.everything_as_it_should()


def test_e4_two_vms_freeze_and_thaw(stage):
    """Packets and answers come from two places: the alert goes out, the VM is
    frozen at one of them, who says otherwise is not heard; then it is mended
    and thawed."""
    world = stage.fabric
    stage.measure("both vm hv1 hv2")
    world.wait(lambda: interface(world, "vm")["frozen"], "the freeze", 20)
    at = stage.place()
    assert at in ("hv1", "hv2")
    moves = world.metric("nva_notes_total")
    sequence = interface(world, "vm")["sequence"]
    other = "hv2" if at == "hv1" else "hv1"
    for _ in range(3):
        stage.measure(f"announce vm garp+na+rarp {other}")
        time.sleep(0.1)
    world.wait(lambda: notes(world, "dropped", "frozen") > 3, "drops", 5)
    assert world.metric("nva_notes_total") > moves
    assert interface(world, "vm")["sequence"] == sequence
    assert stage.place() == at

    stage.measure("at vm hv2")
    world.nvactl("vm", "thaw", "vm")
    assert not interface(world, "vm")["frozen"]
    stage.measure("announce vm garp")
    world.wait(lambda: stage.place() == "hv2", "the last word", 5)
    time.sleep(1.5)
    stage.measure.mark()
    time.sleep(0.3)
    report = stage.measure.report()
    assert (report.total("lost"), report.total("duplicated")) == (0, 0)


def test_e4_a_vm_of_ipv6_alone_freezes_and_thaws(make_world):
    """Nothing of IPv4 to ask for: neighbour solicitations find it at two
    places."""
    world = make_world(3)
    with moves.Stage(world, redirect_timeout=1) as stage:
        stage.measure(f"guest add vm mac={mac(1)} ip6={ip6(1)}")
        for nve in NVES:
            world.sandbox("port", "vm", nve)
            stage.measure(f"place vm {nve} {world.namespace(nve)} tap-vm")
            world.api("PUT", f"/v1/nves/{nve}/ports/tap-vm", {"vn": "red"})
        stage.measure("at vm hv1")
        world.api("PUT", "/v1/vms/vm", {"interfaces": [{
            "vn": "red", "mac": mac(1), "nve": "hv1", "port": "tap-vm",
            "ips": [ip6(1)]}]})
        stage.add("c3", 4, ["hv3"], "hv3")
        world.settled()
        stage.flows(200, ["c3"], ["v6"])
        stage.measure("both vm hv1 hv2")
        world.wait(lambda: interface(world, "vm")["frozen"], "the freeze", 20)
        at, sequence = stage.place(), interface(world, "vm")["sequence"]
        other = "hv2" if at == "hv1" else "hv1"
        for _ in range(3):
            stage.measure(f"announce vm na+rarp {other}")
        world.wait(lambda: notes(world, "dropped", "frozen") >= 6, "drops", 5)
        assert interface(world, "vm")["sequence"] == sequence
        assert stage.place() == at

        stage.measure(f"at vm {other}")
        world.api("POST", "/v1/vms/vm/thaw")
        stage.measure("announce vm na")
        world.wait(lambda: stage.place() == other, "the last word", 5)
        world.settled()
        time.sleep(1.5)
        stage.measure.mark()
        time.sleep(0.3)
        report = stage.measure.report()
        assert (report.total("lost"), report.total("duplicated")) == (0, 0)
        assert all(flow["received"] for flow in report.flows)
    world.everything_as_it_should()


def test_e5_a_sticky_vm_stays(stage):
    """Announcements elsewhere change no flow and lose no packet; a planned
    move takes it there."""
    world = stage.fabric
    world.nvactl("vm", "set", "vm", "--sticky", "yes")
    world.settled()
    stage.measure.mark()
    stage.measure("announce vm garp+na+rarp hv2")
    world.wait(lambda: notes(world, "dropped", "sticky") >= 3, "drops", 5)
    time.sleep(0.2)
    report = stage.measure.report()
    assert (report.total("lost"), report.total("duplicated")) == (0, 0)
    assert stage.place() == "hv1"
    moved = stage.move("planned, pause", "hv2")
    assert moved.lost_on_the_way == 0
    assert stage.place() == "hv2"


def test_a_late_word_from_the_place_left_is_asked_about(stage):
    """It goes to hv2 and stays; an announcement of it still comes out of its
    old port: wherever that leads, it is found where it answers."""
    world = stage.fabric
    stage.measure("script pause vm; sleep 300us; resume vm hv2; "
                  "announce vm garp; sleep 1ms; announce vm garp hv1")
    world.wait(lambda: stage.place() == "hv2"
               and not interface(world, "vm")["unconfirmed"],
               "the VM where it answers", 5)
    time.sleep(1.5)
    stage.measure.mark()
    time.sleep(0.3)
    assert stage.measure.report().total("lost") == 0
    assert stage.place() == "hv2"

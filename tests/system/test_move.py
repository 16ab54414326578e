# SPDX-License-Identifier: Apache-2.0
"""VMs that move under traffic: every packet counted in the data plane."""

import time

import pytest

from nva_lab import moves
from nva_lab.fabric import Refused
from nva_lab.guests import ip4, ip6, mac


def check(stage, moved):
    """What holds for every move."""
    assert moved.duplicated == 0
    assert stage.place() == moved.new
    assert moved.fresh is not None
    for flow in moved.report.flows:
        assert flow["received"] > 0.8 * flow["sent"], flow


@pytest.mark.parametrize("underlay", ["v4", "v6", "mixed"])
def test_k4_planned_with_pause_loses_nothing(make_world, underlay):
    world = make_world(3, "--underlay", underlay)
    with moves.Stage(world, redirect_timeout=1) as stage:
        stage.cast()
        stage.flows(500)
        for to in ("hv2", "hv3", "hv1"):
            moved = stage.move("planned, pause", to)
            check(stage, moved)
            assert moved.statuses() == [200, 200]
            assert moved.lost_on_the_way == 0, moved.report.flows
            view = world.wait_move(moved.id, ("done",))
            words = [stamp["what"] for stamp in view["timeline"]]
            for word in ("started", "ready", "paused", "redirect on",
                         "redirect confirmed", "activated", "gate passed",
                         "converged", "redirect off", "done"):
                assert word in words, (word, words)
        world.everything_as_it_should()


EVIDENCE = [("d2", "GARP request"), ("h2", "GARP reply"), ("d7", "NA"),
            ("g3", "NA, node"), ("i2", "RARP"), ("d5", "data")]


def test_d2_d7_g3_h2_i2_each_evidence_moves_the_vm(stage):
    """Each kind of announcement, and a silent VM's own packets; every v4 and
    v6 address follows."""
    places = ["hv2", "hv3", "hv1", "hv2", "hv1", "hv3"]
    for (_, kind), to in zip(EVIDENCE, places):
        moved = stage.move(kind, to, observe=0.3)
        check(stage, moved)
        assert moved.id, kind
        for address in (ip4(1), ip6(1)):
            found = stage.fabric.api("GET", f"/v1/lookup?vn=red&ip={address}")
            assert found["nve"] == to, kind
        view = stage.fabric.wait_move(moved.id, ("draining", "done"), 5)
        assert view["cause"] == "announced"
        # Convergence in tens of milliseconds at most, on any machine.
        assert moved.convergence < 100000, (kind, moved.convergence)


def test_d1_planned_without_pause_and_back_to_where_it_was(stage):
    for to in ("hv2", "hv1", "hv3", "hv1"):
        moved = stage.move("planned", to, observe=0.3)
        check(stage, moved)
        assert moved.statuses() == [200]
        assert moved.convergence < 100000


@pytest.mark.parametrize("stay", [2, 60, 500])
def test_e3_there_and_back_announced_once_each(stage, stay):
    measure = stage.measure
    measure.mark()
    measure(f"script pause vm; sleep 300us; resume vm hv2; announce vm garp; "
            f"sleep {stay}ms; pause vm; sleep 300us; resume vm hv1; "
            "announce vm garp; sleep 20ms")
    time.sleep(0.5)
    measure.mark()
    time.sleep(0.3)
    report = measure.report()
    assert stage.place() == "hv1"
    assert report.total("lost") == 0
    assert report.total("duplicated") == 0


def test_d15_evidence_from_where_it_may_not_come(stage):
    """strict: a VM that shows itself where nobody prepared it stays put, and
    so do its packets."""
    stage.fabric.api("PUT", "/v1/vns/red", {"binding": "strict"})
    stage.fabric.settled()
    stage.measure("announce vm garp+na+rarp hv2")
    time.sleep(0.3)
    assert stage.place() == "hv1"
    stage.measure.mark()
    time.sleep(0.3)
    assert stage.measure.report().total("lost") == 0
    # Prepared, the same announcement activates the move.
    moved = stage.fabric.prepare("vm", "hv2", "tap-vm")
    stage.measure("script pause vm; resume vm hv2; announce vm garp")
    stage.fabric.wait_move(moved, ("converging", "draining", "done"), 5)
    assert stage.place() == "hv2"


def test_h1_a_probe_from_elsewhere_moves_nothing(stage):
    stage.measure("announce vm probe hv2")
    stage.measure("announce vm dad hv2")
    time.sleep(0.3)
    assert stage.place() == "hv1"
    assert stage.newest() is None


def dumps(fabric):
    """Flows and groups of all NVEs, without counters."""
    return {nve: (fabric.flows(nve),
                  sorted(line.strip() for line in
                         fabric.ofctl(nve, "dump-groups").splitlines()[1:]))
            for nve in moves.NVES}


@pytest.mark.parametrize("paused", [False, True])
def test_d11_abort_leaves_everything_as_it_was(stage, paused):
    fabric = stage.fabric
    before = dumps(fabric)
    stage.measure.mark()
    move = fabric.prepare("vm", "hv2", "tap-vm")
    assert dumps(fabric) != before
    if paused:
        stage.measure(f"script pause vm; {stage.call(move, 'pause', True)}; "
                      f"sleep 2ms; {stage.call(move, 'abort', True)}; "
                      "sleep 10ms; resume vm hv1")
    else:
        fabric.api("POST", f"/v1/moves/{move}/abort")
    fabric.wait_move(move, ("aborted",), 5)
    time.sleep(0.3)
    assert stage.measure.report().total("duplicated") == 0
    assert stage.place() == "hv1"
    # What was in flight to hv2 may have called a redirect back from there,
    # which ends by itself.
    fabric.wait(lambda: dumps(fabric) == before, "the dumps of before", 5)
    stage.measure.mark()
    time.sleep(0.3)
    assert stage.measure.report().total("lost") == 0
    with pytest.raises(Refused):
        fabric.api("POST", f"/v1/moves/{move}/activate")


def test_d16_abort_after_the_switch_is_refused(stage):
    moved = stage.move("planned", "hv2", observe=0.1)
    with pytest.raises(Refused) as refused:
        stage.fabric.api("POST", f"/v1/moves/{moved.id}/abort")
    assert refused.value.status == 409
    assert refused.value.error["reason"] == "already_switched"


@pytest.mark.parametrize("says_so", [False, True])
def test_d17_carried_over_after_an_abort(stage, says_so):
    """The network is strict, the VM was not stopped before the pause."""
    fabric = stage.fabric
    fabric.api("PUT", "/v1/vns/red", {"binding": "strict"})
    move = fabric.prepare("vm", "hv2", "tap-vm")
    try:
        fabric.api("POST", f"/v1/moves/{move}/pause")
    except Refused as refused:
        assert refused.error["reason"] == "frame_while_paused"
    fabric.wait_move(move, ("aborted",), 5)
    assert fabric.move(move)["expected_until"]
    stage.measure("script pause vm; resume vm hv2; sleep 20ms")
    if says_so:
        fabric.api("POST", f"/v1/moves/{move}/activate")
    fabric.wait(lambda: stage.place() == "hv2", "the VM to be believed", 5)
    fabric.wait(lambda: stage.newest() != move, "a new move", 5)
    fabric.wait_move(stage.newest(), ("draining", "done"), 10)
    stage.measure.mark()
    time.sleep(0.3)
    assert stage.measure.report().total("lost") == 0


def test_d16_what_is_asked_for_again(stage):
    """A caller whose answer was lost asks again, and gets the same one."""
    fabric = stage.fabric
    body = {"to": {"nve": "hv2", "port": "tap-vm"}}
    move = fabric.prepare("vm", "hv2", "tap-vm")
    again = fabric.api("POST", "/v1/vms/vm/moves", body)
    assert (again["id"], again["ready"]) == (move, True)
    assert fabric.nvactl("move", "start", "vm", "--to", "hv2", "--wait",
                         "prepared").stdout.strip() == str(move)
    with pytest.raises(Refused) as refused:
        fabric.api("POST", "/v1/vms/vm/moves", {"to": {"nve": "hv1"}})
    assert refused.value.error["reason"] == "move_in_progress"
    for _ in range(2):
        fabric.api("POST", f"/v1/moves/{move}/abort")
    with pytest.raises(Refused) as refused:
        fabric.api("POST", "/v1/vms/vm/moves", {"to": {"nve": "hv1"}})
    assert refused.value.error["reason"] == "same_place"


def test_d17_a_destination_port_that_appears_late(make_world):
    world = make_world(2)
    world.vn()
    world.vm("vm1", 1, "hv1")
    world.vm("vm2", 2, "hv2")
    move = world.api("POST", "/v1/vms/vm1/moves",
                     {"to": {"nve": "hv2", "port": "tap-vm1"}})["id"]
    time.sleep(0.1)
    view = world.move(move)
    assert view["state"] == "prepared" and not view["ready"]
    assert view["blocked_by"]
    world.sandbox("port", "vm1", "hv2")
    world.wait(lambda: world.move(move)["ready"], "ready", 5)
    world.sandbox("rehome", "vm1", "hv2", "--announce", "garp+na")
    world.wait_move(move, ("converging", "draining", "done"), 5)
    assert world.ping("vm2", ip4(1)) == 3
    assert world.ping("vm2", ip6(1)) == 3


def test_d5_k6_the_old_nve_dies(stage):
    """The rest of the move goes on without it."""
    fabric = stage.fabric
    fabric.sandbox("kill", "hv1")
    fabric.wait(lambda: fabric.api("GET", "/v1/nves/hv1")["state"]
                == "disconnected", "hv1 to be gone", 10)
    stage.measure.mark()
    stage.measure("script pause vm; resume vm hv2; announce vm garp")
    fabric.wait(lambda: stage.place() == "hv2", "vm at hv2", 5)
    time.sleep(0.3)
    stage.measure.mark()
    time.sleep(0.3)
    report = stage.measure.report()
    for other in ("c2", "c3"):
        for family in ("v4", "v6"):
            assert report.flow(other, "vm", family)["lost"] == 0
    fabric.sandbox("start", "hv1")
    fabric.settled("hv1", timeout=15)


def test_no_loop_when_a_vm_stands_at_two_nves(stage):
    """Numbered packets leave from two places in turn: one 'current', tables
    agree, nothing is delivered twice, nothing circles."""
    fabric = stage.fabric
    stage.measure("both vm hv1 hv2")
    time.sleep(1)
    stage.measure.mark()
    time.sleep(0.5)
    report = stage.measure.report()
    assert report.total("duplicated") == 0
    stage.measure("at vm hv2")
    fabric.api("POST", "/v1/vms/vm/thaw")   # It may have been frozen (E4).
    stage.measure("announce vm garp")
    fabric.wait(lambda: stage.place() == "hv2", "the last evidence's place",
                5)
    time.sleep(1.5)
    stage.measure.mark()
    time.sleep(0.3)
    report = stage.measure.report()
    assert (report.total("lost"), report.total("duplicated")) == (0, 0)
    tunnel = fabric.nves()["hv2"]["tunnel_ip"]
    for nve in ("hv1", "hv3"):
        lines = [line for line in fabric.flows(nve, "table=30")
                 if f"dl_dst={mac(1)}" in line]
        assert len(lines) == 1 and tunnel in lines[0]


def test_k5_d11_the_redirect_in_ofproto_trace(stage):
    """On the old NVE: out through the tunnel to the new one, counted in the
    key's top bits; the fourth time dropped."""
    fabric = stage.fabric
    fabric.api("PUT", "/v1/vns/red", {"redirect_timeout": 10})
    moved = stage.move("planned", "hv2", observe=0.1)
    nves = fabric.nves()
    to = nves["hv2"]["tunnel_ip"]

    def trace(hops):
        return fabric.trace("hv1", (
            f"in_port=1,tun_id={hops << 22 | 100:#x},"
            f"tun_src={nves['hv3']['tunnel_ip']},"
            f"tun_dst={nves['hv1']['tunnel_ip']},dl_src={mac(4)},"
            f"dl_dst={mac(1)},dl_type=0x0800,nw_src={ip4(4)},"
            f"nw_dst={ip4(1)},nw_proto=17"))[1]
    for hops in range(3):
        out = trace(hops)
        assert f"dst={to}" in out, out
        assert f"vni={(hops + 1) << 22 | 100:#x}" in out, out
    assert trace(3) == "drop"
    view = fabric.move(moved.id)
    assert any(stamp["what"] == "redirect on" for stamp in view["timeline"])


def test_d6_a_packet_for_a_vm_long_gone_still_arrives(stage):
    """After the redirect's end a late packet at the old NVE is a question,
    answered by sending it on."""
    fabric = stage.fabric
    moved = stage.move("planned", "hv2", observe=0.1)
    fabric.wait_move(moved.id, ("done",), 5)
    nves = fabric.nves()
    # hv3 believes for a moment that the VM is still at hv1.
    cookie, match = "cookie=0x1", f"table=30,priority=200,dl_dst={mac(1)}"
    fabric.ofctl("hv3", "add-flow", f"{cookie},{match},reg0=100,actions="
                 f"set_field:100->tun_id,set_field:"
                 f"{nves['hv1']['tunnel_ip']}->tun_dst,output:1")
    time.sleep(0.3)
    stage.measure.mark()
    time.sleep(0.5)
    report = stage.measure.report()
    fabric.ofctl("hv3", "del-flows", f"{cookie}/-1")
    for family in ("v4", "v6"):
        flow = report.flow("c3", "vm", family)
        assert flow["duplicated"] == 0
        assert flow["received"] > 0.5 * flow["sent"], flow


def test_d17_a_frame_from_the_old_port_while_paused_aborts(stage):
    fabric = stage.fabric
    before = dumps(fabric)
    move = fabric.prepare("vm", "hv2", "tap-vm")
    try:
        fabric.api("POST", f"/v1/moves/{move}/pause")   # The VM runs on.
    except Refused as refused:              # Aborted before the answer.
        assert refused.error["reason"] == "frame_while_paused"
    fabric.wait_move(move, ("aborted",), 5)
    assert stage.place() == "hv1"
    fabric.wait(lambda: dumps(fabric) == before, "the dumps of before", 5)
    time.sleep(0.3)
    stage.measure.mark()
    time.sleep(0.3)
    assert stage.measure.report().total("lost") == 0

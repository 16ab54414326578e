# SPDX-License-Identifier: Apache-2.0
"""Kinds of move, the states of a VM, and the ends of moves that are not
made, on real switches."""

import json
import os
import re
import signal
import threading
import time

import pytest

from nva_lab import moves
from nva_lab.fabric import Refused
from test_move import dumps


def stamps(view):
    return [stamp["what"] for stamp in view["timeline"]]


def state(fabric):
    return fabric.api("GET", "/v1/vms/vm")["state"]


def start(fabric, kind, port="tap-vm", **more):
    return fabric.api("POST", "/v1/vms/vm/moves", {
        "kind": kind, "to": {"nve": "hv2", "port": port}, **more})


def ready(fabric, move):
    fabric.wait(lambda: fabric.move(move)["ready"], "ready")


def test_d21_a_cold_move_stops_and_starts(stage):
    """Stopped, it gets nothing, near and far; started elsewhere, all of its
    correspondents reach it there."""
    fabric, measure = stage.fabric, stage.measure
    move = start(fabric, "cold")
    assert move["interrupts"] is True
    ready(fabric, move["id"])
    measure("script pause vm")
    fabric.api("POST", f"/v1/moves/{move['id']}/pause")
    assert state(fabric) == "shutdown"
    time.sleep(0.3)             # Cached decisions.
    before = fabric.ofctl("hv1", "dump-ports", "tap-vm")
    time.sleep(0.5)
    assert (sent_to_guest(fabric.ofctl("hv1", "dump-ports", "tap-vm"))
            == sent_to_guest(before))
    measure("script resume vm hv2; announce vm garp+na")
    view = fabric.wait_move(move["id"], ("draining", "done"))
    assert state(fabric) == "running"
    time.sleep(0.3)
    measure.mark()
    time.sleep(0.3)
    report = measure.report()
    assert (report.total("lost"), report.total("duplicated")) == (0, 0)
    for word in ("started", "ready", "stopped", "evidence", "converged"):
        assert word in stamps(view), (word, stamps(view))
    assert "paused" not in stamps(view)
    told = {s["nve"] for s in view["timeline"] if s["what"] == "confirmed"}
    assert told >= set(moves.NVES)


def sent_to_guest(dump):
    return int(re.search(r"tx pkts=(\d+)", dump).group(1))


def test_d22_a_warm_move_is_refreshed_and_loses_nothing(stage):
    fabric, measure = stage.fabric, stage.measure
    move = start(fabric, "warm", refresh=1)["id"]
    ready(fabric, move)
    fabric.wait(lambda: [s for s in fabric.move(move)["timeline"]
                         if s["what"] == "refreshed" and s["times"] >= 2],
                "two refreshes", 20)
    measure.mark()
    measure(f"script pause vm; {stage.call(move, 'pause', True)}; "
            f"sleep 300us; resume vm hv2; {stage.call(move, 'activate')}; "
            "sleep 20ms")
    time.sleep(0.3)
    report = measure.report()
    assert (report.total("lost_on_the_way"),
            report.total("duplicated")) == (0, 0)
    view = fabric.wait_move(move, ("draining", "done"))
    assert all(s["reason"] is None for s in view["timeline"]
               if s["what"] == "refreshed")
    assert state(fabric) == "running"


@pytest.mark.parametrize("kind", ["hot", "warm", "cold"])
def test_d16_a_move_that_nobody_makes_fails(stage, kind):
    fabric = stage.fabric
    before = dumps(fabric)
    move = start(fabric, kind, timeout=2)["id"]
    assert dumps(fabric) != before
    view = fabric.wait_move(move, ("failed",), 20)
    assert view["reason"] == "timed_out"
    assert state(fabric) == "running"
    fabric.wait(lambda: dumps(fabric) == before, "the dumps of before", 10)
    stage.measure.mark()
    time.sleep(0.3)
    assert stage.measure.report().total("lost") == 0


def test_d16_a_port_that_never_appears(stage):
    fabric = stage.fabric
    before = dumps(fabric)
    done = fabric.nvactl("move", "start", "vm", "--to", "hv2", "--port",
                         "tap-no", "--timeout", "1", "--wait", "prepared")
    assert done.returncode == 1
    assert "port_absent" in done.stderr
    assert fabric.move(done.stdout.strip())["state"] == "failed"
    fabric.wait(lambda: dumps(fabric) == before, "the dumps of before", 10)


def test_d16_who_waits_for_an_aborted_move_is_refused(stage):
    """The destination does not answer; the move is aborted meanwhile."""
    fabric = stage.fabric
    with open(fabric.path("state.json")) as f:
        switch = json.load(f)["procs"]["hv2/ovs-vswitchd"][0]
    answers = []

    def call():
        try:
            answers.append(start(fabric, "hot"))
        except Refused as refused:
            answers.append(refused)
    os.kill(switch, signal.SIGSTOP)
    try:
        caller = threading.Thread(target=call)
        caller.start()
        fabric.wait(lambda: fabric.last_move("vm"), "the move")
        fabric.api("POST",
                   f"/v1/moves/{fabric.last_move('vm')['id']}/abort")
        caller.join(20)
    finally:
        os.kill(switch, signal.SIGCONT)
    assert isinstance(answers[0], Refused), answers
    assert answers[0].status == 409
    assert answers[0].error["reason"] == "caller"
    fabric.settled(timeout=20)


def test_c1_states_by_hand(stage):
    fabric = stage.fabric
    before = dumps(fabric)

    def nvactl(*args):
        return fabric.nvactl("vm", "set", "vm", *args)
    stage.measure("script pause vm")
    assert nvactl("--state", "shutdown").returncode == 0
    refused = nvactl("--state", "suspended")
    assert refused.returncode == 1
    assert "vm_state" in refused.stderr
    assert "shutdown" in refused.stderr and "suspended" in refused.stderr
    assert dumps(fabric) != before
    assert nvactl("--state", "running").returncode == 0
    fabric.wait(lambda: dumps(fabric) == before, "the dumps of before", 10)
    # Down, and up elsewhere: a cold move.
    assert nvactl("--state", "shutdown").returncode == 0
    stage.measure("script resume vm hv2")
    assert nvactl("--state", "running", "--nve", "hv2", "--port",
                  "tap-vm").returncode == 0
    view = fabric.wait_move(fabric.last_move("vm")["id"],
                            ("draining", "done"))
    assert view["kind"] == "cold"
    time.sleep(0.3)
    stage.measure.mark()
    time.sleep(0.3)
    assert stage.measure.report().total("lost") == 0

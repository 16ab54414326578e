# SPDX-License-Identifier: Apache-2.0
"""A VM goes to and fro, faster than its redirects end: what is left of it.
tests/bench/moves does it a thousand times."""

import time

import pytest

HOPS = 50


@pytest.mark.parametrize("way", ["announced", "planned"])
def test_e2_to_and_fro_leaves_nothing(stage, way):
    fabric, measure = stage.fabric, stage.measure
    before = fabric.metric("nva_moves")
    measure.mark()
    if way == "announced":
        stage.announced_hops(HOPS, "20ms")
    else:
        stage.planned_hops(HOPS)
        assert fabric.metric("nva_moves") == before + HOPS
    assert measure.report().total("duplicated") == 0
    fabric.wait(lambda: stage.place() == "hv1", "the directory to agree")
    fabric.wait(lambda: stage.leftovers() == (0, 0), "tables that agree", 20)
    fabric.settled()
    time.sleep(0.3)             # Cached decisions.
    measure.mark()
    time.sleep(0.5)
    report = measure.report()
    assert (report.total("lost"), report.total("duplicated")) == (0, 0)
    assert all(flow["received"] for flow in report.flows)
    assert not fabric.api("GET", "/v1/vms/vm")["interfaces"][0]["frozen"]

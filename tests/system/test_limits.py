# SPDX-License-Identifier: Apache-2.0
"""Limits: hosts that nobody told nvad of."""

import time

from nva_lab.guests import ip4, ip6, mac
from nva_lab.liars import Liar

MAX = 12                    # What the network may learn.
SILENCE = 62                # Seconds, from which on a host may be evicted.


def host(world, name, number, nve):
    """A VM with a kernel, of which nvad knows no more than its port."""
    world.sandbox("vm", name, nve, "--mac", mac(number), "--ip",
                  ip4(number) + "/16", "--ip", ip6(number) + "/64")
    world.api("PUT", f"/v1/nves/{nve}/ports/tap-{name}", {"vn": "red"})


def learned(world):
    return {vm["name"] for vm in world.api("GET", "/v1/vms")["vms"]
            if vm["origin"] == "learned"}


def test_d15_a_flood_of_hosts_evicts_nobody(make_world):
    world = make_world(2)
    world.vn(binding="learn", max_learned=MAX)
    for name, number, nve in (("h1", 1, "hv1"), ("h2", 2, "hv2")):
        host(world, name, number, nve)
    world.settled()
    assert world.ping("h1", ip4(2)) == 3
    mine = {f"red/{mac(1)}", f"red/{mac(2)}"}
    world.wait(lambda: mine <= learned(world), "h1 and h2 to be learned", 10)

    time.sleep(SILENCE)
    with Liar(world) as liar:
        liar.start("any MAC")
        text = 'nva_notes_total{type="dropped",reason="vn_learn_limit"} '
        world.wait(lambda: text in world.api("GET", "/metrics"),
                   "newcomers to be dropped", 20)
        time.sleep(2)
        assert mine <= learned(world)
        assert len(learned(world)) == MAX
        assert world.api("GET", "/v1/vns/red")["learned"] == MAX
        assert world.ping("h1", ip4(2)) == 3
        liar.stop()
    assert mine <= learned(world)
    world.everything_as_it_should()

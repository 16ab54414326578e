# SPDX-License-Identifier: Apache-2.0
"""TCP connections of a VM that moves, by the kernel's own stack (D18)."""

import time

import pytest

from nva_lab.guests import ip4, ip6
from nva_lab.peers import Client, Server

@pytest.mark.parametrize("address", [ip4(1), ip6(1)])
@pytest.mark.parametrize("connections", ["reset", "keep"])
def test_d18_connections_of_the_kernel(make_world, connections, address):
    """reset: the peer learns at once and connects again; keep: the same
    connection goes on at the new place."""
    world = make_world(3)
    world.vn(redirect_timeout=2)
    world.vm("vm", 1, "hv1")
    world.vm("peer", 2, "hv3")
    world.api("PUT", "/v1/vms/vm", {"connections": connections})
    world.sandbox("port", "vm", "hv2")
    with Server(world, "vm"), Client(world, "peer", address) as client:
        assert client.ask("connect")[0] == "ok"
        assert client.ask("send")[0] == "ok"
        move = world.prepare("vm", "hv2", "tap-vm")
        world.sandbox("pause", "vm")        # Its kernel must say nothing.
        world.api("POST", f"/v1/moves/{move}/pause")
        if connections == "reset":
            word, seconds = client.ask("send")
            assert word == "reset"
            assert seconds < 2
        world.sandbox("rehome", "vm", "hv2", "--announce", "garp+na")
        world.wait_move(move, ("converging", "draining", "done"), 5)
        time.sleep(0.1)
        if connections == "reset":
            assert client.ask("connect")[0] == "ok"
        assert client.ask("send")[0] == "ok"
        world.wait_move(move, ("done",), 15)
        assert client.ask("send")[0] == "ok"
    world.everything_as_it_should()

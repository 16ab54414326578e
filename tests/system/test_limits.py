# SPDX-License-Identifier: Apache-2.0
"""Limits: hosts that nobody told nvad of, connections of the API."""

import select
import socket
import time

from nva_lab.guests import ip4, ip6, mac
from nva_lab.liars import Liar

MAX = 12                    # What the network may learn.
CONNECTIONS = 512           # Of the API.
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


def test_api_connections_are_bounded(make_world):
    """Who opens connections and says nothing gets no more than so many, which
    end by themselves; who has one is served on meanwhile."""
    world = make_world(1)
    assert world.metric("nva_api_connections") == 1     # This one.
    crowd = []
    for _ in range(CONNECTIONS + 50):
        link = socket.socket(socket.AF_UNIX)
        link.connect(str(world.api_socket))
        crowd.append(link)

    def closed():
        """Those whose other end is closed."""
        poll = select.poll()
        for link in crowd:
            poll.register(link, select.POLLRDHUP)
        return sum(1 for _, event in poll.poll(0)
                   if event & (select.POLLRDHUP | select.POLLHUP))
    world.wait(lambda: closed() >= 51, "the last ones to be refused", 20)
    assert closed() == 51
    assert world.metric("nva_api_connections") == CONNECTIONS
    assert world.metric("nva_api_refused_total") == 51
    assert crowd[-1].recv(100).startswith(b"HTTP/1.1 503 ")
    assert world.api("GET", "/v1/vns") == {"vns": []}

    world.wait(lambda: closed() == len(crowd), "the idle ones to end", 90)
    assert world.metric("nva_api_connections") == 1
    for link in crowd:
        link.close()
    world.vn()
    world.everything_as_it_should()

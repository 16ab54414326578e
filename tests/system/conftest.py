# SPDX-License-Identifier: Apache-2.0
"""What the system tests with nvad stand on: real NVEs, real nvad, VMs with a
kernel (namespaces) or measured ones (nva-measure)."""

import os
import re
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "utilities"))
sys.dont_write_bytecode = True

from nva_lab import moves  # noqa: E402
from nva_lab.fabric import Fabric, Refused  # noqa: E402
from nva_lab.guests import ip4, ip6, mac  # noqa: E402

MADE = []                   # Each fabric has a name of its own.


class World(Fabric):
    """A fabric with the ways of the tests."""

    def __init__(self, n, *options):
        MADE.append(1)
        super().__init__(f"y{os.getpid()}.{len(MADE)}")
        self.n, self.options = n, options

    def start(self, claim=True):
        self.up(self.n, *self.options)
        self.start_nvad()
        self.wait(lambda: self.bridges() == self.n, "the bridges to connect")
        if claim:
            self.claim()
        return self

    def bridges(self):
        listed = self.api("GET", "/v1/nves")
        return (len(listed["unclaimed"])
                + len([n for n in listed["nves"]
                       if n["state"] == "connected"]))

    def vn(self, name="red", vni=100, **fields):
        return self.api("PUT", f"/v1/vns/{name}", {"vni": vni, **fields})

    def declare(self, name, number, nve, vn="red", port=None):
        """The VM as nvad knows it."""
        return self.api("PUT", f"/v1/vms/{name}", {"interfaces": [{
            "vn": vn, "mac": mac(number), "nve": nve,
            "port": port or f"tap-{name}",
            "ips": [ip4(number), ip6(number)]}]})

    def vm(self, name, number, nve, vn="red", mtu=1500):
        """A VM with a kernel, that nvad knows."""
        self.sandbox("vm", name, nve, "--mac", mac(number), "--ip",
                     ip4(number) + "/16", "--ip", ip6(number) + "/64",
                     "--mtu", mtu)
        self.declare(name, number, nve, vn)

    def ping(self, vm, address, count=3, *options):
        """How many pings were answered."""
        out = self.sandbox("exec", vm, "ping", "-c", count, "-i", "0.05",
                           "-W", "1", *options, address, check=False).stdout
        return int(re.search(r"(\d+) received", out).group(1))

    def ofport(self, nve, name):
        return next(p["ofport"] for p in self.nves()[nve]["ports"]
                    if p["name"] == name)

    def trace(self, nve, flow):
        """ofproto/trace: all it says, and the datapath's actions alone."""
        out = self.sandbox("trace", nve, flow)
        return out, out.rsplit("Datapath actions: ", 1)[1].strip()

    def ages(self, nve):
        """{flow: seconds since it was put there}"""
        found = {}
        for line in self.ofctl(nve, "dump-flows").splitlines():
            age = re.search(r"duration=([0-9.]+)s", line)
            if age:
                found[re.sub(r"(duration|n_packets|n_bytes|idle_age)=[^,]*, ",
                             "", line)] = float(age.group(1))
        return found

    def youngest(self, nve):
        return min(self.ages(nve).values())

    def everything_as_it_should(self):
        """No owner owed, none rejected, directory and switches agree."""
        self.settled()
        assert self.metric("nva_owners_quarantined") == 0
        assert self.metric("nva_flows_failed_total") == 0
        assert self.metric("nva_bundles_failed_total") == 0
        for nve in self.nves():
            self.meters_are_there(nve)

    def meters_are_there(self, nve):
        """Open vSwitch keeps flows whose meter was deleted."""
        def ids(command, pattern):
            return set(re.findall(pattern, self.ofctl(nve, command)))
        needed = ids("dump-flows", r"meter_id=(\d+)")
        assert needed <= ids("dump-meters", r"meter[=:](\d+)"), nve
        # ...and those that came before their meter, without any.
        with open(self.path(f"{nve}/ovs-vswitchd.log"), encoding="utf-8",
                  errors="replace") as log:
            assert "unknown meter id" not in log.read(), nve


@pytest.fixture
def make_world():
    """Worlds for one test; gone after it."""
    made = []

    def make(n=2, *options, claim=True):
        made.append(World(n, *options))
        return made[-1].start(claim)
    yield make
    for world in made:
        world.down()


@pytest.fixture
def stage(make_world):
    """Three NVEs, 'vm' and c1..c3 with 500 packets a second in each of 12
    directions."""
    world = make_world(3)
    with moves.Stage(world, redirect_timeout=1) as made:
        made.cast()
        made.flows(500)
        yield made
    world.everything_as_it_should()


__all__ = ["Refused", "World", "make_world", "stage"]

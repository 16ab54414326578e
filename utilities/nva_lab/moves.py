# SPDX-License-Identifier: Apache-2.0
"""The ways a VM moves under traffic, and what was counted meanwhile.

The stage: hv1..hv3; the guest 'vm', which may stand at each, and one
correspondent at each, c1..c3, so that a move always has one at the old NVE,
one at the new one and one elsewhere.
"""

import contextlib
import time

from .fabric import Refused
from .guests import Measure, ip4, ip6, mac

NVES = ("hv1", "hv2", "hv3")
DOWN = "300us"              # How long the VM itself stands still.
HOPS = 50                   # Announced moves in one script.
REOPENED = 0.05             # Seconds for a switch to take note of a port.
# Planned: what the API calls it, and whether the VM's pause (cold: its stop)
# is said.
PLANNED = {"planned, pause": ("hot", True), "planned": ("hot", False),
           "warm, pause": ("warm", True), "cold": ("cold", True)}
ANNOUNCED = {"GARP request": "garp", "GARP reply": "garp-reply",
             "NA": "na", "NA, node": "na-node", "RARP": "rarp"}


class Stage:
    """Declared to nvad, with numbered packets flowing."""

    def __init__(self, fabric, redirect_timeout=2, vm_at="hv1",
                 keep_queue=False):
        self.fabric = fabric
        self.measure = Measure(fabric, keep_queue)
        self.at = vm_at
        self.left = set()       # Places that the VM has left once.
        self.reopened = REOPENED
        self.last = 0
        fabric.api("PUT", "/v1/vns/red", {
            "vni": 100, "binding": "learn",
            "redirect_timeout": redirect_timeout})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.measure.close()

    def add(self, name, number, nves, at):
        """A guest, its ports, and the VM that nvad knows."""
        self.measure.guest(name, number, nves, at)
        for nve in nves:
            self.fabric.api("PUT", f"/v1/nves/{nve}/ports/tap-{name}",
                            {"vn": "red"})
        self.fabric.api("PUT", f"/v1/vms/{name}", {"interfaces": [{
            "vn": "red", "mac": mac(number), "nve": at,
            "port": f"tap-{name}", "ips": [ip4(number), ip6(number)]}]})

    def cast(self, correspondents=("c1", "c2", "c3")):
        """The VM and its correspondents; cK stands at hvK."""
        self.add("vm", 1, NVES, self.at)
        for name in correspondents:
            number = int(name[1:])
            self.add(name, number + 1, [f"hv{number}"], f"hv{number}")
        self.fabric.settled(*NVES)

    def flows(self, pps, correspondents=("c1", "c2", "c3"),
              families=("v4", "v6")):
        for name in correspondents:
            for family in families:
                self.measure(f"flow add vm {name} {family} pps={pps}")
        self.measure("start")
        self.measure("resolve")
        time.sleep(0.3)         # Neighbours of tunnels, caches.

    def call(self, identity, action, wait=False):
        return (f"call {self.fabric.api_socket} POST /v1/moves/{identity}/"
                f"{action}{' wait' if wait else ''}")

    def script(self, kind, to, identity=None, down=DOWN):
        """The steps of one move, for nva-measure."""
        if kind in PLANNED:
            said = (self.call(identity, "pause", True) + "; "
                    if PLANNED[kind][1] else "")
            return (f"script pause vm; {said}sleep {down}; resume vm {to}; "
                    f"{self.call(identity, 'activate')}")
        return (f"script pause vm; sleep {down}; resume vm {to}; "
                f"announce vm {ANNOUNCED.get(kind, kind)}")

    def reopen(self, to):
        """A place that the VM has left reads and loses what arrives: its
        port is opened anew, as for a new VM."""
        if to in self.left:
            self.measure(f"unplace vm {to}")
            self.measure(f"place vm {to} {self.fabric.namespace(to)} tap-vm")
            self.left.remove(to)
            time.sleep(self.reopened)
            self.fabric.settled(*NVES)

    def move(self, kind, to, observe=0.5, down=DOWN, aside=None):
        """One move; what happened.  'aside' is a context around
        what nvad has to do with it, from its preparation on."""
        self.reopen(to)
        with aside or contextlib.nullcontext():
            identity = None
            if kind in PLANNED:
                identity = self.fabric.prepare("vm", to, "tap-vm",
                                               kind=PLANNED[kind][0])
            self.measure.mark()
            answer = self.measure(self.script(kind, to, identity, down)
                                  + "; sleep 20ms")
            time.sleep(observe)
            report = self.measure.report()
        old, self.at = self.at, to
        self.left.add(old)
        identity = identity or self.newest()
        self.last = max(self.last, identity or 0)
        return Moved(kind, old, to, identity, answer, report)

    def announced_hops(self, n, stay):
        """There and back, 'n' moves, announced once at each place; in
        scripts, as fast as they go."""
        hop = (f"pause vm; sleep {DOWN}; resume vm {{}}; "
               f"announce vm garp; sleep {stay}")
        there_and_back = f"{hop.format('hv2')}; {hop.format('hv1')}"
        for i in range(0, n, HOPS):
            self.measure("script " + "; ".join(
                [there_and_back] * (min(HOPS, n - i) // 2)))
        self.at = "hv1"
        self.left |= {"hv1", "hv2"}

    def planned_hops(self, n):
        """There and back, 'n' moves, each with pause, as soon as the one
        before has switched."""
        for _ in range(n):
            to = "hv1" if self.at == "hv2" else "hv2"
            # Its port is there before nvad hears of it.
            self.measure(f"prepare vm {to}")
            identity = self.fabric.prepare("vm", to, "tap-vm")
            answer = self.measure(self.script("planned, pause", to, identity)
                                  + " wait")
            if [c["status"] for c in answer["calls"]] != [200, 200]:
                raise Refused(f"move {identity}: {answer['calls']}")
            self.left.add(self.at)
            self.at = to

    def leftovers(self):
        """Entries at other NVEs that do not lead to the VM alone; flows of
        redirects."""
        tunnel = self.fabric.nves()[self.at]["tunnel_ip"]
        stale = sum(
            [tunnel in flow for flow in self.fabric.flows(nve, "table=30")
             if f"dl_dst={mac(1)}" in flow] != [True]
            for nve in NVES if nve != self.at)
        redirects = sum(mac(1) in flow for nve in NVES
                        for flow in self.fabric.flows(nve, "table=40"))
        return stale, redirects

    def newest(self):
        """The announced move that began since the last one we know."""
        move = self.fabric.last_move("vm", self.last)
        return move and move["id"]

    def place(self):
        """Where nvad says that the VM is."""
        return self.fabric.api("GET", "/v1/vms/vm")["interfaces"][0]["nve"]


class Moved:
    """One move: cause, counts, times in microseconds."""

    def __init__(self, kind, old, new, identity, answer, report):
        self.kind, self.old, self.new, self.id = kind, old, new, identity
        self.report, self.answer = report, answer
        for key in ("sent", "lost", "left_behind", "lost_on_the_way",
                    "duplicated", "reordered", "skipped"):
            setattr(self, key, report.total(key))
        self.lost_to_vm = report.total("lost", to="vm")
        guest = report.guests["vm"]
        self.fresh = guest["first_fresh_us"]
        self.resumed = guest["resumed_us"]
        gaps = [flow["longest_gap_us"] for flow in report.flows]
        self.gap = max(gaps)
        activated = [c for c in answer["calls"] if "activate" in c["path"]]
        self.activated = activated[0]["sent_us"] if activated else None

    @property
    def convergence(self):
        """From the word that the VM is up (or its announcement) to the first
        packet there that was sent after it was up."""
        if self.fresh is None:
            return None
        if self.activated is None:
            return self.fresh
        return self.resumed + self.fresh - self.activated

    def statuses(self):
        return [call.get("status") for call in self.answer["calls"]]

# SPDX-License-Identifier: Apache-2.0
"""The same move without nvad: what Open vSwitch alone takes.

Static flows, and of the old NVE's one more, first, that keeps the VM there.
At the moment when the VM is up elsewhere that flow is deleted, by one flow mod
that was encoded before: less than that nobody can do to move it.
"""

import struct
import time

from .guests import Measure, mac
from .moves import DOWN, NVES, Moved

CAUSE = "OVS alone"
COMES, STAYS, KNOWN = 30, 20, 10    # Priorities.
TUNNEL = 1                          # Its OpenFlow port.
VNI = 100
HELLO = struct.pack("!BBHI", 4, 0, 8, 1).hex()


def to_tunnel(ip):
    """The actions that send a packet to the NVE at 'ip'."""
    clear, field = (("0.0.0.0->tun_dst", "tun_ipv6_dst") if ":" in ip
                    else ("::->tun_ipv6_dst", "tun_dst"))
    return (f"set_field:{VNI}->tun_id,set_field:{clear},"
            f"set_field:{ip}->{field},output:{TUNNEL}")


def delete_flow(priority, eth_dst):
    """An OpenFlow 1.3 flow mod, DELETE_STRICT, in table 0."""
    match = (struct.pack("!HHHBB", 1, 14, 0x8000, 3 << 1, 6)
             + bytes.fromhex(eth_dst.replace(":", "")) + b"\0\0")
    body = struct.pack("!QQBBHHHIIIHH", 0, 0, 0, 4, 0, 0, priority,
                       0xffffffff, 0xffffffff, 0xffffffff, 0, 0)
    return (struct.pack("!BBHI", 4, 14, 8 + len(body) + len(match), 2)
            + body + match).hex()


class BareStage:
    """The cast of moves.Stage on static flows."""

    def __init__(self, fabric, correspondents, others, keep_queue=False):
        self.fabric, self.others = fabric, others
        self.measure = Measure(fabric, keep_queue)
        self.where, self.macs = {}, {}
        self.add("vm", 1, NVES)
        for name in correspondents:
            self.add(name, int(name[1:]) + 1, [f"hv{name[1:]}"])
        nves = fabric.nves()
        self.tunnel = {nve: nves[nve]["tunnel_ip"] for nve in NVES}
        self.ports = {nve: {p["name"]: p["ofport"]
                            for p in nves[nve]["ports"]} for nve in NVES}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.measure.close()

    def add(self, name, number, nves):
        self.measure.guest(name, number, nves)
        self.where[name], self.macs[name] = nves[0], mac(number)

    def to_port(self, nve, name):
        return f"output:{self.ports[nve]['tap-' + name]}"

    def to_nve(self, nve):
        return "set_field:0->in_port," + to_tunnel(self.tunnel[nve])

    def program(self, to):
        """All is ready for the VM's way 'to' another NVE, to which the old
        one is the only way until its first flow is gone."""
        old = self.where["vm"]
        for nve in NVES:
            flows = [f"priority={KNOWN},dl_dst={self.macs[name]},actions="
                     + (self.to_port(nve, name) if there == nve
                        else self.to_nve(there))
                     for name, there in {**self.where, "vm": to}.items()]
            flows += [f"priority={KNOWN},dl_dst={mac(1000 + i)},actions="
                      + self.to_nve(to if nve != to else old)
                      for i in range(self.others)]
            flows.append(f"priority={STAYS},dl_dst={self.macs['vm']},actions="
                         + (self.to_port(nve, "vm") if nve == old
                            else self.to_nve(old)))
            if nve == to:
                flows.append(f"priority={COMES},in_port={TUNNEL},"
                             f"dl_dst={self.macs['vm']},actions="
                             + self.to_port(nve, "vm"))
            self.fabric.ofctl(nve, "replace-flows", "-",
                              text="\n".join(flows) + "\n")

    def flows(self, pps, correspondents, families):
        self.program("hv2")
        for name in correspondents:
            for family in families:
                self.measure(f"flow add vm {name} {family} pps={pps} static")
        self.measure("start")
        time.sleep(1)

    def move(self, to):
        """One move; what happened, as of moves.Stage."""
        self.measure(f"prepare vm {to}")
        self.program(to)
        time.sleep(1)
        old = self.where["vm"]
        socket = f"{self.fabric.dir}/{old}/br-int.mgmt"
        self.measure.mark()
        answer = self.measure(
            f"script pause vm; sleep {DOWN}; resume vm {to}; send {socket} "
            f"{HELLO} {delete_flow(STAYS, self.macs['vm'])}; sleep 20ms")
        time.sleep(0.1)
        moved = Moved(CAUSE, old, to, None, answer, self.measure.report())
        self.where["vm"] = to
        return moved

# SPDX-License-Identifier: Apache-2.0
"""A VM that lies, beside the stage of a move: forged announcements and data
at a rate, from a process of its own."""

import time

from .guests import Measure, ip4, ip6, mac

NUMBER = 66
# What it says: of addresses that others have; of any; from any MAC as well;
# and not even announcements.
LIES = {
    "others' addresses": f"garp+na ip={ip4(2)} ip6={ip6(2)}",
    "any address": "garp+na ip=any ip6=any",
    "any MAC": "garp+na+rarp mac=any ip=any",
    "data, any MAC": "data mac=any ip=any",
}


class Liar:
    """A guest with a port, known to nvad; floods inside 'with lying():'."""

    def __init__(self, fabric, nve="hv1", name="liar"):
        self.fabric, self.nve, self.name = fabric, nve, name
        self.measure = Measure(fabric)
        self.measure.guest(name, NUMBER, [nve])
        self.port = f"/v1/nves/{nve}/ports/tap-{name}"
        fabric.api("PUT", self.port, {"vn": "red"})
        fabric.api("PUT", f"/v1/vms/{name}", {"interfaces": [{
            "vn": "red", "mac": mac(NUMBER), "nve": nve,
            "port": f"tap-{name}", "ips": [ip4(NUMBER), ip6(NUMBER)]}]})
        fabric.settled(nve)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.measure.close()

    def detour(self):
        return self.fabric.api("GET", self.port)["detour"]

    def start(self, lie, pps=10000):
        self.measure(f"flood {self.name} {LIES.get(lie, lie)} pps={pps}")
        self.since = time.monotonic()

    def stop(self):
        """Frames a second that it got out."""
        sent = self.measure(f"flood {self.name} off")["steps"][0]["sent"]
        return sent / (time.monotonic() - self.since)

# SPDX-License-Identifier: Apache-2.0
"""Guests on taps that send each other numbered packets: nva-measure."""

import json
import subprocess

from . import programs
from .fabric import Refused

GRACE = "20ms"


class Measure:
    """A running nva-measure.  With 'keep_queue' a guest takes along what
    waits in the queue of the port it leaves; QEMU's is closed with it."""

    def __init__(self, fabric, keep_queue=False):
        self.fabric = fabric
        self.process = subprocess.Popen(
            [programs.find("nva-measure"),
             *(["--keep-queue"] if keep_queue else [])], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        text = self.process.stdout.readline()
        answer = json.loads(text) if text else {"error": "it ended"}
        if not answer.get("ok"):
            raise Refused(f"nva-measure: {line}: {answer.get('error')}")
        return answer

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def guest(self, name, number, nves, at=None):
        """A guest with addresses by its number, and a tap at each NVE."""
        self(f"guest add {name} mac={mac(number)} ip={ip4(number)} "
             f"ip6={ip6(number)}")
        for nve in nves:
            self.fabric.sandbox("port", name, nve)
            self(f"place {name} {nve} {self.fabric.namespace(nve)} "
                 f"tap-{name}")
        self(f"at {name} {at or nves[0]}")

    def mark(self):
        self(f"mark grace={GRACE}")

    def report(self):
        return Report(self(f"report grace={GRACE}")["steps"][0])


class Report:
    """What was counted since the last mark.  Of a flow's lost packets some
    were left behind: they waited in the queue of a port that their VM left
    while it was paused.  The others were lost on the way."""

    def __init__(self, data):
        self.data = data
        self.flows = data["flows"]
        for flow in self.flows:
            flow["lost_on_the_way"] = flow["lost"] - flow["left_behind"]
        self.guests = {g["name"]: g for g in data["guests"]}

    def total(self, key, **match):
        return sum(flow[key] for flow in self.flows
                   if all(flow[k] == v for k, v in match.items()))

    def flow(self, source, target, family):
        return next(f for f in self.flows if (f["from"], f["to"], f["family"])
                    == (source, target, family))


def mac(number):
    return "02:00:00:00:" + ":".join(f"{b:02x}" for b in divmod(number, 256))


def ip4(number):
    return "10.0." + ".".join(map(str, divmod(number, 256)))


def ip6(number):
    return f"fd10::{number:x}"

# SPDX-License-Identifier: Apache-2.0
"""Packets that the stage lost, not the move: where a switch, a guest or the
kernel was not run in time, the buffer before it overflowed."""

import json
import re
import subprocess

SOFTNET = "/proc/net/softnet_stat"


def sockets(fabric, nve):
    """Dropped before the switch's own packet sockets, ever."""
    done = subprocess.run(
        ["ip", "netns", "exec", fabric.namespace(nve), "ss", "-0", "-H", "-m",
         "-n"], text=True, capture_output=True, timeout=10)
    return sum(map(int, re.findall(r",d(\d+)\)", done.stdout)))


def taps(fabric, nve, without):
    """Dropped before the guests, ever."""
    done = subprocess.run(
        ["ip", "-n", fabric.namespace(nve), "-s", "-j", "link"], text=True,
        capture_output=True, timeout=10)
    return sum(link["stats64"]["tx"]["dropped"]
               for link in json.loads(done.stdout or "[]")
               if link["ifname"].startswith("tap-")
               and link["ifname"] not in without)


def backlogs():
    """Dropped before the kernel's own queues, ever, on the whole machine."""
    with open(SOFTNET, encoding="ascii") as f:
        return sum(int(line.split()[1], 16) for line in f)


class Overflows:
    """with overflows: ...; then overflows.n.  The port of a VM that stands
    still is not asked: what it drops is the move's affair."""

    def __init__(self, fabric, nves, without=("tap-vm",)):
        self.fabric, self.nves, self.without = fabric, nves, without
        self.n = 0

    def now(self):
        return backlogs() + sum(
            sockets(self.fabric, nve) + taps(self.fabric, nve, self.without)
            for nve in self.nves)

    def __enter__(self):
        self.before = self.now()
        return self

    def __exit__(self, *_):
        self.n = self.now() - self.before

# SPDX-License-Identifier: Apache-2.0
"""Counts frames on an interface of a namespace, inside VXLAN or bare."""

import subprocess
import sys

SCRIPT = r"""
import select, socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(int(sys.argv[2])))
s.bind((sys.argv[1], 0))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
print("ready", flush=True)
open_ = True
while True:
    ready = select.select([s] + [sys.stdin] * open_, [], [],
                          None if open_ else 0.1)[0]
    if sys.stdin in ready:
        open_ = False
    if s in ready:
        data, address = s.recvfrom(65535)
        print(address[2], data.hex(), flush=True)
    elif not ready:
        break
"""


class Frame:
    """One frame seen: 'vni' is None if it was bare."""

    def __init__(self, outgoing, data, vni=None):
        self.outgoing, self.vni = outgoing, vni
        self.dst, self.src = data[0:6], data[6:12]
        self.ethertype = int.from_bytes(data[12:14], "big")
        self.payload = data[14:]

    @property
    def is_nd(self):
        """A neighbour solicitation or advertisement."""
        return (self.ethertype == 0x86dd and self.payload[6:7] == b"\x3a"
                and self.payload[40] in (135, 136))

    @property
    def is_question(self):
        """An ARP frame, or a neighbour solicitation."""
        return (self.ethertype == 0x0806
                or (self.is_nd and self.payload[40] == 135))


def unwrap(outgoing, data):
    """The inner frame of VXLAN, or the frame."""
    ethertype = int.from_bytes(data[12:14], "big")
    at = 14
    if ethertype == 0x0800 and data[23] == 17:
        at += (data[14] & 15) * 4
    elif ethertype == 0x86dd and data[20] == 17:
        at += 40
    else:
        return Frame(outgoing, data)
    if int.from_bytes(data[at + 2:at + 4], "big") != 4789:
        return Frame(outgoing, data)
    return Frame(outgoing, data[at + 16:],
                 int.from_bytes(data[at + 12:at + 15], "big"))


class Sniffer:
    """with Sniffer(namespace) as seen: ...; seen.frames afterwards.  With
    'ethertype', only such frames, and only those that come in."""

    def __init__(self, namespace, interface="eth0", ethertype=3):
        self.argv = ["ip", "netns", "exec", namespace, sys.executable, "-c",
                     SCRIPT, interface, str(ethertype)]
        self.frames = []

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, text=True,
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate(timeout=10)
        for line in out.splitlines():
            kind, data = line.split()
            self.frames.append(unwrap(kind == "4", bytes.fromhex(data)))

    def count(self, condition):
        return len([f for f in self.frames if condition(f)])

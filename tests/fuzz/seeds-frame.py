#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz-frame to tests/fuzz/corpus/frame (or to the
directory named), one Ethernet frame a file.  Run it after a change here and
commit what it wrote.  With --print, prints them in hexadecimal: where
test-frame has its frames from."""

import ipaddress
import os
import struct
import sys

VM = bytes.fromhex("020000000a01")
PEER = bytes.fromhex("020000000b02")
ALL = b"\xff" * 6
ZERO = bytes(6)


def ip(text):
    return ipaddress.ip_address(text).packed


def pad(frame):
    return frame.ljust(60, b"\0")


def ether(dst, src, kind, body, vid=None):
    tag = b"" if vid is None else struct.pack("!HH", 0x8100, vid)
    return pad(dst + src + tag + struct.pack("!H", kind) + body)


def arp_body(op, sha, spa, tha, tpa, htype=1):
    return (struct.pack("!HHBBH", htype, 0x0800, 6, 4, op)
            + sha + ip(spa) + tha + ip(tpa))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def icmp6(src, dst, body, hops=255, spoil=0):
    pseudo = ip(src) + ip(dst) + struct.pack("!II", len(body), 58)
    csum = checksum(pseudo + body) ^ spoil
    return (struct.pack("!IHBB", 6 << 28, len(body), 58, hops)
            + ip(src) + ip(dst) + body[:2] + struct.pack("!H", csum)
            + body[4:])


def nd(kind, flags, target, options=b"", code=0):
    return (struct.pack("!BBHI", kind, code, 0, flags << 24) + ip(target)
            + options)


def lla(kind, mac):
    return bytes([kind, 1]) + mac


def solicited(text):
    return "ff02::1:ff" + ipaddress.ip_address(text).exploded[-7:]


def mac6(dst):
    return b"\x33\x33" + ip(dst)[-4:]


def ns(src, target, options=b"", dst=None, **how):
    dst = dst or solicited(target)
    return ether(mac6(dst), VM, 0x86dd,
                 icmp6(src, dst, nd(135, 0, target, options), **how))


def na(dst, flags, target, options=b"", **how):
    return ether(mac6(dst) if dst.startswith("ff") else PEER, VM, 0x86dd,
                 icmp6(target, dst, nd(136, flags, target, options), **how))


A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "fd10::a01", "fd10::b02"
GARP = arp_body(1, VM, A, ZERO, A)
NONCE = bytes.fromhex("0e01010203040506")

SEEDS = {
    "arp-request": ether(ALL, VM, 0x0806, arp_body(1, VM, A, ZERO, B)),
    "arp-reply": ether(PEER, VM, 0x0806, arp_body(2, VM, A, PEER, B)),
    "arp-probe": ether(ALL, VM, 0x0806, arp_body(1, VM, "0.0.0.0", ZERO, A)),
    "garp-request": ether(ALL, VM, 0x0806, GARP),
    "garp-reply": ether(ALL, VM, 0x0806, arp_body(2, VM, A, ALL, A)),
    "garp-priority-tag": ether(ALL, VM, 0x0806, GARP, vid=0xe000),
    "garp-vlan-5": ether(ALL, VM, 0x0806, GARP, vid=5),
    "arp-mismatch": ether(ALL, PEER, 0x0806, GARP),
    "arp-htype": ether(ALL, VM, 0x0806, arp_body(1, VM, A, ZERO, A, 6)),
    "arp-op": ether(ALL, VM, 0x0806, arp_body(8, VM, A, ZERO, A)),
    "arp-short": ether(ALL, VM, 0x0806, GARP)[:41],
    "rarp-qemu": ether(ALL, VM, 0x8035,
                       arp_body(3, VM, "0.0.0.0", VM, "0.0.0.0")),
    "rarp-for-peer": ether(ALL, VM, 0x8035,
                           arp_body(3, VM, "0.0.0.0", PEER, "0.0.0.0")),
    "rarp-reply": ether(PEER, VM, 0x8035, arp_body(4, VM, A, PEER, B)),
    "ns": ns(A6, B6, lla(1, VM)),
    "ns-dad": ns("::", A6),
    "ns-dad-nonce": ns("::", A6, NONCE),
    "ns-dad-sll": ns("::", A6, lla(1, VM)),
    "ns-dad-all-nodes": ns("::", A6, dst="ff02::1"),
    "ns-nonce-sll": ns(A6, B6, NONCE + lla(1, VM)),
    "ns-sll-of-peer": ns(A6, B6, lla(1, PEER)),
    "ns-two-slls": ns(A6, B6, lla(1, VM) + lla(1, PEER)),
    "ns-option-zero": ns(A6, B6, bytes(8)),
    "ns-option-long": ns(A6, B6, b"\1\2" + VM),
    "ns-checksum": ns(A6, B6, lla(1, VM), spoil=1),
    "ns-hop-limit": ns(A6, B6, lla(1, VM), hops=254),
    "ns-multicast-target": ns(A6, "ff02::5", lla(1, VM), dst="ff02::1"),
    "na-unsolicited": na("ff02::1", 0x20, A6, lla(2, VM)),
    "na-solicited-node": na(solicited(A6), 0x20, A6, lla(2, VM)),
    "na-solicited": na(B6, 0xe0, A6, lla(2, VM)),
    "na-s-multicast": na("ff02::1", 0x60, A6, lla(2, VM)),
    "na-proxy": na("ff02::1", 0x20, A6, lla(2, PEER)),
    "ipv6-echo": ether(PEER, VM, 0x86dd,
                       icmp6(A6, B6, nd(128, 0, B6), hops=64)),
    "ipv4": ether(PEER, VM, 0x0800, b"\x45" + bytes(45)),
    "warm": ether(ALL, bytes.fromhex("02000000ff01"), 0x88b5, b""),
    "header-only": PEER + VM + b"\x08\x00",
    "empty": b"",
}


def main():
    if sys.argv[1:] == ["--print"]:
        for name, frame in SEEDS.items():
            print(name, frame.hex())
        return
    here = os.path.dirname(os.path.abspath(__file__))
    out = sys.argv[1] if sys.argv[1:] else os.path.join(here, "corpus/frame")
    os.makedirs(out, exist_ok=True)
    for name, frame in SEEDS.items():
        with open(os.path.join(out, name), "wb") as file:
            file.write(frame)


if __name__ == "__main__":
    main()

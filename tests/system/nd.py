# SPDX-License-Identifier: Apache-2.0
"""Frames of IPv6 guests, byte by byte: lies, too."""

import ipaddress

NODES, ROUTERS = "ff02::1", "ff02::2"
RS, RA, NS, NA, REDIRECT = 133, 134, 135, 136, 137


def octets(mac):
    return bytes(int(part, 16) for part in mac.split(":"))


def packed(ip):
    return ipaddress.ip_address(ip).packed


def link_local(number):
    """What the VM's MAC implies (RFC 4291 appendix A)."""
    return f"fe80::ff:fe00:{number:x}"


def checksum(data):
    total = sum(int.from_bytes(data[i:i + 2].ljust(2, b"\0"), "big")
                for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return (~total & 0xffff).to_bytes(2, "big")


def with_checksum(src, dst, protocol, data, at):
    """'data' of an upper layer, with the checksum at 'at' filled in."""
    pseudo = (packed(src) + packed(dst) + len(data).to_bytes(4, "big")
              + bytes([0, 0, 0, protocol]))
    return data[:at] + checksum(pseudo + data) + data[at + 2:]


def lla(kind, *macs):
    """Link-layer address options: 1 is a source's, 2 a target's."""
    return b"".join(bytes([kind, 1]) + octets(mac) for mac in macs)


def neutral(mark):
    """An option that nobody knows, to know the frame by."""
    return bytes([253, 2]) + mark.ljust(14, b"\0")


def options(next_header):
    """Hop-by-hop or destination options: padding."""
    return bytes([next_header, 0, 1, 4, 0, 0, 0, 0])


def fragment(next_header, more):
    """The first fragment; without 'more' the only one (RFC 6946)."""
    return bytes([next_header, 0, 0, more, 7, 7, 7, 7])


CHAINS = {
    "": lambda protocol: (protocol, b""),
    "hop by hop": lambda protocol: (0, options(protocol)),
    "options": lambda protocol: (60, options(protocol)),
    "options twice": lambda protocol: (60, options(60) + options(protocol)),
    "routing": lambda protocol: (43, options(protocol)),
    "atomic fragment": lambda protocol: (44, fragment(protocol, 0)),
    "fragment": lambda protocol: (44, fragment(protocol, 1)),
    "options, fragment": lambda protocol: (
        60, options(44) + fragment(protocol, 1)),
    "fragment, options": lambda protocol: (
        44, fragment(60, 1) + options(protocol)),
    "headers in the next fragment": lambda protocol: (
        44, fragment(60, 1) + bytes([protocol, 9, 1, 4, 0, 0, 0, 0])),
}


def ethernet(dst, src, ethertype, payload):
    return (octets(dst) + octets(src) + ethertype.to_bytes(2, "big")
            + payload).ljust(60, b"\0")


def ip6_frame(macs, ips, protocol, data, chain=""):
    """From and to 'macs' and 'ips', behind the extension headers 'chain'."""
    first, headers = CHAINS[chain](protocol)
    return ethernet(macs[1], macs[0], 0x86dd, (
        b"\x60\0\0\0" + (len(headers) + len(data)).to_bytes(2, "big")
        + bytes([first, 255]) + packed(ips[0]) + packed(ips[1])
        + headers + data))


def icmp6_frame(macs, ips, kind, body, chain=""):
    data = bytes([kind, 0, 0, 0]) + body
    return ip6_frame(macs, ips, 58, with_checksum(*ips, 58, data, 2), chain)


def ns(macs, ips, target, more, chain=""):
    return icmp6_frame(macs, ips, NS, bytes(4) + packed(target) + more, chain)


def na(macs, ips, target, more, chain=""):
    """Unsolicited, to override."""
    return icmp6_frame(macs, ips, NA, b"\x20\0\0\0" + packed(target) + more,
                       chain)


def udp(src, dst, data):
    return (src.to_bytes(2, "big") + dst.to_bytes(2, "big")
            + (8 + len(data)).to_bytes(2, "big") + b"\0\0" + data)


def udp6_frame(macs, ips, ports, data, chain=""):
    return ip6_frame(macs, ips, 17,
                     with_checksum(*ips, 17, udp(*ports, data), 6), chain)


def ip4_frame(macs, ips, protocol, data):
    head = (b"\x45\0" + (20 + len(data)).to_bytes(2, "big") + bytes(4)
            + bytes([64, protocol, 0, 0]) + packed(ips[0]) + packed(ips[1]))
    return ethernet(macs[1], macs[0], 0x0800,
                    head[:10] + checksum(head) + head[12:] + data)


def icmp4_frame(macs, ips, kind, body):
    data = bytes([kind, 0, 0, 0]) + body
    return ip4_frame(macs, ips, 1, data[:2] + checksum(data) + data[4:])

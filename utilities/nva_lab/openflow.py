# SPDX-License-Identifier: Apache-2.0
"""Peers of nvad that are no Open vSwitch: a bridge that says yes to all, and
such as no bridge is."""

import contextlib
import select
import socket
import struct

VERSION = 5                                 # OpenFlow 1.4
HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY = 0, 1, 2, 3
FEATURES_REQUEST, FEATURES_REPLY = 5, 6
MULTIPART_REQUEST, MULTIPART_REPLY = 18, 19
BARRIER_REQUEST, BARRIER_REPLY = 20, 21
PACKET_IN, PORT_STATUS, BUNDLE_CONTROL = 10, 12, 33
FLOW_MOD, METER_MOD, BUNDLE_ADD = 14, 29, 34
FLOW, METERS, PORT_DESC = 1, 10, 13
PORTS = ("vx0", "tap-a", "tap-b")


def message(kind, xid=0, body=b""):
    return struct.pack("!BBHI", VERSION, kind, 8 + len(body), xid) + body


def port(number, name):
    return (struct.pack("!IHxx6s2x16sII", number, 72,
                        bytes((2, 0, 0, 0, 0, number % 256)),
                        name.encode(), 0, 0)
            + struct.pack("!HH4x6I", 0, 32, 0, 0, 0, 0, 0, 0))


def part(xid, kind, body=b"", more=False):
    return message(MULTIPART_REPLY, xid,
                   struct.pack("!HH4x", kind, more) + body)


# What makes no event, each as it would be sent again and again.
QUIET = {
    "echo requests": message(ECHO_REQUEST, 1),
    "echo replies": message(ECHO_REPLY, 1),
    "errors": message(ERROR, 0x7777, struct.pack("!HH", 1, 1) + bytes(8)),
    "unknown types": message(99, 1),
    "barrier replies": message(BARRIER_REPLY, 0x7777),
    "empty flow parts": part(0x7777, FLOW),
}


class Peer:
    """A bridge that has said hello.  'answers' are its own ways with requests
    by their type: functions of (xid, body)."""

    def __init__(self, path, dpid, ports=PORTS, **answers):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.dpid, self.ports, self.answers = dpid, ports, answers
        self.input = b""
        self.dumped = set()
        self.say(message(HELLO, 1))

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def say(self, data):
        self.socket.sendall(data)

    def fileno(self):
        return self.socket.fileno()

    def answer(self, kind, xid, body):
        if kind in self.answers:
            return self.answers[kind](xid, body)
        if kind == FEATURES_REQUEST:
            return message(FEATURES_REPLY, xid, struct.pack(
                "!QIBBxxII", self.dpid, 0, 254, 0, 0, 0))
        if kind == BARRIER_REQUEST:
            return message(BARRIER_REPLY, xid)
        if kind == ECHO_REQUEST:
            return message(ECHO_REPLY, xid, body)
        if kind == BUNDLE_CONTROL:
            number, what = struct.unpack("!IH", body[:6])
            return message(BUNDLE_CONTROL, xid, struct.pack(
                "!IHH", number, what + 1, 0))
        if kind == MULTIPART_REQUEST:
            what, = struct.unpack("!H", body[:2])
            self.dumped.add(what)
            return part(xid, what, b"".join(
                port(i + 1, name) for i, name in enumerate(self.ports))
                if what == PORT_DESC else b"")
        return b""

    def serve(self):
        """Answers what has come; False: nvad has closed."""
        data = self.socket.recv(1 << 18)
        self.input += data
        out = []
        while len(self.input) >= 8:
            _, kind, length, xid = struct.unpack("!BBHI", self.input[:8])
            if len(self.input) < length:
                break
            out.append(self.answer(kind, xid, self.input[8:length]))
            self.input = self.input[length:]
        self.say(b"".join(out))
        return bool(data)

    @property
    def ready(self):
        return PORT_DESC in self.dumped

    def shake_hands(self, *until):
        """Until the list of ports has been sent, and other dumps."""
        while not self.ready or not self.dumped.issuperset(until):
            if not self.serve():
                raise ConnectionError("nvad has closed")
        return self

    def be_read_back(self):
        return self.shake_hands(FLOW, METERS)

    def end(self, seconds=10):
        """Answers until nvad closes."""
        self.socket.settimeout(seconds)
        with contextlib.suppress(ConnectionError):
            while self.serve():
                pass


class Table:
    """The flows and meters of a bridge that stays while its sessions come and
    go."""

    def __init__(self):
        self.flows, self.meters, self.told = {}, {}, 0

    def add(self, _, body):
        """A message of a bundle, which takes effect at once."""
        kind, = struct.unpack_from("!xB", body, 8)
        if kind == FLOW_MOD:
            self.flow_mod(body[16:])
        return b""

    def flow_mod(self, body):
        (cookie, table, command, idle, hard, priority, flags,
         importance) = struct.unpack_from("!Q8xBBHHH12xHH", body)
        self.told += 1
        if command in (3, 4):               # By its exact cookie.
            self.flows.pop(cookie, None)
            return
        rest = body[40:]
        size, = struct.unpack_from("!2xH", rest)
        key = (table, priority, rest[:size])
        self.flows.setdefault(cookie, {})[key] = struct.pack(
            "!HBxIIHHHHH2xQQQ", 48 + len(rest), table, 0, 0, priority, idle,
            hard, flags, importance, cookie, 0, 0) + rest

    def meter_mod(self, _, body):
        command, flags, number = struct.unpack_from("!HHI", body)
        if command == 2:
            self.meters.pop(number, None)
        else:
            self.meters[number] = struct.pack("!HHI", len(body), flags,
                                              number) + body[8:]
        return b""

    def __len__(self):
        return sum(map(len, self.flows.values()))

    def dump_meters(self, xid):
        return part(xid, METERS, b"".join(self.meters.values()))

    def dump(self, xid):
        """A flow dump in parts."""
        out, size = [], 0
        for flows in self.flows.values():
            for flow in flows.values():
                if size + len(flow) > 60000:
                    yield part(xid, FLOW, b"".join(out), True)
                    out, size = [], 0
                out.append(flow)
                size += len(flow)
        yield part(xid, FLOW, b"".join(out))


def serve_all(peers):
    """Answers for all of them, for ever."""
    poll = select.epoll()
    by_fd = {peer.fileno(): peer for peer in peers}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            if not by_fd[fd].serve():
                poll.unregister(fd)


def flood(path, n, what, first=1 << 40):
    """'n' bridges that nobody claims say 'what' as fast as they can, read what
    they are told, and come again when they are thrown out; for ever."""
    poll = select.epoll()
    peers = {}
    load = QUIET[what] * (65536 // len(QUIET[what]))

    def come(dpid):
        with contextlib.suppress(OSError):
            peer = Peer(path, dpid)
            peer.socket.setblocking(False)
            peers[peer.fileno()] = peer
            poll.register(peer.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def go(peer):
        poll.unregister(peer.fileno())
        del peers[peer.fileno()]
        peer.close()
        come(peer.dpid)

    for i in range(n):
        come(first + i)
    while True:
        for fd, events in poll.poll(1):
            peer = peers[fd]
            try:
                if events & ~select.EPOLLOUT and not (
                        peer.socket.recv(65536) if peer.ready
                        else peer.serve()):
                    go(peer)
                elif peer.ready:
                    peer.socket.send(load)
            except BlockingIOError:
                pass
            except OSError:
                go(peer)

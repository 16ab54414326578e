# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch that speaks OpenFlow 1.3, 1.4 or 1.5 alone, with bundles and,
behind a proxy that refuses them, without."""

import contextlib
import selectors
import socket
import struct
import threading

import pytest

from nva_lab import moves

VERSIONS = {"13": "1.3", "14": "1.4", "15": "1.5"}
ONF = 0x4f4e4600
BAD_TYPE = struct.pack("!HH", 1, 1)     # OFPET_BAD_REQUEST, OFPBRC_BAD_TYPE.


def is_bundle(message):
    """A bundle's message: of OpenFlow 1.4, or of ONF's extension."""
    kind = message[1]
    return kind in (33, 34) or (
        kind == 4 and len(message) >= 16
        and struct.unpack_from("!II", message, 8)[0] == ONF
        and struct.unpack_from("!II", message, 8)[1] in (2300, 2301))


def split(data):
    """Whole messages, and what is left."""
    messages = []
    while len(data) >= 4:
        length = struct.unpack_from("!H", data, 2)[0]
        if len(data) < length:
            break
        messages.append(data[:length])
        data = data[length:]
    return messages, data


class WithoutBundles:
    """Between switches and nvad: answers each message of a bundle as a switch
    that does not know it, and passes on everything else.  A context."""

    def __init__(self, path, nvad):
        self.path, self.nvad = path, nvad
        self.refused = 0
        self.open = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        for sock in [self.listener, *self.open]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                switch, _ = self.listener.accept()
                nvad = socket.socket(socket.AF_UNIX)
                self.open += [switch, nvad]
                nvad.connect(self.nvad)
                threading.Thread(target=self.pump, args=(switch, nvad),
                                 daemon=True).start()

    def pump(self, switch, nvad):
        rest = b""
        with contextlib.suppress(OSError, ValueError), \
                selectors.DefaultSelector() as ready:
            ready.register(switch, selectors.EVENT_READ)
            ready.register(nvad, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(1 << 16)
                    if not data:
                        raise OSError
                    if key.fileobj is switch:
                        nvad.sendall(data)
                        continue
                    messages, rest = split(rest + data)
                    for message in messages:
                        self.deliver(message, switch, nvad)
        with contextlib.suppress(OSError):
            switch.close()
            nvad.close()

    def deliver(self, message, switch, nvad):
        if is_bundle(message):
            self.refused += 1
            nvad.sendall(struct.pack("!BBHI", message[0], 1,
                                     12 + min(64, len(message)),
                                     struct.unpack_from("!I", message, 4)[0])
                         + BAD_TYPE + message[:64])
        else:
            switch.sendall(message)


@pytest.fixture(params=["13", "14", "13, no bundles", "15, no bundles"])
def lab(request, make_world):
    """Three NVEs that speak this alone, under traffic."""
    version, _, plain = request.param.partition(", ")
    world = make_world(3, "--openflow", version)
    with contextlib.ExitStack() as stack:
        target = world.path("nvad.sock")
        if plain:
            proxy = stack.enter_context(
                WithoutBundles(world.path("proxy.sock"), target))
            target = proxy.path
            world.sandbox("controller", f"unix:{target}")
            world.wait(lambda: world.metric("nva_switches_up_total") >= 6,
                       "sessions without bundles", 20)
        for nve in world.api("GET", "/v1/nves")["nves"]:
            assert nve["openflow"] == VERSIONS[version]
            assert nve["bundles"] is not bool(plain)
        stage = stack.enter_context(moves.Stage(world, redirect_timeout=1))
        stage.target = target
        stage.cast()
        stage.flows(200)
        yield stage
        world.everything_as_it_should()
        if plain:
            # Asked for once in each session, and never sent again.
            assert proxy.refused <= 2 * world.metric("nva_switches_up_total")


def test_k2_k4_a_vm_moves_in_each_version(lab):
    """Planned with pause: nothing is lost.  Announced: it is followed."""
    for kind, to in (("planned, pause", "hv2"), ("GARP request", "hv3"),
                     ("planned, pause", "hv1"), ("data", "hv2")):
        moved = lab.move(kind, to)
        assert moved.duplicated == 0
        assert lab.place() == to
        assert moved.fresh is not None
        if kind == "planned, pause":
            assert moved.lost_on_the_way == 0, moved.report.flows
        view = lab.fabric.wait_move(moved.id, ("done",))
        assert "redirect off" in [s["what"] for s in view["timeline"]]


def test_k2_every_template_is_read_back_in_each_version(lab):
    """What is there is what was sent: a new session sends nothing."""
    world = lab.fabric
    world.api("PUT", "/v1/vns/learn", {
        "vni": 300, "binding": "learn", "unknown_unicast": "flood",
        "unknown_question": "drop", "mtu": 1400})
    world.api("PUT", "/v1/nves/hv1/ports/tap-x", {"vn": "learn"})
    world.sandbox("port", "x", "hv1")
    world.api("PUT", "/v1/vns/strict", {"vni": 400})
    world.declare("s", 40, "hv1", vn="strict")
    world.sandbox("port", "s", "hv1")
    world.api("PUT", "/v1/vns/red", {"redirect_timeout": 60})
    move = world.prepare("vm", "hv2", "tap-vm")
    lab.measure(f"script pause vm; {lab.call(move, 'pause', True)}")
    world.settled(*moves.NVES)
    flows = {nve: world.flows(nve) for nve in moves.NVES}
    assert any("table=40" in flow and "hard_timeout" in flow
               for flow in flows["hv1"])
    before = world.metric("nva_flow_mods_total")
    ups = world.metric("nva_switches_up_total")
    world.sandbox("controller", f"unix:{lab.target}")
    world.wait(lambda: world.metric("nva_switches_up_total") >= ups + 3,
               "sessions", 20)
    world.settled(*moves.NVES)
    assert world.metric("nva_flow_mods_total") == before
    assert {nve: world.flows(nve) for nve in moves.NVES} == flows
    world.api("POST", f"/v1/moves/{move}/abort")
    world.wait_move(move, ("aborted",), 10)
    lab.measure("resume vm hv1")

    # Empty, a switch is rewritten.
    world.settled(*moves.NVES)
    flows = world.flows("hv2")
    ups = world.metric("nva_switches_up_total")
    world.sandbox("restart", "hv2", "--empty")
    world.wait(lambda: world.metric("nva_switches_up_total") > ups, "hv2", 20)
    world.settled(*moves.NVES)
    world.wait(lambda: world.flows("hv2") == flows, "the flows of before", 10)

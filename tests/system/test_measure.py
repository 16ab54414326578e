# SPDX-License-Identifier: Apache-2.0
"""The measuring instrument itself: what it says of faults that we make."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time

import pytest

from nva_lab.bare import to_tunnel
from test_sandbox import HERE, Lab

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

GUESTS = {"vm": "02:00:00:00:00:01", "c1": "02:00:00:00:00:02",
          "c2": "02:00:00:00:00:03"}


def find_measure():
    tree = os.path.join(HERE, "..", "..")
    for path in (os.environ.get("NVA_MEASURE", ""),
                 f"{tree}/build/nva-measure",
                 f"{tree}/build/utilities/nva-measure",
                 f"{tree}/utilities/nva-measure",
                 shutil.which("nva-measure") or ""):
        if path and os.access(path, os.X_OK):
            return path
    pytest.fail("nva-measure is not built (or set NVA_MEASURE)")


class Measure:
    """A running nva-measure."""

    def __init__(self, *options):
        self.process = subprocess.Popen([find_measure(), *options], text=True,
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __call__(self, line):
        answer = self.ask(line)
        assert answer["ok"], (line, answer)
        return answer

    def report(self):
        time.sleep(0.1)
        report = self("report grace=50ms")["steps"][0]
        flows = {(f["from"], f["to"], f["family"]): f
                 for f in report["flows"]}
        return flows, {g["name"]: g for g in report["guests"]}

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)


class Bench:
    """Two NVEs; 'vm' may stand at both, c1 at hv1, c2 at hv2."""

    def __init__(self, lab, measure):
        self.lab, self.m = lab, measure
        lab.run("up", "2", "--controller", "none")
        lab.run("port", "vm,c1", "hv1")
        lab.run("port", "vm,c2", "hv2")
        self.view = {n["name"]: n for n in lab.show()["nves"]}
        for i, (name, mac) in enumerate(GUESTS.items(), 1):
            measure(f"guest add {name} mac={mac} ip=10.0.0.{i} ip6=fd10::{i}")
        for name, nve in (("vm", "hv1"), ("vm", "hv2"), ("c1", "hv1"),
                          ("c2", "hv2")):
            measure(f"place {name} {nve} nva-{lab.name}-{nve} tap-{name}")
        for name, nve in (("vm", "hv1"), ("c1", "hv1"), ("c2", "hv2")):
            measure(f"at {name} {nve}")

    def port(self, nve, name):
        return next(p["ofport"] for p in self.view[nve]["ports"]
                    if p["name"] == "tap-" + name)

    def flows(self, nve, places):
        """places: {guest: [NVE, ...]} for what 'nve' should think."""
        lines, everywhere = [], []
        for guest, nves in places.items():
            actions = [f"output:{self.port(nve, guest)}" if n == nve
                       else to_tunnel(self.view[n]["tunnel_ip"])
                       for n in nves]
            lines.append(f"priority=9,dl_dst={GUESTS[guest]},"
                         f"actions={','.join(actions)}")
            if nve in nves:
                everywhere.append(f"output:{self.port(nve, guest)}")
        other = "hv2" if nve == "hv1" else "hv1"
        group = "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"
        lines.append(f"priority=5,in_port=1,{group},"
                     f"actions={','.join(everywhere)}")
        everywhere.append(to_tunnel(self.view[other]["tunnel_ip"]))
        lines.append(f"priority=4,{group},actions={','.join(everywhere)}")
        subprocess.run([self.lab.sandbox(), "--name", self.lab.name, "ofctl",
                        nve, "replace-flows", "-"], text=True, check=True,
                       input="\n".join(lines) + "\n", timeout=30)

    def all_flows(self, **vm_at):
        for nve in ("hv1", "hv2"):
            self.flows(nve, {"vm": vm_at["vm"], "c1": ["hv1"], "c2": ["hv2"]})


@pytest.fixture
def bench(request):
    lab = Lab(f"m{abs(hash(request.node.name)) % 10000}")
    measure = Measure(*getattr(request, "param", ()))
    try:
        yield Bench(lab, measure)
    finally:
        measure.close()
        lab.run("down")
        lab.assert_gone()


def test_nothing_happens_and_nothing_is_lost(bench):
    m = bench.m
    bench.all_flows(vm=["hv1"])
    for peer in ("c1", "c2"):
        for family in ("v4", "v6"):
            m(f"flow add vm {peer} {family} pps=500")
    m("script start; resolve; sleep 100ms; mark grace=50ms; sleep 1s")
    flows, guests = m.report()
    assert len(flows) == 8
    for flow in flows.values():
        assert 400 <= flow["sent"] <= 700, flow
        assert flow["lost"] == flow["duplicated"] == 0, flow
        assert flow["latency_us"]["median"] > 0
    assert all(g["late_at_old"] == 0 for g in guests.values())


def test_a_gap_of_its_own_is_not_the_networks(bench):
    m = bench.m
    bench.all_flows(vm=["hv1"])
    m("flow add vm c1 v4 pps=1000")
    m("script start; resolve; sleep 50ms; mark grace=20ms")
    time.sleep(0.1)
    m.process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    m.process.send_signal(signal.SIGCONT)
    time.sleep(0.1)
    report = m("report grace=20ms")["steps"][0]
    stalls = report["stalls"]
    assert stalls["total_us"] >= stalls["longest_us"] > 150000
    # The switch has its own pauses, none so long.
    flow = max(report["flows"], key=lambda f: f["longest_gap_us"])
    assert flow["longest_gap_us"] < 100000, report

    m("mark")
    bench.flows("hv1", {"vm": [], "c1": ["hv1"], "c2": ["hv2"]})
    time.sleep(0.2)
    bench.all_flows(vm=["hv1"])
    time.sleep(0.1)
    report = m("report grace=20ms")["steps"][0]
    to_vm = next(f for f in report["flows"] if f["to"] == "vm")
    assert to_vm["longest_gap_us"] > 150000, report
    assert to_vm["gap_at_us"] > report["since_us"], report


def test_move_that_the_network_does_not_follow(bench):
    """What comes to the old place after the switch is lost and counted."""
    m = bench.m
    bench.all_flows(vm=["hv1"])
    m("flow add vm c1 v4 pps=1000")
    m("script start; resolve; sleep 50ms; mark grace=20ms")
    m("script sleep 50ms; move vm hv1 hv2 down_us=500; sleep 300ms")
    flows, guests = m.report()
    flow = flows["c1", "vm", "v4"]
    assert flow["lost"] > 200 and flow["first_fresh_us"] is None
    late = guests["vm"]["late_at_old"]
    assert abs(late - flow["lost"]) < 150   # The last 50 ms are not lost yet.
    assert flow["longest_gap_us"] > 200000
    # What the guest sends from its new place does arrive.
    # (The first ones may wait in vain for the tunnel's neighbour.)
    assert flows["vm", "c1", "v4"]["lost"] <= 20
    assert flows["vm", "c1", "v4"]["first_from_new_us"] > 0
    bench.all_flows(vm=["hv2"])
    flows, guests = m.report()
    assert flows["c1", "vm", "v4"]["first_fresh_us"] > 200000
    assert guests["vm"]["first_fresh_us"] > 200000


@pytest.mark.parametrize("bench, kept", [
    ((), False), (("--keep-queue",), True)], indirect=["bench"])
def test_what_waits_where_a_paused_guest_stood(bench, kept):
    """It is lost with the port's queue, as a QEMU process takes its tap's
    with it, or travels with the guest; both are counted."""
    m = bench.m
    bench.all_flows(vm=["hv1"])
    m("flow add vm c2 v4 pps=1000")
    m("script start; resolve; sleep 50ms; mark grace=20ms; pause vm; "
      "sleep 50ms")
    bench.flows("hv2", {"vm": ["hv2"], "c1": ["hv1"], "c2": ["hv2"]})
    answer = m("script sleep 50ms; resume vm hv2; announce vm garp+na+rarp")
    assert answer["steps"][1]["resumed_us"] > answer["steps"][1]["at_us"]
    time.sleep(0.2)
    flows, guests = m.report()
    flow = flows["c2", "vm", "v4"]
    assert flow["lost"] == flow["left_behind"]
    assert flow["duplicated"] == 0
    assert flow["longest_gap_us"] > 50000
    assert (flow["lost"] == 0) == kept
    assert guests["vm"]["drained" if kept else "left_behind"] > 30
    assert guests["vm"]["left_behind" if kept else "drained"] == 0
    assert flow["lost"] > 30 or kept
    assert guests["vm"]["late_at_old"] == 0
    assert 0 < flows["c2", "vm", "v4"]["first_at_new_us"] < 50000
    states = {p["key"]: p["state"] for p in guests["vm"]["places"]}
    assert states == {"hv1": "left", "hv2": "standing"}


def test_the_queue_of_a_paused_guest_is_bounded(bench):
    m = bench.m
    bench.all_flows(vm=["hv1"])
    m("flow add vm c1 v4 pps=5000")
    m("script start; resolve; sleep 50ms; mark grace=20ms; pause vm; "
      "sleep 800ms; resume vm hv1; sleep 100ms")
    flows, _guests = m.report()
    assert flows["c1", "vm", "v4"]["lost"] > 1000


def test_duplicates_are_seen_at_two_places(bench):
    m = bench.m
    bench.all_flows(vm=["hv1"])
    m("flow add vm c2 v4 pps=500")
    m("script start; resolve; sleep 50ms; both vm hv1 hv2; mark grace=20ms; "
      "sleep 300ms")
    assert m.report()[0]["c2", "vm", "v4"]["duplicated"] == 0
    bench.flows("hv2", {"vm": ["hv1", "hv2"], "c1": ["hv1"], "c2": ["hv2"]})
    m("script mark; sleep 300ms")
    flow = m.report()[0]["c2", "vm", "v4"]
    assert flow["duplicated"] > 120 and flow["lost"] <= 1


def test_there_and_back_in_two_milliseconds(bench):
    """The time between two moves is that of the script, not the driver's."""
    m = bench.m
    bench.all_flows(vm=["hv1"])
    m("flow add vm c1 v4 pps=1000")
    m("script start; resolve; sleep 50ms; mark grace=20ms")
    steps = m("script move vm hv1 hv2 announce=garp; sleep 2ms; "
              "move vm hv2 hv1 announce=garp")["steps"]
    at = [s["resumed_us"] for s in steps if s["step"] == "resume"]
    assert 2000 <= at[1] - at[0] < 20000
    time.sleep(0.1)
    flow = m.report()[0]["c1", "vm", "v4"]
    assert flow["lost"] < 25


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_port_that_goes_away(bench):
    """The place is gone, the rest goes on, and nothing spins."""
    m = bench.m
    bench.all_flows(vm=["hv1"])
    m("flow add vm c1 v4 pps=200")
    m("flow add c1 c2 v4 pps=200")
    m("script start; resolve; sleep 50ms; mark")
    bench.lab.run("unport", "vm", "hv1")
    bench.lab.run("unport", "vm", "hv2")
    before = cpu_seconds(m.process.pid)
    m("script mark; sleep 500ms")
    flows, guests = m.report()
    assert "hv1" not in [p["key"] for p in guests["vm"]["places"]]
    assert flows["vm", "c1", "v4"]["sent"] == 0
    assert flows["c1", "c2", "v4"]["lost"] == 0
    assert flows["c1", "c2", "v4"]["received"] > 80
    assert cpu_seconds(m.process.pid) - before < 0.3
    bench.lab.run("port", "vm", "hv2")
    bench.m(f"place vm again nva-{bench.lab.name}-hv2 tap-vm")
    bench.m("resume vm again")
    states = {p["key"]: p["state"] for p in m.report()[1]["vm"]["places"]}
    assert states["again"] == "standing"


class Api(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, body.decode(),
                                 time.monotonic_ns() // 1000))
        if self.path == "/slow":
            time.sleep(0.1)
        answer = b'{"state": "paused"}'
        self.send_response(409 if self.path == "/refused" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def address_string(self):
        return "unix"

    def log_message(self, *_args):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    connections = 0

    def verify_request(self, *_args):
        self.connections += 1
        return True


@pytest.fixture
def m():
    measure = Measure()
    yield measure
    measure.close()


@contextlib.contextmanager
def api_server(path, version="HTTP/1.0"):
    server = Server(path, type("Versioned", (Api,), {
        "protocol_version": version}))
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def listener(tmp_path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "peer.sock"))
        s.listen()
        s.settimeout(5)
        yield s


def test_calls_leave_at_their_step(m, tmp_path):
    sock = str(tmp_path / "api.sock")
    with api_server(sock) as server:
        answer = m(f"script call {sock} POST /slow wait; sleep 3ms; "
                   f'call {sock} POST /refused {{"a": 1}}; now')
        slow, refused = answer["calls"]
        assert (slow["status"], refused["status"]) == (200, 409)
        assert slow["body"] == '{"state": "paused"}'
        assert slow["error"] is None
        assert slow["answered_us"] - slow["sent_us"] >= 100000
        assert refused["sent_us"] - slow["answered_us"] >= 3000
        # The second did not wait for its answer.
        assert answer["steps"][-1]["at_us"] <= refused["answered_us"]
        assert [s[:2] for s in server.seen] == [("/slow", ""),
                                                ("/refused", '{"a": 1}')]
        wrong = m.ask(f"script call {sock}.not POST /x")
        assert not wrong["ok"] and "No such file" in wrong["error"]


@pytest.mark.parametrize("version, connections", [
    ("HTTP/1.0", 2), ("HTTP/1.1", 1)])
def test_a_connection_is_used_again(m, tmp_path, version, connections):
    """Unless the server has closed it."""
    sock = str(tmp_path / "api.sock")
    with api_server(sock, version) as server:
        for path in ("/one", "/two"):
            assert m(f"call {sock} POST {path}")["calls"][0]["status"] == 200
            time.sleep(0.05)
        assert [s[0] for s in server.seen] == ["/one", "/two"]
        assert server.connections == connections


def test_a_server_that_hangs_up_is_no_answer(m, listener):
    threading.Thread(target=lambda: listener.accept()[0].close(),
                     daemon=True).start()
    call, = m(f"script sleep 100ms; call {listener.getsockname()} POST /x"
              )["calls"]
    assert call["status"] == 0 and call["error"]
    assert m("now")["ok"]


def test_bytes_leave_at_their_step(m, listener):
    path = listener.getsockname()
    answer = m(f"script sleep 50ms; send {path} 00ff 123456; now")
    peer = listener.accept()[0]
    with peer, peer.makefile("rb") as f:
        assert f.read() == bytes.fromhex("00ff123456")
    at = {s["step"]: s["at_us"] for s in answer["steps"]}
    assert at["send"] - at["sleep"] >= 50000
    for wrong in ("0", "0g", "+1"):
        answer = m.ask(f"send {path} 00 {wrong}")
        assert not answer["ok"] and "HEX" in answer["error"]


@pytest.mark.parametrize("line, word", [
    ("nonsense", "no such command"), ("guest add x", "mac="),
    ("at nobody here", "no such guest"), ("sleep x", "sleep"),
    ("move vm hv1", "move NAME"), ("flow add a b v4", "two known"),
    ("place nobody k ns port", "no such guest"),
    ("call x", "SOCKET METHOD PATH"), ("send x", "SOCKET HEX HEX")])
def test_refusals(m, line, word):
    answer = m.ask(line)
    assert not answer["ok"] and word in answer["error"]
    assert m("now")["ok"]

# SPDX-License-Identifier: Apache-2.0
"""Callers of the API that mean harm, or know no better (S5): slow ones, ones
that do not read, ones whose requests can be understood in two ways."""

import contextlib
import json
import select
import socket
import subprocess
import time

import pytest
from nva_lab import programs

CONNECTIONS = 512           # http-server.h.
SUM = 16 << 20              # Bytes of requests, and of answers, of all.
ROOM = 8 << 20              # What the system's memory is rounded by.
HOST = b"Host: x\r\n"


class Nvad:
    """nvad without a switch."""

    def __init__(self, path):
        self.api = str(path / "api.sock")
        self.process = subprocess.Popen([
            "setpriv", "--pdeathsig", "KILL", programs.find("nvad"),
            f"--listen=punix:{path}/of.sock", f"--api=punix:{self.api}",
            f"--unixctl={path}/ctl", "-vconsole:off"])
        for _ in range(1000):
            with contextlib.suppress(OSError):
                self.link().close()
                break
            time.sleep(0.01)
        self.get("/metrics")    # Its memory is what it needs to serve.

    def link(self, data=b""):
        link = socket.socket(socket.AF_UNIX)
        link.connect(self.api)
        link.settimeout(30)
        link.sendall(data)
        return link

    def ask(self, data, close=True):
        """All that is answered to 'data', after which we say no more."""
        with self.link(data) as link:
            if close:
                link.shutdown(socket.SHUT_WR)
            answer = b""
            while True:
                more = link.recv(65536)
                if not more:
                    return answer
                answer += more

    def get(self, path):
        head, _, body = self.ask(b"GET %s HTTP/1.1\r\n%s\r\n"
                                 % (path.encode(), HOST)).partition(
                                     b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        return body.decode()

    def metric(self, name):
        for line in self.get("/metrics").splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def memory(self, field="VmHWM"):
        """Bytes; the most there ever were, or 'VmRSS': there are."""
        with open(f"/proc/{self.process.pid}/status",
                  encoding="ascii") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) << 10
        raise AssertionError(field)


@pytest.fixture
def nvad(tmp_path):
    made = Nvad(tmp_path)
    yield made
    assert made.process.poll() is None
    made.process.terminate()
    assert made.process.wait(10) == 0


def closed(links):
    poll = select.poll()
    for link in links:
        poll.register(link, select.POLLRDHUP)
    return sum(1 for _, event in poll.poll(0)
               if event & (select.POLLRDHUP | select.POLLHUP))


def until(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("not in 30 s")


def push(link, data, total):
    """Sends 'data' again and again, until the other end takes no more for a
    second, or it was 'total' bytes."""
    link.settimeout(1)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < total:
            sent += link.send(data)
    return sent


def test_s5_the_longest_waiting_makes_room(nvad):
    slow = [nvad.link(b"GET /healthz HTTP/1.1\r\nHo")
            for _ in range(CONNECTIONS)]
    until(lambda: nvad.metric("nva_api_evicted_total"))     # By us who ask.
    assert nvad.metric("nva_api_refused_total") == 0
    assert slow[0].recv(100).startswith(b"HTTP/1.1 503 ")
    assert 0 < closed(slow) <= nvad.metric("nva_api_evicted_total")
    # The last one has nobody's patience to lose yet.
    slow[-1].sendall(b"st: x\r\n\r\n")
    assert slow[-1].recv(100).startswith(b"HTTP/1.1 200 ")
    for link in slow:
        link.close()
    until(lambda: nvad.metric("nva_api_connections") == 1)


def test_s5_a_request_has_an_end(nvad):
    """However often a byte comes."""
    slow = [nvad.link(b"PUT /v1/vns/a HTTP/1.1\r\n"),
            nvad.link(b"PUT /v1/vns/a HTTP/1.1\r\n" + HOST
                      + b"Content-Length: 1000\r\n\r\n{")]
    for _ in range(60):
        with contextlib.suppress(OSError):
            for link in slow:
                link.send(b"a")
        if nvad.metric("nva_api_too_slow_total") == 2:
            break
        time.sleep(0.5)
    for link in slow:
        answer = link.recv(1000)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"too_slow"' in answer
        link.close()
    assert nvad.metric("nva_api_connections") == 1


def test_s5_who_does_not_read_is_not_read(nvad):
    before = nvad.memory()
    with nvad.link() as link:
        sent = push(link, b"GET /metrics HTTP/1.1\r\n%s\r\n" % HOST * 1000,
                    200 << 20)
        assert sent < 16 << 20
        assert nvad.metric("nva_api_answer_bytes") < 1 << 20
    with nvad.link(b"GET /v1/events HTTP/1.1\r\n%s\r\n" % HOST) as link:
        assert push(link, b"x" * 65536, 200 << 20) >= 200 << 20
        assert nvad.metric("nva_event_subscribers") == 1
    assert nvad.memory() - before < ROOM
    until(lambda: nvad.metric("nva_api_connections") == 1)


def test_s5_bodies_have_a_sum(nvad):
    size = (4 << 20) - 1
    head = (b"POST /v1/audit HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n"
            % (HOST, size + 1))
    before = nvad.memory()
    links = []
    for _ in range(100):
        links.append(nvad.link(head))
        push(links[-1], b" " * 65536, size - 65536)
    assert nvad.metric("nva_api_request_bytes") <= SUM
    assert nvad.memory() - before < SUM + ROOM
    assert nvad.metric("nva_api_evicted_total") >= 90
    for link in links:
        link.close()
    until(lambda: nvad.metric("nva_api_request_bytes") == 0)
    assert nvad.memory("VmRSS") - before < ROOM


@pytest.mark.parametrize("body", [
    b"Content-Length: 5000000\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n4C4B40\r\n"])
@pytest.mark.parametrize("line", [b"PUT /v1/vns/a", b"GET /v1/audit",
                                  b"POST /v1/none", b"DELETE /v1/vms/a"])
def test_s5_a_large_body_is_refused_before_it_comes(nvad, line, body):
    answer = nvad.ask(line + b" HTTP/1.1\r\n" + HOST + body, close=False)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in answer and b"Connection: close\r\n" in answer


VNS = b"GET /v1/vns HTTP/1.1\r\n" + HOST


@pytest.mark.parametrize("status, request_", [
    (b"400", VNS + b"Content-Length: 0\r\nContent-Length: 50\r\n\r\n"),
    (b"400", VNS + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
    (b"400", VNS + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (b"501", VNS + b"Transfer-Encoding: gzip\r\n\r\n"),
    (b"501", VNS + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
    (b"400", VNS + b"A: b\r\n c\r\n\r\n"), (b"400", VNS + b"A: b\rc\r\n\r\n"),
    (b"400", VNS + b"A: \0\r\n\r\n"), (b"400", VNS + b"A : b\r\n\r\n"),
    (b"400", VNS + HOST + b"\r\n"), (b"400", b"GET /v1/vns HTTP/1.1\r\n\r\n"),
    (b"400", b"GET /v1/vns HTTP/1.1\n" + HOST + b"\n"),
    (b"431", VNS + b"A: b\r\n" * 64 + b"\r\n"),
    (b"431", VNS + b"A: " + b"b" * 16384 + b"\r\n\r\n"),
    (b"414", b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    (b"417", VNS + b"Expect: more\r\n\r\n"), (b"505", b"PRI * HTTP/2.0\r\n"),
    (b"400", b"\x16\x03\x01\x02\x00\x01"),
], ids=lambda value: value[:40].decode("latin-1"))
def test_s5_what_is_understood_in_two_ways_is_refused(nvad, status, request_):
    """Once, and what follows is not a request."""
    answer = nvad.ask(request_ + b"PUT /v1/vns/b HTTP/1.1\r\n" + HOST
                      + b"Content-Length: 9\r\n\r\n{\"vni\":1}")
    assert answer.startswith(b"HTTP/1.1 " + status + b" ")
    assert answer.count(b"Content-Length: ") == 1
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert error["reason"] and error["detail"]
    assert nvad.get("/v1/vns") == '{"vns":[]}'
    assert nvad.metric("nva_api_malformed_total") == 1


def test_s5_head_is_get_without_its_body(nvad):
    for path in (b"/v1/vns", b"/metrics", b"/healthz", b"/v1/none"):
        got = nvad.ask(b"GET %s HTTP/1.1\r\n%s\r\n" % (path, HOST))
        head = nvad.ask(b"HEAD %s HTTP/1.1\r\n%s\r\n" % (path, HOST))
        assert head.endswith(b"\r\n\r\n") and b"Content-Length: " in head
        assert head.split(b"\r\n")[0] == got.split(b"\r\n")[0]
        assert got.partition(b"\r\n\r\n")[2]
    head = nvad.ask(b"HEAD /v1/events HTTP/1.1\r\n%s\r\n" % HOST)
    assert head.startswith(b"HTTP/1.1 200 ") and head.endswith(b"\r\n\r\n")
    assert nvad.metric("nva_event_subscribers") == 0


def test_s5_forms_of_a_path(nvad):
    def status(target, method=b"GET", body=b""):
        return int(nvad.ask(b"%s %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n"
                            % (method, target, HOST, len(body))
                            + body).split()[1])
    assert status(b"http://x/v1/vns") == 200
    assert status(b"HTTP://x:80/v1/vns?") == 200
    assert status(b"*", b"OPTIONS") == 404
    assert status(b"/v1/vns", b"PATCH") == 405
    assert status(b"/v1/vns", b"get") == 405
    for odd in (b"//v1/vns", b"/v1//vns", b"/v1/vns/", b"/v1/./vns", b"/v1",
                b"/%761/vns", b"/v1/vns/%", b"/v1/vns/%0", b"/v1/vns/%00"):
        assert status(odd) == 404
    for name in (b".", b"..", b"%2e", b"%2E.", b"a%20", b"%00", b"%c3%a4"):
        assert status(b"/v1/vns/" + name, b"PUT", b'{"vni":1}') == 422
    assert status(b"/v1/vns", b"POST", b'{"vni":1,"name":".."}') == 422
    assert status(b"/v1/vns/...", b"PUT", b'{"vni":1}') == 201
    assert status(b"/v1/vns/..a", b"PUT", b'{"vni":2}') == 201


def test_s5_many_requests_of_one_caller_are_answered_in_order(nvad):
    """Also by a caller that has said all before it reads."""
    n = 300
    answer = nvad.ask(b"".join(
        b"PUT /v1/vns/n%d HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n{\"vni\":%d}"
        % (i, HOST, 8 + len(str(i)), i) for i in range(1, n + 1)))
    assert answer.count(b"HTTP/1.1 201 Created\r\n") == n
    places = [answer.index(b'{"name":"n%d",' % i) for i in range(1, n + 1)]
    assert places == sorted(places)


def test_s5_who_leaves_frees_the_place_at_once(nvad):
    for data in (b"", b"GET /v1", VNS + b"\r\n",
                 b"GET /v1/events HTTP/1.1\r\n%s\r\n" % HOST,
                 b"POST /v1/audit HTTP/1.1\r\n" + HOST
                 + b"Content-Length: 100\r\n\r\n{"):
        links = [nvad.link(data) for _ in range(60)]
        until(lambda: nvad.metric("nva_api_connections") >= 60)
        for link in links:
            link.close()
        until(lambda: nvad.metric("nva_api_connections") == 1)
    assert nvad.metric("nva_api_evicted_total") == 0

# SPDX-License-Identifier: Apache-2.0
"""TCP connections of a VM that moves, by the kernel's own stack (D18)."""

import subprocess
import time

import pytest

from nva_lab.guests import ip4, ip6

PORT = 7000

SERVER = f"""
import socket, threading
def echo(s):
    while data := s.recv(100):
        s.sendall(data)
listener = socket.create_server(("::", {PORT}), family=socket.AF_INET6,
                                dualstack_ipv6=True)
print("ready", flush=True)
while True:
    threading.Thread(target=echo, args=(listener.accept()[0],),
                     daemon=True).start()
"""

CLIENT = """
import socket, sys, time
s = None
for line in sys.stdin:
    began, word = time.monotonic(), "ok"
    try:
        if line.strip() == "connect":
            s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
            s.settimeout(5)
        s.sendall(b"x")
        word = "ok" if s.recv(1) == b"x" else "end"
    except ConnectionResetError:
        word = "reset"
    except TimeoutError:
        word = "timeout"
    print(word, time.monotonic() - began, flush=True)
"""


class Run:
    """Python in a VM, by its standard input and output."""

    def __init__(self, world, vm, code, *args):
        self.process = subprocess.Popen(
            [*world.command, "exec", vm, "/usr/bin/python3", "-c", code,
             *map(str, args)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=world.env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, line):
        """What became of it, and in how many seconds."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        word, seconds = self.process.stdout.readline().split()
        return word, float(seconds)


@pytest.mark.parametrize("address", [ip4(1), ip6(1)])
@pytest.mark.parametrize("connections", ["reset", "keep"])
def test_d18_connections_of_the_kernel(make_world, connections, address):
    """reset: the peer learns at once and connects again; keep: the same
    connection goes on at the new place."""
    world = make_world(3)
    world.vn(redirect_timeout=2)
    world.vm("vm", 1, "hv1")
    world.vm("peer", 2, "hv3")
    world.api("PUT", "/v1/vms/vm", {"connections": connections})
    world.sandbox("port", "vm", "hv2")
    with Run(world, "vm", SERVER) as server, \
            Run(world, "peer", CLIENT, address, PORT) as client:
        assert server.process.stdout.readline() == "ready\n"
        assert client.ask("connect")[0] == "ok"
        assert client.ask("send")[0] == "ok"
        move = world.prepare("vm", "hv2", "tap-vm")
        world.sandbox("pause", "vm")        # Its kernel must say nothing.
        world.api("POST", f"/v1/moves/{move}/pause")
        if connections == "reset":
            word, seconds = client.ask("send")
            assert word == "reset"
            assert seconds < 2
        world.sandbox("rehome", "vm", "hv2", "--announce", "garp+na")
        world.wait_move(move, ("converging", "draining", "done"), 5)
        time.sleep(0.1)
        if connections == "reset":
            assert client.ask("connect")[0] == "ok"
        assert client.ask("send")[0] == "ok"
        world.wait_move(move, ("done",), 15)
        assert client.ask("send")[0] == "ok"
    world.everything_as_it_should()

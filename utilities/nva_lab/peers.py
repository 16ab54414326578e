# SPDX-License-Identifier: Apache-2.0
"""TCP connections between VMs that have a kernel."""

import subprocess

from .fabric import Refused

PORT = 7000

SERVER = f"""
import contextlib, socket, threading
def echo(s):
    with contextlib.suppress(OSError):
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


class Program:
    """Python in a VM, by its standard input and output."""

    def __init__(self, fabric, vm, code, *args):
        self.process = subprocess.Popen(
            [*fabric.command, "exec", vm, "/usr/bin/python3", "-c", code,
             *map(str, args)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=fabric.env)

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


class Server(Program):
    """Sends back what it gets."""

    def __init__(self, fabric, vm):
        super().__init__(fabric, vm, SERVER)
        if self.process.stdout.readline() != "ready\n":
            raise Refused(f"{vm}: no TCP server")


class Client(Program):
    """One connection at a time: ask("connect"), then ask("send"), each of
    which sends and waits for what comes back."""

    def __init__(self, fabric, vm, address):
        super().__init__(fabric, vm, CLIENT, address, PORT)

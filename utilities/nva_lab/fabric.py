# SPDX-License-Identifier: Apache-2.0
"""A sandbox of real NVEs with nvad, and its northbound API."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time

from . import programs


class Refused(Exception):
    """A program or nvad said no."""

    def __init__(self, text, status=None, error=None):
        super().__init__(text)
        self.status, self.error = status, error or {}


class UnixHTTP(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Keeper:
    """Takes the sandbox down when we let go of it, also when we crash: a
    process whose standard input ends with ours."""

    def __init__(self, sandbox_command):
        self.process = subprocess.Popen(
            ["sh", "-c", 'cat >/dev/null; exec "$@" down', "keeper",
             *sandbox_command], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, start_new_session=True)

    def let_go(self):
        self.process.stdin.close()
        self.process.wait(60)


class Fabric:
    """N NVEs hv1..hvN, and nvad.  A context: what it made is gone after."""

    def __init__(self, name, directory=None):
        self.name = name
        self.dir = directory or f"/tmp/nva-sandbox-{name}"
        self.command = [sys.executable, "-B",
                        os.path.join(programs.UTILITIES, "nva-sandbox"),
                        "--name", name, "--dir", self.dir]
        self.env = dict(os.environ, NVA_GUEST=programs.find("nva-guest"))
        self.nvad = None
        self.keeper = None
        self.mine = threading.local()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def path(self, name):
        return os.path.join(self.dir, name)

    @property
    def api_socket(self):
        return self.path("api.sock")

    # The sandbox.

    def sandbox(self, *args, check=True, text=None, timeout=60):
        done = subprocess.run([*self.command, *map(str, args)], text=True,
                              capture_output=True, env=self.env, input=text,
                              timeout=timeout, start_new_session=True)
        if check and done.returncode:
            raise Refused(f"nva-sandbox {' '.join(map(str, args))}: "
                          f"{done.stderr.strip() or done.stdout.strip()}")
        return done.stdout if check else done

    def up(self, n=3, *options):
        self.keeper = Keeper(self.command)
        self.sandbox("up", n, *options)

    def view(self):
        return json.loads(self.sandbox("show", "--json"))

    def nves(self):
        """{name: what nva-sandbox says of it}"""
        return {nve["name"]: nve for nve in self.view()["nves"]}

    def ofctl(self, nve, *args, **kw):
        return self.sandbox("ofctl", nve, *args, **kw)

    def flows(self, nve, *match):
        """Dumped flows without what changes by itself, sorted."""
        dump = self.ofctl(nve, "dump-flows", "--no-stats", *match)
        return sorted(" ".join(line.split()) for line in dump.splitlines()
                      if "actions=" in line)

    def namespace(self, nve):
        return f"nva-{self.name}-{nve}"

    def down(self):
        try:
            self.stop_nvad()
        finally:
            if self.keeper:
                self.keeper.let_go()
                self.keeper = None

    # nvad.

    def start_nvad(self, *options, connect=True):
        for leftover in ("nvad.sock", "api.sock", "nvad.ctl"):
            if os.path.exists(self.path(leftover)):
                os.unlink(self.path(leftover))
        self.nvad = subprocess.Popen([
            "setpriv", "--pdeathsig", "KILL", programs.find("nvad"),
            f"--listen=punix:{self.path('nvad.sock')}",
            f"--api=punix:{self.api_socket}",
            f"--unixctl={self.path('nvad.ctl')}",
            f"--log-file={self.path('nvad.log')}", "-vconsole:off",
            *options], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, start_new_session=True)
        self.wait(self.answers, "nvad", 10)
        if connect:
            self.sandbox("controller", f"unix:{self.path('nvad.sock')}")

    def answers(self):
        if self.nvad.poll() is not None:
            raise Refused("nvad ended: " + self.nvad.stderr.read().decode())
        try:
            return self.api("GET", "/healthz") is not None
        except OSError:
            return False

    def stop_nvad(self, kill=False):
        if self.nvad and self.nvad.poll() is None:
            (self.nvad.kill if kill else self.nvad.terminate)()
            try:
                self.nvad.wait(10)
            except subprocess.TimeoutExpired:
                self.nvad.kill()
                self.nvad.wait()
        status = self.nvad and self.nvad.returncode
        self.nvad = None
        return status

    def appctl(self, *args):
        done = subprocess.run(["ovs-appctl", "-t", self.path("nvad.ctl"),
                               *args], text=True, capture_output=True,
                              timeout=10)
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout

    def nvactl(self, *args, timeout=60):
        return subprocess.run(
            [programs.find("nvactl"), f"--api=unix:{self.api_socket}",
             *map(str, args)], text=True, capture_output=True,
            timeout=timeout)

    def api(self, method, path, body=None):
        """The answer's body; Refused with its error unless 2xx."""
        answer, data = self.http(
            method, path, None if body is None else json.dumps(body))
        if not path.startswith("/v1/"):
            return data.decode()
        parsed = json.loads(data) if data else {}
        if answer.status >= 300:
            error = parsed.get("error", {})
            raise Refused(f"{method} {path}: {answer.status} "
                          f"{error.get('reason')}: {error.get('detail')}",
                          answer.status, error)
        return parsed

    def http(self, method, path, text):
        """The answer and its body, on the connection that this thread keeps,
        or on a new one should nvad have closed that."""
        kept = getattr(self.mine, "link", None)
        self.mine.link = None
        for link in filter(None, (kept, UnixHTTP(self.api_socket))):
            try:
                link.request(method, path, text)
                answer = link.getresponse()
                data = answer.read()
                self.mine.link = link
                return answer, data
            except (http.client.RemoteDisconnected, ConnectionError):
                link.close()
                if link is not kept:
                    raise
        raise AssertionError("the last link answers or raises")

    def metric(self, name):
        """A counter or gauge of /metrics; the sum over its labels."""
        lines = [line for line in self.api("GET", "/metrics").splitlines()
                 if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def claim(self, *names, adopt=False):
        """Claims the NVEs (all) and waits until they are as they should."""
        nves = self.nves()
        for name in names or nves:
            self.api("PUT", f"/v1/nves/{name}", {
                "dpid": nves[name]["dpid"],
                "tunnel_ip": nves[name]["tunnel_ip"], "adopt": adopt})
        self.settled(*(names or nves))

    def settled(self, *names, timeout=10):
        """Waits until these NVEs are connected and owe nothing."""
        names = names or [nve["name"]
                          for nve in self.api("GET", "/v1/nves")["nves"]]

        def done():
            nves = {n["name"]: n for n in self.api("GET", "/v1/nves")["nves"]}
            return all(n in nves and nves[n]["state"] == "connected"
                       and not nves[n]["dirty"] for n in names)
        self.wait(done, f"{', '.join(names)}: connected, nothing owed",
                  timeout)

    def move(self, identity):
        return self.api("GET", f"/v1/moves/{identity}")

    def last_move(self, vm, after=0):
        """The newest move of 'vm' with an id above 'after', or None."""
        moves = [m for m in self.api("GET", "/v1/moves")["moves"]
                 if m["vm"] == vm and m["id"] > after]
        return max(moves, key=lambda m: m["id"], default=None)

    def wait_move(self, identity, states, timeout=10):
        try:
            self.wait(lambda: self.move(identity)["state"] in states,
                      f"move {identity}: {' or '.join(states)}", timeout)
        except Refused as e:
            move = self.move(identity)
            raise Refused(f"{e}; it is {move['state']} ({move['reason']}), "
                          f"blocked by {move['blocked_by']}") from e
        return self.move(identity)

    def prepare(self, vm, nve, port, timeout=10, kind="hot"):
        """Starts a planned move and waits until it is ready; its id."""
        move = self.api("POST", f"/v1/vms/{vm}/moves",
                        {"kind": kind, "to": {"nve": nve, "port": port}})
        if move["ready"]:
            return move["id"]
        self.wait(lambda: self.move(move["id"])["ready"],
                  f"move {move['id']}: ready", timeout)
        return move["id"]

    @staticmethod
    def wait(condition, what, timeout=10):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise Refused(f"waited {timeout} s in vain for {what}")
            time.sleep(0.01)

    def cpu_ns(self):
        """Nanoseconds that nvad's threads have run."""
        total = 0
        for task in os.listdir(f"/proc/{self.nvad.pid}/task"):
            with open(f"/proc/{self.nvad.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total

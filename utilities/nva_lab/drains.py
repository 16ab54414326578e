# SPDX-License-Identifier: Apache-2.0
"""A VM manager that goes along with a drain: each move that nvad has prepared
gets its port, and its VM is carried over."""

import http.client
import json
import queue
import threading
import time

from .fabric import Refused, UnixHTTP

POLL = 0.005                # Seconds between two looks at the drain.


class Link:
    """An open connection to nvad; one caller at a time."""

    def __init__(self, path):
        self.http = UnixHTTP(path)

    def __call__(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        self.http.request(method, path, data)
        answer = self.http.getresponse()
        parsed = json.loads(answer.read() or b"{}")
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {parsed}",
                          answer.status, parsed.get("error"))
        return parsed

    def close(self):
        self.http.close()


class Manager:
    """Carries over what a drain of 'nve' prepares, with 'hands' threads.
    'port(vm, nve)' names the port at the target; 'carry(vm, nve, move, link)'
    does the rest: by default it pauses and activates."""

    def __init__(self, fabric, nve, port, carry=None, hands=8):
        self.fabric, self.nve, self.port = fabric, nve, port
        self.carry = carry or self.pause_and_activate
        self.jobs = queue.Queue()
        self.failed = []
        self.hands = [threading.Thread(target=self.work, daemon=True)
                      for _ in range(hands)]

    @staticmethod
    def pause_and_activate(_vm, _nve, move, link):
        link("POST", f"/v1/moves/{move}/pause")
        link("POST", f"/v1/moves/{move}/activate")

    def one(self, identity, link):
        move = link("GET", f"/v1/moves/{identity}")
        vm, nve = move["vm"], move["to"]["nve"]
        move = link("POST", f"/v1/vms/{vm}/moves",
                    {"to": {"nve": nve, "port": self.port(vm, nve)}})
        end = time.monotonic() + 20
        while not move["ready"]:
            if time.monotonic() > end:
                raise Refused(f"move {identity} does not get ready: {move}")
            time.sleep(POLL)
            move = link("GET", f"/v1/moves/{identity}")
        self.carry(vm, nve, identity, link)

    def work(self):
        link = Link(self.fabric.api_socket)
        while True:
            identity = self.jobs.get()
            if identity is None:
                break
            try:
                self.one(identity, link)
            except (Refused, OSError, http.client.HTTPException) as e:
                self.failed.append(str(e))
        link.close()

    def run(self, timeout=300):
        """Until the drain goes on no more; how it ended."""
        link, seen = Link(self.fabric.api_socket), set()
        end = time.monotonic() + timeout
        for hand in self.hands:
            hand.start()
        while not self.failed:
            drain = link("GET", f"/v1/nves/{self.nve}/drain")
            for identity in drain["moves"]:
                if identity not in seen:
                    seen.add(identity)
                    self.jobs.put(identity)
            if drain["state"] != "running" and not drain["under_way"]:
                break
            if time.monotonic() > end:
                raise Refused(f"the drain goes on after {timeout} s: {drain}")
            time.sleep(POLL)
        for _ in self.hands:
            self.jobs.put(None)
        for hand in self.hands:
            hand.join(30)
        link.close()
        if self.failed:
            raise Refused("; ".join(self.failed))
        return drain

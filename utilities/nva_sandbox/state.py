# SPDX-License-Identifier: Apache-2.0
"""What a sandbox has made.

Invariant: a resource is written here before it exists, so that 'down' finds
it however its maker ended.  One command changes a sandbox at a time.
"""

import fcntl
import json
import os
import re

from . import system
from .system import Refusal

UNDERLAYS = ("v4", "v6", "mixed")
MAX_NVES = 200                  # One octet of the underlay's addresses.


class Sandbox:
    """A sandbox by its name and directory, up or not."""

    def __init__(self, name, directory):
        if not re.fullmatch(r"[A-Za-z0-9_.]{1,40}", name):
            raise Refusal(f"{name}: a sandbox's name is of letters, digits, "
                          "'_' and '.'")
        self.name = name
        self.dir = os.path.abspath(directory or f"/tmp/nva-sandbox-{name}")
        if len(self.dir) > 70:
            raise Refusal(f"{self.dir}: too long for the unix sockets inside")
        self.data = {}
        self.lock_fd = None

    # Names.

    @property
    def prefix(self):
        return f"nva-{self.name}-"

    def ns(self, what):
        return self.prefix + what

    def vm_ns(self, vm):
        return self.ns("vm-" + vm)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    # On disk.

    def lock(self, create):
        """Keeps other commands out; with 'create', makes the directory if
        need be."""
        if create and not os.path.isdir(self.dir):
            os.mkdir(self.dir, 0o700)
        if not os.path.lexists(self.dir):
            raise Refusal(f"{self.name}: no such sandbox (in {self.dir}); "
                          "'up' makes one")
        status = os.lstat(self.dir)
        if status.st_uid != os.geteuid() or not os.path.isdir(self.dir):
            raise Refusal(f"{self.dir}: exists and is not ours")
        self.lock_fd = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT,
                               0o600)
        fcntl.flock(self.lock_fd, fcntl.LOCK_EX)

    def load(self):
        """Reads the state; returns False if there is none."""
        try:
            with open(self.path("state.json")) as f:
                self.data = json.load(f)
            return True
        except (OSError, ValueError):
            self.data = {}
            return False

    def save(self):
        with open(self.path("state.new"), "w") as f:
            json.dump(self.data, f, indent=1)
        os.rename(self.path("state.new"), self.path("state.json"))

    # Contents.

    def begin(self, count, options):
        """Starts the state of a new sandbox."""
        self.data = {
            "name": self.name, "underlay": options.underlay, "ready": False,
            "controller": options.controller,
            "controller_ns": options.controller_ns, "queue": options.queue,
            "openflow": options.openflow,
            "controller_changes": 0, "namespaces": [], "procs": {},
            "nves": {f"hv{k}": self.nve_record(k, options.underlay)
                     for k in range(1, count + 1)},
            "vms": {}, "ports": {},
        }
        self.save()

    @staticmethod
    def nve_record(k, underlay):
        v4, v6 = f"172.31.0.{k}", f"fd31::{k:x}"
        ips = {"v4": [v4], "v6": [v6], "mixed": [v4, v6]}[underlay]
        second = underlay == "mixed" and k % 2 == 0
        return {"index": k, "dpid": f"{k:016x}", "underlay_ips": ips,
                "tunnel_ip": ips[1 if second else 0]}

    def nve(self, name):
        if name not in self.data["nves"]:
            raise Refusal(f"{name}: no such NVE (there are "
                          f"{', '.join(self.data['nves'])})")
        return self.data["nves"][name]

    def vm(self, name):
        if name not in self.data["vms"]:
            raise Refusal(f"{name}: no such VM")
        return self.data["vms"][name]

    def where(self, what):
        """The namespace of an NVE, a VM, 'fabric' or 'controller'."""
        if what in self.data["vms"]:
            return self.vm_ns(what)
        if self.ns(what) in self.data["namespaces"]:
            return self.ns(what)
        raise Refusal(f"{what}: neither an NVE nor a VM nor 'fabric' nor "
                      "'controller'")

    # What is recorded before it is made.

    def add_namespace(self, ns):
        self.data["namespaces"].append(ns)
        self.save()
        system.netns_add(ns)

    def spawn(self, key, argv, log, env=None):
        def record(process):
            self.data["procs"][key] = process
            self.save()
        system.spawn(argv, dict(os.environ, **(env or {})), log, record)

    def running(self, key):
        return system.alive(self.data["procs"].get(key))

    def end(self, keys, **how):
        procs = [self.data["procs"][k] for k in keys
                 if k in self.data["procs"]]
        system.end(procs, **how)
        for key in keys:
            self.data["procs"].pop(key, None)
        self.save()

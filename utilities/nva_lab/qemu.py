# SPDX-License-Identifier: Apache-2.0
"""Real guests: QEMU without KVM, Debian's cloud kernel, live migration.

The guest is a virtual machine on a tap of an NVE's bridge; its correspondents
are VMs of the sandbox.  Each end sends numbered packets and counts what comes
(nva-count), and is asked for it after a move.

migrate() is what a VM manager does: prepare, migrate, pause at QEMU's STOP,
activate at its RESUME.  With an early pause it holds QEMU back before the
switchover, until nvad has said that nothing comes for the guest any more and
the guest has read what is in its tap.
"""

import gzip
import json
import os
import queue
import shutil
import socket
import subprocess
import time

from . import programs
from .drains import Link
from .fabric import Refused
from .guests import ip4, ip6, mac

NVES = ("hv1", "hv2")
PEERS = ("c1", "c2")        # cK stands at hvK.
VM = 1                      # The guest's number; cK has K + 1.
MEMORY = 128                # MiB.
PPS = 500                   # Packets a second from each correspondent...
SLOWER = 5                  # ...and so much fewer from the guest to each.
BOOT = 120                  # Seconds; 5 on a machine with nothing else to do.
EARLY = 2000                # Milliseconds that an early pause may last.
COPIED = 60                 # Seconds until little remains.
READ_TAP = 0.03             # Seconds in which a guest reads what is in its tap.

# QEMU stops a guest when what remains to be copied takes no longer than
# 'downtime-limit' at the speed that it measures.  A limit of 0 would not hold
# it: it takes all that it has seen for nothing, then.
COPYING = {"max_bandwidth": 32 << 20, "downtime_limit": 1}
NEAR = 8 << 20              # Bytes that remain: now it is held,
HELD = {"max_bandwidth": 128 << 10, "downtime_limit": 1}
LET_GO = {"max_bandwidth": 1 << 30, "downtime_limit": 1000}
# In the order in which they depend on each other.
MODULES = ("virtio_ring", "virtio", "virtio_pci_modern_dev",
           "virtio_pci_legacy_dev", "virtio_pci", "failover", "net_failover",
           "virtio_net")
INIT = """#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc
for module in {modules}; do busybox insmod /$module.ko; done
for word in $(busybox cat /proc/cmdline); do
    case $word in
    nva.ip=*) busybox ip addr add ${{word#nva.ip=}} dev eth0 ;;
    nva.ip6=*) busybox ip addr add ${{word#nva.ip6=}} dev eth0 ;;
    nva.pps=*) pps=${{word#nva.pps=}} ;;
    esac
done
echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
busybox ip link set lo up
busybox ip link set eth0 up
nva-count --answer --pps=$pps
busybox poweroff -f
"""
# What keeps a guest from leaving checksums to a network card that is not
# there, as a tap of the userspace datapath has none.
NO_OFFLOAD = (",vnet_hdr=off", "")      # Of -netdev, of -device.


def why_not():
    """The reason why there can be no such guest here, or None."""
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"),
                             ("busybox", "busybox-static")):
        if not shutil.which(program):
            return f"{package} is missing"
    return None


def archive(files):
    """An initramfs: 'newc' cpio of {path: (mode, bytes)}, compressed."""
    out = bytearray()
    entries = [*files.items(), ("TRAILER!!!", (0, b""))]
    for number, (path, (mode, data)) in enumerate(entries, 1):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name),
                  0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (name, data):
            out += part
            out += bytes(-len(out) % 4)
    return gzip.compress(bytes(out), 1)


def make_initramfs(path, kernel):
    def read(name):
        with open(name, "rb") as f:
            return f.read()
    files = {name: (0o40755, b"") for name in ("bin", "proc", "dev")}
    files["bin/busybox"] = (0o100755, read(shutil.which("busybox")))
    files["bin/nva-count"] = (0o100755, read(programs.find("nva-count")))
    files["init"] = (0o100755,
                     INIT.format(modules=" ".join(MODULES)).encode())
    for module in MODULES:
        files[f"{module}.ko"] = (0o100644, read(f"{kernel}/{module}.ko"))
    with open(path, "wb") as f:
        f.write(archive(files))


class Qmp:
    """A connection to a QEMU's monitor; one caller."""

    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.events = queue.SimpleQueue()
        self.read()                             # The greeting.
        self("qmp_capabilities")

    def read(self):
        line = self.lines.readline()
        if not line:
            raise Refused("QEMU has ended")
        return json.loads(line)

    def __call__(self, command, **arguments):
        """Runs a command ('_' in a name of an argument is '-')."""
        self.socket.sendall(json.dumps({
            "execute": command,
            "arguments": {k.replace("_", "-"): v
                          for k, v in arguments.items()}}).encode() + b"\n")
        while True:
            said = self.read()
            if "event" in said:
                self.events.put(said)
            elif "error" in said:
                raise Refused(f"{command}: {said['error']['desc']}")
            else:
                return said["return"]

    def wait(self, name):
        """Waits for the next event of that name; when it was (wall time)."""
        while True:
            said = (self.events.get() if not self.events.empty()
                    else self.read())
            if said.get("event") == name:
                return (said["timestamp"]["seconds"]
                        + said["timestamp"]["microseconds"] / 1e6)

    def close(self):
        self.lines.close()
        self.socket.close()


class Qemu:
    """A QEMU process at an NVE; with 'incoming', one that awaits a guest."""

    def __init__(self, stage, nve, incoming=None):
        self.nve = nve
        self.name = stage.fabric.path(f"qemu{stage.started}")
        stage.started += 1
        netdev, device = stage.offload
        with open(self.name + ".log", "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec",
                 stage.fabric.namespace(nve), "qemu-system-x86_64",
                 "-accel", "tcg", "-m", str(MEMORY), "-nodefaults",
                 "-no-user-config", "-no-reboot", "-display", "none",
                 "-serial", f"file:{self.name}.console",
                 "-kernel", f"{stage.kernel}/vmlinuz",
                 "-initrd", stage.fabric.path("initramfs"), "-append",
                 f"console=ttyS0 quiet panic=-1 {stage.guest}",
                 "-netdev", "tap,id=net,ifname=tap-vm,script=no,"
                 f"downscript=no{netdev}", "-device",
                 f"virtio-net-pci,netdev=net,mac={mac(VM)},romfile={device}",
                 "-qmp", f"unix:{self.name}.qmp,server=on,wait=off",
                 *(["-incoming", f"unix:{incoming}"] if incoming else [])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        stage.fabric.wait(self.listens, f"QEMU ({self.name}.log)", 30)
        self.qmp = Qmp(self.name + ".qmp")

    def listens(self):
        if self.process.poll() is not None:
            with open(self.name + ".log", encoding="utf-8",
                      errors="replace") as log:
                raise Refused(f"QEMU has ended: {log.read().strip()}")
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.name + ".qmp")
                return True
            except OSError:
                return False

    def start_migration(self, to, held):
        """To the socket 'to'.  One that is to be held goes slowly enough to
        be seen coming to its end."""
        if held:
            self.qmp("migrate-set-parameters", **COPYING)
        self.qmp("migrate", uri=f"unix:{to}")

    def hold_migration(self):
        """When little remains to be copied: goes on, but comes to no end."""
        end = time.monotonic() + COPIED
        while self.remaining() > NEAR and time.monotonic() < end:
            time.sleep(0.005)
        self.qmp("migrate-set-parameters", **HELD)
        if not self.remaining():
            raise Refused("QEMU could not be held")

    def let_migration_go(self):
        self.qmp("migrate-set-parameters", **LET_GO)

    def remaining(self):
        """Bytes of memory that are still to be copied; 0: it is over."""
        said = self.qmp("query-migrate")
        if said.get("status") in ("setup", None):
            return MEMORY << 20
        return (said["ram"]["remaining"] if said["status"] == "active" else 0)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.qmp.close()


class Count:
    """nva-count in a VM of the sandbox, which talks to the guest."""

    def __init__(self, fabric, vm, number, pps, to):
        self.process = subprocess.Popen(
            [*fabric.command, "exec", vm, programs.find("nva-count"),
             f"--first={number}", f"--pps={pps}", f"--to={to}"], text=True,
            bufsize=1, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self):
        text = self.process.stdout.readline()
        answer = json.loads(text) if text else {"ok": False}
        if not answer["ok"]:
            raise Refused("nva-count: the guest does not answer")
        return answer

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Stage:
    """Two NVEs with a correspondent each, and the guest, at first at hv1."""

    def __init__(self, fabric, pps=PPS, offload=NO_OFFLOAD, **vn):
        self.fabric, self.at = fabric, "hv1"
        self.offload = offload
        self.started = 0
        self.guest = (f"nva.ip={ip4(VM)}/16 nva.ip6={ip6(VM)}/64 "
                      f"nva.pps={max(1, pps // SLOWER)}")
        self.qemu, self.counts, self.links = None, [], []
        self.kernel = subprocess.run(
            [os.path.join(programs.UTILITIES, "build-guest-kernel.sh")],
            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        make_initramfs(fabric.path("initramfs"), self.kernel)
        fabric.api("PUT", "/v1/vns/red", {
            "vni": 100, "binding": "learn", "redirect_timeout": 1, **vn})
        for number, peer in enumerate(PEERS, 2):
            self.add_peer(peer, number, f"hv{peer[1:]}")
        for nve in NVES:
            fabric.sandbox("port", "vm", nve)
            fabric.api("PUT", f"/v1/nves/{nve}/ports/tap-vm", {"vn": "red"})
        self.declare("vm", VM, self.at)
        fabric.settled(*NVES)
        self.pps = pps

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for count in self.counts:
            count.close()
        for link in self.links:
            link.close()
        if self.qemu:
            self.qemu.end()

    def add_peer(self, name, number, nve):
        self.fabric.sandbox("vm", name, nve, "--mac", mac(number), "--ip",
                            ip4(number) + "/16", "--ip", ip6(number) + "/64")
        self.declare(name, number, nve)

    def declare(self, name, number, nve):
        self.fabric.api("PUT", f"/v1/vms/{name}", {"interfaces": [{
            "vn": "red", "mac": mac(number), "nve": nve,
            "port": f"tap-{name}", "ips": [ip4(number), ip6(number)]}]})

    def boot(self):
        """Until each correspondent has heard of the guest, c1 over IPv4, c2
        over IPv6."""
        self.qemu = Qemu(self, self.at)
        for k, peer in enumerate(PEERS):
            self.counts.append(Count(self.fabric, peer, k, self.pps,
                                     (ip4, ip6)[k](VM)))
        self.fabric.wait(lambda: all(self.ask("ready", "ready")),
                         "the guest to answer", BOOT)
        self.links = [Link(self.fabric.api_socket) for _ in range(2)]
        for link in self.links:
            link("GET", "/v1/vms/vm")           # It is connected.

    def ask(self, question, key=None):
        for count in self.counts:
            count.say(question)
        answers = [count.hear() for count in self.counts]
        return [answer[key] for answer in answers] if key else answers

    def migrate(self, early=0):
        """One move to the other NVE, with an early pause of so many
        milliseconds at most; what happened."""
        to = NVES[1 - NVES.index(self.at)]
        incoming = self.fabric.path(f"migrate{self.started}")
        new = Qemu(self, to, incoming)
        old, pause, activate = self.qemu, self.links[0], self.links[1]
        move = self.fabric.prepare("vm", to, "tap-vm")
        self.ask("mark")
        old.start_migration(incoming, early)
        if early:
            old.hold_migration()
            pause("POST", f"/v1/moves/{move}/pause", {"early_ms": early})
            time.sleep(READ_TAP)
            old.let_migration_go()
        at = {"stop": old.qmp.wait("STOP")}
        pause.http.request("POST", f"/v1/moves/{move}/pause")
        at["resume"] = new.qmp.wait("RESUME")
        activate("POST", f"/v1/moves/{move}/activate")
        answer = pause.http.getresponse()
        said = answer.read().decode()
        if answer.status >= 300:
            raise Refused(f"pause: {answer.status} {said}")
        old.end()
        self.qemu, self.at = new, to
        view = self.fabric.wait_move(move, ("done",))
        return Migrated(view, at, self.streams())

    def still(self, seconds):
        """The same without a move."""
        self.ask("mark")
        time.sleep(seconds)
        return Migrated(None, {}, self.streams())

    def streams(self):
        return [stream for streams in self.ask("report", "streams")
                for stream in streams]

    def place(self):
        """Where nvad says that the guest is."""
        return self.fabric.api("GET", "/v1/vms/vm")["interfaces"][0]["nve"]


class Migrated:
    """A live migration, or none: what was counted ('to' and 'from' the
    guest), and how long the guest stood still, in seconds.  'resent': numbers
    that the guest sent again, as it resumed with older memory than it had;
    what it had received by then it may have forgotten, too."""

    COUNTS = ("sent", "lost", "duplicated", "reordered", "resent")

    def __init__(self, view, at, streams):
        self.view, self.streams = view, streams
        self.id = view and view["id"]
        self.to = view and view["to"]["nve"]
        self.way = view and f"{view['from']['nve']} -> {self.to}"
        self.downtime = at["resume"] - at["stop"] if at else None
        for key in self.COUNTS:
            for way in ("to", "from"):
                setattr(self, f"{key}_{way}",
                        sum(s[way][key] for s in streams))
        self.lost = self.lost_to + self.lost_from
        self.duplicated = self.duplicated_to + self.duplicated_from

    def figures(self):
        return {"move": self.id, "down_s": self.downtime,
                "streams": self.streams}

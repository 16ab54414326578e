# SPDX-License-Identifier: Apache-2.0
"""Virtual machines, their ports, and moves.

A VM is a namespace with one interface, held by a relay process (nva-guest)
that plays QEMU.  A port tap-NAME is a persistent tap in the NVE's namespace,
added to br-int, so that it outlives the process that reads it.
"""

import json
import os
import re
import shutil
import socket
import time

from . import system
from .nve import Nve
from .system import Refusal

ANNOUNCEMENTS = ("garp", "garp-reply", "na", "na-node", "rarp", "probe",
                 "none")


def port_name(name):
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,11}", name):
        raise Refusal(f"{name}: a name has 1 to 11 letters, digits, '_', '.' "
                      "or '-', as its port tap-NAME may have 15 characters")
    return "tap-" + name


def find_program(here, name):
    """A program of ours: where the environment says, in the tree, beside us
    when installed, or on the path."""
    places = [os.environ.get(name.upper().replace("-", "_"), "")] + [
        os.path.join(here, *parts, name) for parts in (
            (), ("..", "build"), ("..", "build", "utilities"),
            ("..", "libexec", "ovs-nva"))]
    for path in places + [shutil.which(name) or ""]:
        if path and os.access(path, os.X_OK) and os.path.isfile(path):
            return os.path.realpath(path)
    raise Refusal(f"{name}: not built, or not found (set "
                  f"{name.upper().replace('-', '_')} to its path)")


class Relay:
    """The control socket of a VM's nva-guest."""

    def __init__(self, sandbox, vm):
        self.path = sandbox.path(f"guest-{vm}.sock")

    def ask(self, *words):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.settimeout(5)
                s.connect(self.path)
                s.sendall((" ".join(words) + "\n").encode())
                answer = b""
                while not answer.endswith(b"\n"):
                    part = s.recv(65536)
                    if not part:
                        break
                    answer += part
            except OSError as error:
                raise Refusal(f"{self.path}: {error}")
        text = answer.decode().strip()
        if text.startswith("error") or not text:
            raise Refusal(text or f"{self.path}: no answer")
        return text


def add_port(sandbox, name, nve_name):
    """Makes tap-NAME on an NVE if it is not there.  The VM of that name, if
    there is one, holds it open, so that what arrives waits."""
    nve = Nve(sandbox, nve_name)
    tap = port_name(name)
    places = sandbox.data["ports"].setdefault(name, [])
    vm = sandbox.data["vms"].get(name)
    if nve_name not in places:
        if not nve.running:
            raise Refusal(f"{nve_name}: its Open vSwitch does not run")
        places.append(nve_name)
        sandbox.save()
        mtu = vm["mtu"] if vm else 1500
        system.ip_batch(nve.ns, [
            f"tuntap add dev {tap} mode tap",
            f"link set {tap} txqueuelen 1000 mtu {mtu} up"])
        nve.vsctl("--may-exist", "add-port", "br-int", tap)
        nve.deepen_sockets()
    if vm and vm["nve"] != nve_name:
        Relay(sandbox, name).ask("open", nve.ns, tap)


def add_idle_ports(sandbox, nve_name, prefix, count):
    """Makes ports PREFIX1 to PREFIXn that exist and carry nothing, in one
    transaction: unconnected patch ports, which unlike taps cost the switch
    nothing.  They stand for other VMs."""
    nve = Nve(sandbox, nve_name)
    args = []
    for k in range(1, count + 1):
        name = f"{prefix}{k}"
        if len(name) > 15:
            raise Refusal(f"{name}: longer than 15 characters")
        args += ["--", "--may-exist", "add-port", "br-int", name, "--", "set",
                 "interface", name, "type=patch", f"options:peer=no-{name}"]
    nve.vsctl(*args[1:])


def remove_port(sandbox, name, nve_name):
    nve = Nve(sandbox, nve_name)
    tap = port_name(name)
    if nve_name not in sandbox.data["ports"].get(name, []):
        raise Refusal(f"{tap}: no such port on {nve_name}")
    if name in sandbox.data["vms"]:
        Relay(sandbox, name).ask("close", nve.ns, tap)
    if nve.running:
        nve.vsctl("--if-exists", "del-port", "br-int", tap)
    system.run(["ip", "-n", nve.ns, "link", "del", tap], check=False)
    sandbox.data["ports"][name].remove(nve_name)
    if not sandbox.data["ports"][name]:
        del sandbox.data["ports"][name]
    sandbox.save()


def add_vm(sandbox, name, nve_name, options, here):
    tap = port_name(name)
    sandbox.nve(nve_name)
    if name in sandbox.data["vms"] or name in sandbox.data["nves"]:
        raise Refusal(f"{name}: there already")
    if not re.fullmatch(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", options.mac):
        raise Refusal(f"{options.mac}: not a MAC address")
    ips = [ip if "/" in ip else ip + ("/64" if ":" in ip else "/24")
           for ip in options.ip]
    program = find_program(here, "nva-guest")
    sandbox.data["vms"][name] = {"nve": nve_name, "mac": options.mac.lower(),
                                 "ips": ips, "mtu": options.mtu,
                                 "keep_queue": options.keep_queue}
    sandbox.save()
    try:
        start_vm(sandbox, name, program)
        add_port(sandbox, name, nve_name)
        Relay(sandbox, name).ask("attach", sandbox.ns(nve_name), tap)
    except BaseException:
        remove_vm(sandbox, name)
        raise


def start_vm(sandbox, name, program):
    vm = sandbox.vm(name)
    ns = sandbox.vm_ns(name)
    sandbox.add_namespace(ns)
    sock = sandbox.path(f"guest-{name}.sock")
    sandbox.spawn(f"vm/{name}", [
        "ip", "netns", "exec", ns, program, f"--control={sock}", f"--ns={ns}",
        f"--mac={vm['mac']}", f"--mtu={vm['mtu']}",
        *(["--keep-queue"] if vm["keep_queue"] else [])],
        sandbox.path(f"guest-{name}.log"))
    system.wait_for(lambda: system.can_connect(sock)
                    or not sandbox.running(f"vm/{name}"), f"{name}: nva-guest")
    if not sandbox.running(f"vm/{name}"):
        with open(sandbox.path(f"guest-{name}.log")) as f:
            raise Refusal(f"{name}: {f.read().strip()}")
    system.ip_batch(ns, ["link set lo up"] + [
        f"addr add {ip} dev eth0{' nodad' if ':' in ip else ''}"
        for ip in vm["ips"]])


def remove_vm(sandbox, name):
    ns = sandbox.vm_ns(name)
    sandbox.end([f"vm/{name}"])
    sandbox.data["vms"].pop(name, None)
    for nve_name in list(sandbox.data["ports"].get(name, [])):
        remove_port(sandbox, name, nve_name)
    system.end([[p, system.start_time(p)] for p in system.netns_pids([ns])])
    if ns in sandbox.data["namespaces"]:
        system.netns_del(ns)
        sandbox.data["namespaces"].remove(ns)
    sandbox.save()


def rehome(sandbox, name, nve_name, options):
    """The same VM now stands at another NVE."""
    vm = sandbox.vm(name)
    nve = Nve(sandbox, nve_name)
    relay = Relay(sandbox, name)
    old = vm["nve"]
    if not nve.running:
        raise Refusal(f"{nve_name}: its Open vSwitch does not run")
    for kind in options.announce.split("+"):
        check_kind(kind)
    paused = json.loads(relay.ask("status"))["paused"]
    if old != nve_name and not paused:
        relay.ask("detach")
    time.sleep(options.downtime / 1000.0)
    vm["nve"] = nve_name
    add_port(sandbox, name, nve_name)
    relay.ask("attach", nve.ns, port_name(name))
    announce(sandbox, name, options.announce)
    sandbox.save()
    if old != nve_name and not options.keep_old_port:
        if old in sandbox.data["ports"].get(name, []):
            remove_port(sandbox, name, old)


def check_kind(kind):
    if kind not in ANNOUNCEMENTS:
        raise Refusal(f"{kind}: not one of {', '.join(ANNOUNCEMENTS)}")


def announce(sandbox, name, kinds):
    """Sends the frames of each kind (several with '+') for each address of
    the VM that the kind can speak of."""
    relay = Relay(sandbox, name)
    for kind in kinds.split("+"):
        check_kind(kind)
        if kind == "rarp":
            relay.ask("announce", "rarp")
            continue
        for ip in sandbox.vm(name)["ips"]:
            address = ip.split("/")[0]
            fits = (kind == "probe"
                    or kind.startswith("na" if ":" in ip else "garp"))
            if kind != "none" and fits:
                relay.ask("announce", kind, address)

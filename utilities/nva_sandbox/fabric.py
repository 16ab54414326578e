# SPDX-License-Identifier: Apache-2.0
"""The whole of a sandbox: up, down.

All underlay interfaces meet at a Linux bridge in a namespace of their own.
"""

import glob
import os
import shutil

from . import system
from .nve import Nve, UNDERLAY_MTU
from .state import MAX_NVES
from .system import Refusal

SCHEMA = os.path.join(
    os.environ.get("OVS_PKGDATADIR", "/usr/share/openvswitch"),
    "vswitch.ovsschema")
ADDRESSES = {"fabric": ("172.31.0.254", "fd31::fe"),
             "controller": ("172.31.0.250", "fd31::fa")}


def up(sandbox, count, options):
    if not 1 <= count <= MAX_NVES:
        raise Refusal(f"{count}: from 1 to {MAX_NVES} NVEs")
    clean(sandbox)
    sandbox.begin(count, options)
    try:
        make_namespaces(sandbox)
        make_fabric(sandbox)
        start_nves(sandbox)
        sandbox.data["ready"] = True
        sandbox.save()
    except BaseException as error:
        troubles = read_troubles(sandbox)
        down(sandbox)
        if isinstance(error, Refusal) and troubles:
            raise Refusal("\n".join([str(error)] + troubles))
        raise


def read_troubles(sandbox):
    """The last complaints in the daemons' logs, which 'down' removes."""
    lines = []
    for log in glob.glob(sandbox.path("hv*", "*.log")):
        with open(log, errors="replace") as f:
            lines += [line.rstrip() for line in f
                      if "|ERR|" in line or "|EMER|" in line]
    return lines[-5:]


def down(sandbox):
    clean(sandbox)
    shutil.rmtree(sandbox.dir, ignore_errors=True)


def clean(sandbox):
    """Removes all that a sandbox of this name has made, whether the state
    tells of it or only its prefix."""
    sandbox.load()
    namespaces = [ns for ns in system.netns_list()
                  if ns.startswith(sandbox.prefix)]
    pids = system.netns_pids(namespaces)
    processes = [[pid, system.start_time(pid)] for pid in pids
                 if pid != os.getpid()]
    processes += sandbox.data.get("procs", {}).values()
    system.end([p for p in processes if system.alive(p)])
    for ns in namespaces:
        system.netns_del(ns)
    sandbox.data = {}
    for entry in os.listdir(sandbox.dir):
        if entry == "lock":
            continue
        path = sandbox.path(entry)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def members(sandbox):
    """The namespaces with an interface on the fabric."""
    extra = ["controller"] if sandbox.data["controller_ns"] else []
    return list(sandbox.data["nves"]) + extra


def make_namespaces(sandbox):
    for name in ["fabric"] + members(sandbox):
        sandbox.add_namespace(sandbox.ns(name))
        system.in_netns(sandbox.ns(name), set_defaults)


def set_defaults():
    """Inside a namespace of the underlay.  The kernel must answer for an
    underlay address on the device that has it only, and say nothing by
    itself on the others."""
    for name, value in (("net/ipv6/conf/default/disable_ipv6", 1),
                        ("net/ipv6/conf/default/accept_dad", 0),
                        ("net/ipv6/conf/default/accept_ra", 0),
                        ("net/ipv4/conf/all/arp_ignore", 1)):
        system.write_sysctl(name, value)


def make_fabric(sandbox):
    fabric = sandbox.ns("fabric")
    commands = ["link add br-fabric type bridge stp_state 0 forward_delay 0 "
                "mcast_snooping 0"]
    for name in members(sandbox):
        commands += [
            f"link add {name} mtu {UNDERLAY_MTU} type veth peer name eth0 "
            f"mtu {UNDERLAY_MTU} netns {sandbox.ns(name)}",
            f"link set {name} master br-fabric up"]
    system.ip_batch(fabric, commands + [
        f"link set br-fabric mtu {UNDERLAY_MTU} up", "link set lo up"])
    for name in members(sandbox):
        system.in_netns(sandbox.ns(name),
                        lambda: system.tx_checksums_off("eth0"))
        system.ip_batch(sandbox.ns(name), [
            "link set lo up", "link set eth0 up"])
    system.in_netns(fabric, lambda: [
        system.tx_checksums_off(n) for n in members(sandbox) + ["br-fabric"]])
    add_addresses(sandbox, "fabric", "br-fabric")
    if sandbox.data["controller_ns"]:
        add_addresses(sandbox, "controller", "eth0")


def add_addresses(sandbox, name, ifname):
    v4, v6 = ADDRESSES[name]
    commands = []
    if sandbox.data["underlay"] != "v6":
        commands.append(f"addr add {v4}/24 dev {ifname}")
    if sandbox.data["underlay"] != "v4":
        system.in_netns(sandbox.ns(name), lambda: system.write_sysctl(
            f"net/ipv6/conf/{ifname}/disable_ipv6", 0))
        commands.append(f"addr add {v6}/64 dev {ifname} nodad")
    system.ip_batch(sandbox.ns(name), commands)


def start_nves(sandbox):
    """All of them side by side."""
    nves = [Nve(sandbox, name) for name in sandbox.data["nves"]]
    template = sandbox.path("template.db")
    system.run(["ovsdb-tool", "create", template, SCHEMA])
    for nve in nves:
        nve.make_database(template)
        nve.start_database()
    for nve in nves:
        nve.wait_database()
        system.run(nve.vsctl_argv(nve.configuration()))
        nve.start_switch()
    for nve, process in [(nve, nve.start_waiting()) for nve in nves]:
        nve.finish_start(process)

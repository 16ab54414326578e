# SPDX-License-Identifier: Apache-2.0
"""The command line: one function for each command, one table of them."""

import argparse
import json
import os
import sys

from . import fabric, guests
from .nve import Nve
from .state import Sandbox, UNDERLAYS
from .system import Refusal


def cmd_up(sandbox, args):
    if args.controller is None:
        v4, v6 = fabric.ADDRESSES["controller"]
        address = f"[{v6}]" if args.underlay == "v6" else v4
        args.controller = (f"tcp:{address}:6653" if args.controller_ns
                           else f"unix:{sandbox.path('nvad.sock')}")
    fabric.up(sandbox, args.n, args)


def cmd_down(sandbox, _args):
    fabric.down(sandbox)


def cmd_show(sandbox, args):
    view = describe(sandbox)
    if args.json:
        print(json.dumps(view, indent=2))
        return
    print(f"sandbox {view['name']} in {view['dir']}, underlay "
          f"{view['underlay']}, controller {view['controller']}")
    for nve in view["nves"]:
        state = "" if nve["running"] else "  (down)"
        print(f"  {nve['name']}  dpid {nve['dpid']}  tunnel "
              f"{nve['tunnel_ip']}  namespace {nve['namespace']}{state}")
        for port in nve["ports"]:
            print(f"      port {port['name']} ({port['ofport']})")
    for vm in view["vms"]:
        print(f"  VM {vm['name']} on {vm['nve']}  {vm['mac']}  "
              f"{' '.join(vm['ips'])}  namespace {vm['namespace']}")


def describe(sandbox):
    data = sandbox.data
    nves = []
    for name, record in data["nves"].items():
        nve = Nve(sandbox, name)
        nves.append({
            "name": name, "dpid": record["dpid"],
            "tunnel_ip": record["tunnel_ip"],
            "underlay_ips": record["underlay_ips"], "namespace": nve.ns,
            "rundir": nve.rundir, "running": nve.running,
            "ports": list_ports(nve) if nve.running else []})
    vms = [{"name": name, "nve": vm["nve"], "port": guests.port_name(name),
            "ports_on": data["ports"].get(name, []), "mac": vm["mac"],
            "ips": vm["ips"], "mtu": vm["mtu"],
            "namespace": sandbox.vm_ns(name)}
           for name, vm in data["vms"].items()]
    return {"name": sandbox.name, "dir": sandbox.dir,
            "underlay": data["underlay"], "controller": data["controller"],
            "namespaces": data["namespaces"], "nves": nves, "vms": vms}


def list_ports(nve):
    table = json.loads(nve.vsctl("--format=json", "--columns=name,ofport",
                                 "find", "Interface", "type=\"\""))
    ports = [{"name": name, "ofport": ofport}
             for name, ofport in table["data"]
             if name not in ("eth0", "br-phys", "br-int")]
    return sorted(ports, key=lambda port: port["name"])


def cmd_vm(sandbox, args):
    guests.add_vm(sandbox, args.name, args.nve, args, args.here)


def cmd_rm(sandbox, args):
    sandbox.vm(args.name)
    guests.remove_vm(sandbox, args.name)


def cmd_port(sandbox, args):
    for name in args.name.split(","):
        guests.add_port(sandbox, name, args.nve)


def cmd_idle_ports(sandbox, args):
    guests.add_idle_ports(sandbox, args.nve, args.prefix, args.count)


def cmd_unport(sandbox, args):
    for name in args.name.split(","):
        vm = sandbox.data["vms"].get(name)
        if vm and vm["nve"] == args.nve and not args.force:
            raise Refusal(f"{name}: stands at {args.nve} (use --force)")
        guests.remove_port(sandbox, name, args.nve)


def cmd_rehome(sandbox, args):
    guests.rehome(sandbox, args.name, args.nve, args)


def cmd_announce(sandbox, args):
    guests.announce(sandbox, args.name, args.kind)


def cmd_pause(sandbox, args):
    sandbox.vm(args.name)
    guests.Relay(sandbox, args.name).ask("pause")


def cmd_resume(sandbox, args):
    sandbox.vm(args.name)
    guests.Relay(sandbox, args.name).ask("resume")


def cmd_status(sandbox, args):
    sandbox.vm(args.name)
    print(guests.Relay(sandbox, args.name).ask("status"))


def cmd_controller(sandbox, args):
    sandbox.data["controller"] = args.address
    sandbox.data["controller_changes"] += 1
    sandbox.save()
    for name in sandbox.data["nves"]:
        nve = Nve(sandbox, name)
        if nve.running:
            nve.set_controller()


def cmd_restart(sandbox, args):
    sandbox.data["controller_changes"] += 1
    sandbox.save()
    Nve(sandbox, args.nve).restart(args.keep_flows)


def cmd_kill(sandbox, args):
    Nve(sandbox, args.nve).kill()


def cmd_start(sandbox, args):
    Nve(sandbox, args.nve).start()


def cmd_exec(sandbox, args):
    sandbox.vm(args.what)
    enter(sandbox, args)


def cmd_ns_exec(sandbox, args):
    enter(sandbox, args)


def enter(sandbox, args):
    if not args.args:
        raise Refusal("which command?")
    become(["ip", "netns", "exec", sandbox.where(args.what)] + args.args)


def cmd_ofctl(sandbox, args):
    become(Nve(sandbox, args.what).ofctl_argv(args.args))


def cmd_vsctl(sandbox, args):
    become(Nve(sandbox, args.what).vsctl_argv(args.args))


def cmd_appctl(sandbox, args):
    become(Nve(sandbox, args.what).appctl_argv(args.args))


def cmd_trace(sandbox, args):
    become(Nve(sandbox, args.what).appctl_argv(
        ["ofproto/trace", "br-int"] + args.args))


def become(argv):
    sys.stdout.flush()
    os.execvp(argv[0], argv)


# name: (function, changes the sandbox, help, arguments)
COMMANDS = {
    "up": (cmd_up, True, "make N NVEs hv1..hvN", [
        (("n",), dict(type=int, metavar="N")),
        (("--underlay",), dict(choices=UNDERLAYS, default="v4")),
        (("--openflow",), dict(choices=("13", "14", "15"), help="the one "
                               "version that br-int speaks; left out: all "
                               "three")),
        (("--controller",), dict(metavar="ADDR", help="unix:PATH, tcp:IP:PORT "
                                 "or none; default unix:DIR/nvad.sock")),
        (("--controller-ns",), dict(action="store_true", help="also a "
                                    "namespace 'controller' on the "
                                    "underlay")),
        (("--queue",), dict(type=int, default=1 << 20, metavar="BYTES",
                            help="receive buffer of a switch's port; 0 leaves "
                            "the system's default"))]),
    "down": (cmd_down, True, "remove everything", []),
    "show": (cmd_show, False, "what there is", [
        (("--json",), dict(action="store_true"))]),
    "vm": (cmd_vm, True, "make a VM", [
        (("name",), {}), (("nve",), {}), (("--mac",), dict(required=True)),
        (("--ip",), dict(action="append", default=[], metavar="IP/LEN")),
        (("--mtu",), dict(type=int, default=1500)),
        (("--keep-queue",), dict(action="store_true", help="what waits at the "
                                 "port that it leaves while it is paused goes "
                                 "with it"))]),
    "rm": (cmd_rm, True, "remove a VM and its ports", [(("name",), {})]),
    "port": (cmd_port, True, "make port tap-NAME on an NVE", [
        (("name",), dict(metavar="NAME[,NAME...]")), (("nve",), {})]),
    "idle-ports": (cmd_idle_ports, True, "make many ports that carry nothing",
                   [(("nve",), {}), (("prefix",), {}),
                    (("count",), dict(type=int))]),
    "unport": (cmd_unport, True, "remove it", [
        (("name",), dict(metavar="NAME[,NAME...]")), (("nve",), {}),
        (("--force",), dict(action="store_true"))]),
    "rehome": (cmd_rehome, True, "the VM now stands at NVE", [
        (("name",), {}), (("nve",), {}),
        (("--announce",), dict(default="none", metavar="KIND[+KIND]",
                               help=", ".join(guests.ANNOUNCEMENTS))),
        (("--downtime",), dict(type=float, default=0, metavar="MS")),
        (("--keep-old-port",), dict(action="store_true"))]),
    "announce": (cmd_announce, False, "the VM announces itself", [
        (("name",), {}), (("kind",), {})]),
    "pause": (cmd_pause, False, "the VM stands still", [(("name",), {})]),
    "resume": (cmd_resume, False, "and goes on", [(("name",), {})]),
    "status": (cmd_status, False, "a VM's relay, as JSON", [(("name",), {})]),
    "controller": (cmd_controller, True, "set the controller of all NVEs, "
                   "which connect at once", [(("address",), {})]),
    "restart": (cmd_restart, True, "restart ovs-vswitchd", [
        (("nve",), {}), (("--keep-flows",), dict(action="store_true")),
        (("--empty",), dict(action="store_true", help="the default"))]),
    "kill": (cmd_kill, True, "an NVE's Open vSwitch crashes", [
        (("nve",), {})]),
    "start": (cmd_start, True, "and comes back", [(("nve",), {})]),
    "exec": (cmd_exec, False, "run a command in a VM", None),
    "ns-exec": (cmd_ns_exec, False, "run a command in an NVE, a VM, 'fabric' "
                "or 'controller'", None),
    "ofctl": (cmd_ofctl, False, "ovs-ofctl on br-int; the bridge is put in "
              "after the first word", None),
    "vsctl": (cmd_vsctl, False, "ovs-vsctl on an NVE", None),
    "appctl": (cmd_appctl, False, "ovs-appctl on an NVE's switch", None),
    "trace": (cmd_trace, False, "ofproto/trace br-int FLOW", None),
}


def make_parser():
    common = argparse.ArgumentParser(add_help=False,
                                     argument_default=argparse.SUPPRESS)
    common.add_argument("--name", dest="sandbox", help="which sandbox")
    common.add_argument("--dir", help="where it keeps its state; default "
                        "/tmp/nva-sandbox-NAME")
    parser = argparse.ArgumentParser(
        prog="nva-sandbox", parents=[common],
        description="Real Open vSwitch NVEs in network namespaces.")
    commands = parser.add_subparsers(dest="command", required=True,
                                     metavar="COMMAND")
    for name, (_function, _changes, text, arguments) in COMMANDS.items():
        if arguments is None:
            sub = commands.add_parser(name, help=text)
            sub.add_argument("what", metavar="VM|NVE")
            sub.add_argument("args", nargs=argparse.REMAINDER)
        else:
            sub = commands.add_parser(name, help=text, parents=[common])
            for flags, keywords in arguments:
                sub.add_argument(*flags, **keywords)
    return parser


def main(argv, here):
    args = make_parser().parse_args(argv)
    args.here = here
    function, changes = COMMANDS[args.command][:2]
    try:
        if os.geteuid():
            raise Refusal("needs root, as it makes network namespaces")
        sandbox = Sandbox(getattr(args, "sandbox", None)
                          or os.environ.get("NVA_SANDBOX", "default"),
                          getattr(args, "dir", None))
        if changes:
            sandbox.lock(create=args.command in ("up", "down"))
        if args.command not in ("up", "down"):
            if not sandbox.load() or not sandbox.data.get("ready"):
                raise Refusal(f"{sandbox.name}: no such sandbox (in "
                              f"{sandbox.dir}); 'up' makes one")
        function(sandbox, args)
    except (Refusal, OSError) as error:
        print(f"nva-sandbox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0

# SPDX-License-Identifier: Apache-2.0
"""One NVE: a namespace with its own Open vSwitch.

br-phys carries the veth to the fabric and, on its LOCAL port, the underlay
address; br-int carries the ports of VMs and the VXLAN port.
"""

import os
import re
import signal
import subprocess
import time

from . import system
from .system import Refusal

UNDERLAY_MTU = 1600
TUNNEL_OFPORT = 1


class Nve:
    def __init__(self, sandbox, name):
        self.sandbox = sandbox
        self.name = name
        self.record = sandbox.nve(name)
        self.ns = sandbox.ns(name)
        self.rundir = sandbox.path(name)
        self.env = {"OVS_RUNDIR": self.rundir, "OVS_LOGDIR": self.rundir,
                    "OVS_DBDIR": self.rundir}

    def path(self, name):
        return os.path.join(self.rundir, name)

    @property
    def running(self):
        return all(self.sandbox.running(f"{self.name}/{d}")
                   for d in ("ovsdb-server", "ovs-vswitchd"))

    # Commands.

    def vsctl_argv(self, args, timeout=15):
        return ["ovs-vsctl", f"--db=unix:{self.path('db.sock')}",
                f"--timeout={timeout}"] + args

    def vsctl(self, *args):
        if not self.running:
            raise Refusal(f"{self.name}: its Open vSwitch does not run")
        return system.run(self.vsctl_argv(list(args))).strip()

    def ofctl_argv(self, args):
        """'ovs-ofctl' with the bridge put after the command's first word."""
        at = 0
        while at < len(args) and args[at].startswith("-"):
            at += 2 if args[at] in ("-O", "-F", "-m", "-t") else 1
        if at >= len(args):
            raise Refusal("ofctl: which command?")
        version = [] if any(a.startswith("-O") for a in args[:at]) else [
            "-O", self.protocols()[-1]]
        return (["ovs-ofctl"] + version + args[:at + 1]
                + [f"unix:{self.path('br-int.mgmt')}"] + args[at + 1:])

    def ofctl(self, *args, stdin=None):
        return system.run(self.ofctl_argv(list(args)), stdin=stdin)

    def appctl_argv(self, args):
        return ["ovs-appctl", "-t", self.path("vswitchd.ctl")] + args

    def protocols(self):
        """What br-int speaks, the highest version last."""
        only = self.sandbox.data["openflow"]
        return [f"OpenFlow{v}" for v in ([only] if only else (13, 14, 15))]

    # Life.

    def make_database(self, template):
        os.mkdir(self.rundir, 0o700)
        with open(template, "rb") as f, open(self.path("conf.db"), "wb") as g:
            g.write(f.read())

    def start_database(self):
        self.spawn("ovsdb-server", [
            self.path("conf.db"), f"--remote=punix:{self.path('db.sock')}",
            f"--unixctl={self.path('ovsdb.ctl')}"])

    def start_switch(self):
        self.spawn("ovs-vswitchd", [
            f"unix:{self.path('db.sock')}",
            f"--unixctl={self.path('vswitchd.ctl')}"])

    def spawn(self, daemon, args):
        argv = ["ip", "netns", "exec", self.ns, daemon, "-vconsole:off",
                "-vsyslog:off", f"--log-file={self.path(daemon + '.log')}",
                "--no-chdir"] + args
        self.sandbox.spawn(f"{self.name}/{daemon}", argv,
                           self.path(daemon + ".out"), self.env)

    def wait_database(self):
        system.wait_for(lambda: system.can_connect(self.path("db.sock")),
                        f"{self.name}: ovsdb-server")

    def configuration(self):
        """The 'ovs-vsctl' arguments that describe a fresh NVE."""
        args = ["--no-wait", "add-br", "br-phys", "--", "set", "bridge",
                "br-phys", "datapath_type=netdev", "fail_mode=standalone",
                "--", "add-port", "br-phys", "eth0",
                "--", "set", "interface", "br-phys",
                f"mtu_request={UNDERLAY_MTU}",
                "--", "add-br", "br-int", "--", "set", "bridge", "br-int",
                "datapath_type=netdev", "fail_mode=secure",
                "protocols=" + ",".join(self.protocols()),
                "other_config:disable-in-band=true",
                "other_config:controller-queue-size=512",
                f"other_config:datapath-id={self.record['dpid']}",
                "--", "add-port", "br-int", "vx0", "--", "set", "interface",
                "vx0", "type=vxlan", f"ofport_request={TUNNEL_OFPORT}",
                "options:remote_ip=flow", "options:key=flow"]
        target = self.controller_target()
        return args + (["--", "set-controller", "br-int", target]
                       if target else [])

    def controller_target(self):
        """The sandbox's controller as this switch may name it: Open vSwitch
        connects to unix sockets in its own run directory only, so a link
        there stands for the real one.  Each change has its own link, as a new
        name makes the switch connect at once."""
        address = self.sandbox.data["controller"]
        if not address.startswith("unix:"):
            return None if address == "none" else address
        link = self.path(
            f"controller.{self.sandbox.data['controller_changes']}")
        if not os.path.islink(link):
            os.symlink(os.path.abspath(address[len("unix:"):]), link)
        return f"unix:{link}"

    def set_controller(self):
        target = self.controller_target()
        if target:
            self.vsctl("set-controller", "br-int", target)
        else:
            self.vsctl("del-controller", "br-int")

    def start_waiting(self):
        """Starts a process that ends when the switch has done what the
        database says.  It waits only if it changes something."""
        return subprocess.Popen(
            self.vsctl_argv(["set", "Open_vSwitch", ".",
                             f"external_ids:sandbox={time.monotonic_ns()}"]),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            preexec_fn=system.die_with_parent)

    def configure_underlay(self):
        """Gives the LOCAL port of br-phys, which may be new after a start of
        the switch, its addresses."""
        ips = self.record["underlay_ips"]
        if any(":" in ip for ip in ips):
            system.in_netns(self.ns, lambda: [
                system.write_sysctl(f"net/ipv6/conf/br-phys/{name}", 0)
                for name in ("accept_dad", "accept_ra", "disable_ipv6")])
        system.ip_batch(self.ns, ["link set br-phys up"] + [
            f"addr replace {ip}/64 dev br-phys nodad" if ":" in ip
            else f"addr replace {ip}/24 dev br-phys" for ip in ips])

    def deepen_sockets(self):
        """Gives the switch's ports receive queues as deep as those of a
        network card.  By default a port has room for some 270 short frames,
        and on a machine whose cores all NVEs share, a switch that does not
        run for 10 ms would lose packets that no fabric loses."""
        size = self.sandbox.data["queue"]
        process = self.sandbox.data["procs"].get(f"{self.name}/ovs-vswitchd")
        if size and system.alive(process):
            system.deepen_packet_sockets(process[0], size)

    def knows_underlay(self):
        """True if the switch ends tunnels at all its underlay addresses."""
        ends = system.run(self.appctl_argv(["tnl/ports/show", "-v"]))
        return all(f"(dst={ip}," in ends for ip in self.record["underlay_ips"])

    def forget_translations(self):
        """Has the switch translate all packets anew.  Open vSwitch (3.1) takes
        an underlay address out of its tables for a moment when its device
        changes.  What comes through a tunnel just then is taken for somebody
        else's, and so is all that follows, until no more comes for 10 s."""
        system.wait_for(self.knows_underlay,
                        f"{self.name}: its tunnels' address")
        system.run(self.appctl_argv(["revalidator/purge"]))

    def finish_start(self, waiting):
        """Gives a new switch what it needs, once start_waiting()'s process
        says that it is there."""
        finish_waiting(self, waiting)
        self.configure_underlay()
        self.deepen_sockets()
        self.forget_translations()

    def start(self):
        """Starts what does not run and waits until it works."""
        if not self.sandbox.running(f"{self.name}/ovsdb-server"):
            self.start_database()
        self.wait_database()
        if not self.sandbox.running(f"{self.name}/ovs-vswitchd"):
            self.start_switch()
            self.finish_start(self.start_waiting())

    def stop_switch(self, sig=signal.SIGTERM):
        self.sandbox.end([f"{self.name}/ovs-vswitchd"], first=sig)

    def kill(self):
        self.sandbox.end([f"{self.name}/ovs-vswitchd",
                          f"{self.name}/ovsdb-server"], first=signal.SIGKILL)

    def restart(self, keep_flows):
        """Restarts the switch alone.  With 'keep_flows' its groups, meters
        and flows are there again before it connects to its controller.

        Open vSwitch throws all flows away when it gets its first controller,
        which with flow-restore-wait is after they were restored.  So it has
        one all the time, but first one that is not there."""
        saved = self.save_flows() if keep_flows else None
        controlled = self.controller_target() is not None
        self.stop_switch()
        if keep_flows and controlled:
            system.run(self.vsctl_argv([
                "--no-wait", "set-controller", "br-int",
                f"unix:{self.path('nobody')}"]))
        self.start()
        if keep_flows:
            self.restore_flows(saved)
            if controlled:
                self.set_controller()

    def save_flows(self):
        flows = self.ofctl("--no-names", "--no-stats", "dump-flows")
        groups = self.ofctl("--no-names", "dump-groups")
        return (parse_meters(self.ofctl("dump-meters")),
                [line.strip() for line in groups.splitlines()
                 if "group_id=" in line],
                [line.strip() for line in flows.splitlines()
                 if "actions=" in line])

    def restore_flows(self, saved):
        meters, groups, flows = saved
        system.wait_for(lambda: system.can_connect(self.path("br-int.mgmt")),
                        f"{self.name}: br-int")
        for meter in meters:
            self.ofctl("add-meter", meter)
        if groups:
            self.ofctl("add-groups", "-", stdin="\n".join(groups) + "\n")
        if flows:
            self.ofctl("add-flows", "-", stdin="\n".join(flows) + "\n")


def finish_waiting(nve, process):
    """Waits for start_waiting()'s process, unless the switch has died."""
    while process.poll() is None and nve.running:
        time.sleep(0.005)
    if process.poll() is None:
        process.kill()
    stderr = process.communicate()[1]
    if process.returncode:
        what = stderr.strip() if nve.running else "it ended by itself"
        raise Refusal(f"{nve.name}: Open vSwitch did not come up: {what}")


def parse_meters(text):
    """Turns 'dump-meters' into arguments of 'add-meter': a meter begins a
    line, each of its bands is one line more."""
    meters = []
    for line in text.splitlines():
        words = re.sub(r"\s+", ",", line.strip())
        if words.startswith("meter="):
            meters.append(words)
        elif words.startswith("type=") and meters:
            glue = "" if meters[-1].endswith("bands=") else ","
            meters[-1] += glue + words
    return meters

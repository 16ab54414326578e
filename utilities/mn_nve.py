# SPDX-License-Identifier: Apache-2.0
"""NVEs in mininet, for 'mn --custom mn_nve.py --topo nve --switch nve'.

Each NVE is a namespace with an Open vSwitch of its own, as tunnels between
bridges of one ovs-vswitchd would never leave it.  Its run directory is private
to it, so that 'nv1 ovs-ofctl dump-flows br-int' shows that NVE's.  What runs
in a node ends with the node's shell, and that with mininet: a crash leaves no
process and no interface.
"""

import os
import re
import subprocess
import time

from mininet.log import info
from mininet.node import RemoteController, Switch
from mininet.topo import Topo
from mininet.util import errRun

RUN = "/var/run/openvswitch"
GATEWAY = "172.31.0.254"        # The machine itself, on the underlay.
UNDERLAY_MTU = 1600             # Room for VXLAN around 1500.
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class NveTopo(Topo):
    """N NVEs nv1.., each with some hosts h1.., and the underlay u0."""

    def build(self, n=3, hosts=1, **_):
        underlay = self.addSwitch("u0", cls=Underlay)
        number = 0
        for k in range(1, int(n) + 1):
            nve = self.addSwitch(f"nv{k}", dpid=f"{k:016x}",
                                 tunnel_ip=f"172.31.0.{k}")
            self.addLink(nve, underlay, intfName1=f"nv{k}-up")
            for _i in range(int(hosts)):
                number += 1
                host = self.addHost(f"h{number}")
                self.addLink(host, nve, intfName2=f"tap-{host}")


class Inside(Switch):
    """A switch in a namespace of its own."""

    def __init__(self, name, **params):
        params["inNamespace"] = True
        Switch.__init__(self, name, **params)

    def must(self, command):
        """Runs a command, which must succeed; returns what it says."""
        said = self.cmd(f"{command} 2>&1; echo status=$?")
        text, _, status = said.rpartition("status=")
        if status.strip() != "0":
            raise RuntimeError(f"{self.name}: {command}: {text.strip()}")
        return text.strip()


class Underlay(Inside):
    """A bridge that joins the NVEs and the machine itself (GATEWAY), where
    controllers run."""

    def start(self, controllers):
        self.must("ip link add name br0 type bridge stp_state 0 "
                  "forward_delay 0 mcast_snooping 0")
        for intf in self.intfList():
            self.must(f"ip link set {intf.name} mtu {UNDERLAY_MTU} "
                      "master br0 up")
        self.must(f"ip link set br0 mtu {UNDERLAY_MTU} up")
        self.gateway = f"nva{os.getpid()}"
        self.must(f"ip link add to-root type veth peer name {self.gateway} "
                  f"netns {os.getpid()}")
        self.must("ip link set to-root master br0 up")
        for command in (f"ip addr add {GATEWAY}/24 dev {self.gateway}",
                        f"ip link set {self.gateway} up",
                        f"ethtool -K {self.gateway} tx off"):
            _, said, status = errRun(command)
            if status:
                raise RuntimeError(f"{command}: {said}")

    def stop(self, deleteIntfs=True):
        self.cmd("ip link del to-root")
        Switch.stop(self, deleteIntfs)


class Nve(Inside):
    """br-int with a flow-based VXLAN port, over br-phys with the tunnel
    address.  'openflow': which versions, as in OpenFlow13,OpenFlow14."""

    def __init__(self, name, tunnel_ip=None, openflow=None, **params):
        params["privateDirs"] = [RUN, "/var/log/openvswitch",
                                 "/etc/openvswitch"]
        Inside.__init__(self, name, **params)
        self.tunnel_ip = tunnel_ip
        self.daemons = []
        self.openflow = openflow or "OpenFlow13,OpenFlow14,OpenFlow15"

    def vsctl(self, *args):
        return self.must("ovs-vsctl --timeout=20 " + " ".join(args))

    def daemon(self, command):
        """Starts what dies with this node's shell."""
        name = command.split()[0]
        self.cmd(f"setpriv --pdeathsig KILL {command} --no-chdir "
                 f"--pidfile --log-file -vconsole:off -vsyslog:off "
                 f"</dev/null >/var/log/openvswitch/{name}.out 2>&1 &")
        self.daemons.append(self.lastPid)

    def start(self, controllers):
        up = self.intfs[1].name
        self.must("sysctl -qw net.ipv4.conf.all.arp_ignore=1 "
                  "net.ipv6.conf.default.disable_ipv6=1 "
                  f"net.ipv6.conf.{up}.disable_ipv6=1")
        self.must(f"ip link set {up} mtu {UNDERLAY_MTU} up")
        self.must(f"ethtool -K {up} tx off")
        self.must(f"ovsdb-tool create /etc/openvswitch/conf.db {SCHEMA}")
        self.daemon(f"ovsdb-server /etc/openvswitch/conf.db "
                    f"--remote=punix:{RUN}/db.sock")
        self.wait(f"test -S {RUN}/db.sock", "ovsdb-server")
        self.vsctl(
            "--no-wait init -- add-br br-phys -- set bridge br-phys",
            "datapath_type=netdev fail_mode=standalone",
            f"-- add-port br-phys {up}",
            f"-- set interface br-phys mtu_request={UNDERLAY_MTU}",
            "-- add-br br-int -- set bridge br-int datapath_type=netdev",
            f"fail_mode=secure protocols={self.openflow}",
            "other_config:disable-in-band=true",
            f"other_config:datapath-id={self.dpid}",
            "-- add-port br-int vx0 -- set interface vx0 type=vxlan",
            "options:remote_ip=flow options:key=flow")
        self.daemon("ovs-vswitchd")
        self.vsctl("set Open_vSwitch . external_ids:mininet=1")
        self.must(f"ip addr add {self.tunnel_ip}/24 dev br-phys")
        self.must("ip link set br-phys up")
        for intf in self.taps():
            self.attach(intf)
        self.connect(controllers)

    def connect(self, controllers):
        """Controllers on the machine's loopback are at GATEWAY from here."""
        targets = []
        for controller in controllers:
            ip = GATEWAY if controller.IP() in LOOPBACK else controller.IP()
            targets.append(f"tcp:{ip}:{controller.port}")
        if targets:
            self.vsctl("set-controller br-int", *targets)
        for controller in controllers:
            if hasattr(controller, "tell"):
                controller.tell(self)

    def wait(self, test, what):
        deadline = time.monotonic() + 20
        while self.cmd(f"{test}; echo $?").strip() != "0":
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: {what} did not start")
            time.sleep(0.02)

    def connected(self):
        return "true" in self.vsctl("--columns=is_connected list controller")

    def taps(self):
        """The interfaces of hosts."""
        return [intf for intf in self.intfList()
                if intf.name.startswith("tap-")]

    def attach(self, intf):
        """A host's interface becomes a port of br-int."""
        other(intf).node.cmd(f"ethtool -K {other(intf).name} tx off")
        self.must(f"ip link set {intf.name} up")
        self.vsctl(f"add-port br-int {intf.name}")

    def take(self, host):
        """Host moves here from where it is, as a VM would, and says so."""
        intf = other(host.defaultIntf())
        old = intf.node
        if old is self:
            return
        old.vsctl(f"del-port br-int {intf.name}")
        old.must(f"ip link set {intf.name} netns {self.pid}")
        old.delIntf(intf)
        intf.node = self
        self.addIntf(intf, moveIntfFn=lambda *_: None)
        self.attach(intf)
        host.cmd(f"arping -A -c 1 -I {host.defaultIntf()} {host.IP()}")

    def stop(self, deleteIntfs=True):
        for pid in reversed(self.daemons):
            self.cmd(f"kill {pid}; wait {pid}")
        self.daemons = []
        Switch.stop(self, deleteIntfs)


class Nvad(RemoteController):
    """An nvad that runs already ('--controller remote' connects to it as
    well), and is told by nvactl what is where.  'api': its --api, for
    nvactl."""

    def __init__(self, name, api=None, vni=100, **params):
        RemoteController.__init__(self, name, **params)
        self.api, self.vni, self.told = api, vni, False

    def nvactl(self, *args):
        argv = [os.environ.get("NVACTL", "nvactl")]
        argv += [f"--api={self.api}"] if self.api else []
        done = subprocess.run(argv + [str(a) for a in args], text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode:
            raise RuntimeError(f"nvactl {args}: {done.stdout.strip()}")
        return done.stdout

    def tell(self, nve):
        """The NVE, and the hosts that stand there."""
        if not self.told:
            self.told = True
            self.nvactl("vn", "add", "mininet", "--vni", self.vni,
                        "--binding", "learn")
        self.nvactl("nve", "add", nve.name, "--dpid", nve.dpid,
                    "--tunnel-ip", nve.tunnel_ip)
        for intf in nve.taps():
            host = other(intf).node
            self.nvactl("vm", "add", host.name, "--vn", "mininet", "--mac",
                        host.MAC(), "--ip", host.IP(), "--nve", nve.name,
                        "--port", intf.name)

    def expect(self, host, nve):
        """The host may show itself there."""
        self.nvactl("port", "add", nve.name, f"tap-{host.name}", "--vn",
                    "mininet")

    def place(self, host):
        """Where nvad has the host."""
        found = re.search(r"\bnv\d+\b", self.nvactl("vm", "show", host.name))
        return found.group(0) if found else None


def other(intf):
    """The other end of its link."""
    link = intf.link
    return link.intf2 if intf is link.intf1 else link.intf1


def move_test(net):
    """Host h1 goes round all NVEs while the last host pings it; then
    everybody reaches everybody."""
    mover, pinger = net.hosts[0], net.hosts[-1]
    nves = [s for s in net.switches if isinstance(s, Nve)]
    for controller in net.controllers:
        if isinstance(controller, Nvad):
            for nve in nves:
                controller.expect(mover, nve)
    pinger.sendCmd(f"ping -i 0.02 -w 12 {mover.IP()}")
    for nve in nves[1:] + nves[:1]:
        time.sleep(1)
        nve.take(mover)
        info(f"*** {mover.name} is at {nve.name}\n")
    pinger.sendInt()
    said = pinger.waitOutput()
    found = re.search(r"(\d+) packets transmitted, (\d+) received", said)
    sent, received = map(int, found.groups())
    info(f"*** pings during {len(nves)} moves: {sent} sent, {received} "
         "answered\n")
    return net.pingAll(), sent, received


topos = {"nve": NveTopo}
switches = {"nve": Nve}
controllers = {"nvad": Nvad}
tests = {"move": move_test}

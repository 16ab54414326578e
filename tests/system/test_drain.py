# SPDX-License-Identifier: Apache-2.0
"""An NVE is evacuated: VMs with a kernel, each carried over as its move is
prepared."""

import subprocess

from nva_lab import drains, programs
from nva_lab.guests import ip4, ip6

N = 20


def crowd(world, n):
    """VMs m1..mN at hv1 with a kernel; bystanders at hv2 and hv3."""
    world.vn("red", 100, binding="learn", redirect_timeout=2)
    for number, (name, nve) in enumerate(
            [("b2", "hv2"), ("b3", "hv3")]
            + [(f"m{i}", "hv1") for i in range(1, n + 1)], 1):
        world.vm(name, number, nve)
    world.settled()


def test_d16_an_nve_is_drained_of_its_vms(make_world):
    world = make_world(3)
    crowd(world, N)
    places = {}

    def carry(vm, nve, _move, _link):
        """It stands there and says so: that activates."""
        world.sandbox("rehome", vm, nve, "--announce", "garp")
        places[vm] = nve

    nvactl = subprocess.Popen(
        [programs.find("nvactl"), f"--api=unix:{world.api_socket}", "nve",
         "drain", "hv1", "--to", "hv2", "hv3", "--parallel", "4"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    world.wait(lambda: world.api("GET", "/v1/nves/hv1")["drain"],
               "the drain to begin")
    manager = Evidence(world, "hv1", lambda vm, _: f"tap-{vm}", carry, 1)
    end = manager.run(timeout=240)
    out, err = nvactl.communicate(timeout=30)
    assert nvactl.returncode == 0, err
    assert f"{N} done, 0 under way, 0 waiting, 0 refused" in out
    assert "hv1 running" in out and "hv1 finished" in out
    assert end["done"] == N and not end["refused"]
    assert sorted(places.values()) == ["hv2"] * (N // 2) + ["hv3"] * (N // 2)
    for vm, nve in places.items():
        found = world.api("GET", f"/v1/vms/{vm}")["interfaces"][0]
        assert (found["nve"], found["port"]) == (nve, f"tap-{vm}")
        number = int(vm[1:]) + 2
        assert world.ping("b2", ip4(number), 1) == 1, vm
        assert world.ping("b3", ip6(number), 1) == 1, vm
    assert not [m for m in world.api("GET", "/v1/moves")["moves"]
                if m["cause"] != "planned"]
    world.everything_as_it_should()


class Evidence(drains.Manager):
    """The port comes with the VM: it is named before it is there, and the
    VM's own word activates."""

    def one(self, identity, link):
        move = link("GET", f"/v1/moves/{identity}")
        vm, nve = move["vm"], move["to"]["nve"]
        link("POST", f"/v1/vms/{vm}/moves",
             {"to": {"nve": nve, "port": self.port(vm, nve)}})
        self.carry(vm, nve, identity, link)


def test_d16_a_drain_is_stopped_and_taken_up_again(make_world):
    world = make_world(2)
    world.vn("red", 100, redirect_timeout=1)
    for i in range(1, 5):
        world.sandbox("port", f"m{i}", "hv1")
        world.sandbox("port", f"m{i}", "hv2")
        world.declare(f"m{i}", i, "hv1")
    world.settled()
    done = world.nvactl("nve", "drain", "hv1", "--to", "hv2", "--parallel",
                        "1", "--no-wait")
    assert done.returncode == 0, done.stderr
    world.wait(lambda: world.api("GET", "/v1/nves/hv1/drain")["moves"],
               "a move to begin")
    assert world.nvactl("nve", "drain", "hv1", "--stop").returncode == 0
    end = drains.Manager(world, "hv1", lambda vm, _: f"tap-{vm}").run()
    assert (end["state"], end["done"], end["waiting"]) == ("stopped", 1, 3)
    again = world.nvactl("nve", "drain", "hv1", "--no-wait")
    assert again.returncode == 0, again.stderr
    end = drains.Manager(world, "hv1", lambda vm, _: f"tap-{vm}").run()
    assert (end["state"], end["done"]) == ("finished", 3)
    done = world.nvactl("nve", "drain", "hv1", "--follow")
    assert done.returncode == 0 and "finished" in done.stdout
    refused = world.nvactl("nve", "drain", "hv1", "--to", "hv1")
    assert refused.returncode == 1 and "same_place" in refused.stderr
    world.everything_as_it_should()

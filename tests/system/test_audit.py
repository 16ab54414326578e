# SPDX-License-Identifier: Apache-2.0
"""What real switches have is compared with what they should have."""

import json
import re

import pytest

from nva_lab.guests import ip4, mac


def fabric(world):
    """VMs a and b at hv1 and hv2."""
    world.vn("red", 100)
    world.vm("a", 1, "hv1")
    world.vm("b", 2, "hv2")
    world.settled()


def audit(world, *options):
    done = world.nvactl("audit", "--json", *options)
    assert done.stdout, done.stderr
    shown = json.loads(done.stdout)
    assert done.returncode == bool(shown["findings"])
    return shown


def cookie_of_b(world):
    """Of the flow by which hv1 reaches b."""
    lines = [line for line in world.ofctl("hv1", "dump-flows").splitlines()
             if f"dl_dst={mac(2)}" in line and "table=30" in line]
    assert len(lines) == 1, lines
    return re.search(r"cookie=(0x[0-9a-f]+)", lines[0]).group(1)


@pytest.mark.parametrize("version", ["13", "14", "15"])
def test_d14_a_flow_deleted_by_hand_is_named_and_repaired(make_world,
                                                          version):
    world = make_world(2, "--openflow", version)
    fabric(world)
    assert world.ping("a", ip4(2)) == 3
    clean = audit(world)
    assert clean["findings"] == [] and clean["nves"] == 2
    assert clean["flows"] == sum(len(world.flows(n)) for n in ("hv1", "hv2"))

    world.ofctl("hv1", "del-flows",
                f"table=30,cookie={cookie_of_b(world)}/-1")
    found = audit(world)["findings"]
    assert [f["kind"] for f in found] == ["flow_missing"]
    assert (found[0]["nve"], found[0]["vm"]) == ("hv1", "b")
    assert mac(2) in found[0]["directory"] and "table=30" in (
        found[0]["directory"])
    # Looking changes nothing.
    assert len(audit(world)["findings"]) == 1
    done = world.nvactl("audit", "--repair")
    assert done.returncode == 1 and "1 repaired" in done.stdout
    assert "flow_missing: nve hv1: tsi of vm b eth0" in done.stdout
    world.settled()
    done = world.nvactl("audit")
    assert done.returncode == 0 and "0 contradictions" in done.stdout
    assert world.ping("a", ip4(2)) == 3
    world.everything_as_it_should()


def test_d14_foreign_flows_ports_and_the_inventory(make_world, tmp_path):
    world = make_world(2)
    fabric(world)
    world.ofctl("hv2", "add-flow", "table=99,cookie=0x77,actions=drop")
    world.sandbox("port", "stray", "hv2")
    file = tmp_path / "inventory.json"
    listed = world.api("GET", "/v1/vms")
    file.write_text(json.dumps(listed))
    kinds = {(f["kind"], f["nve"]) for f in
             audit(world, "--inventory", file)["findings"]}
    assert kinds == {("flow_foreign", "hv2"), ("port_unclaimed", "hv2")}

    listed["vms"][0]["interfaces"][0]["nve"] = "hv2"
    listed["vms"][1]["name"] = "c"
    file.write_text(json.dumps(listed))
    found = {f["kind"]: f for f in
             audit(world, "--inventory", file)["findings"]}
    assert set(found) == {"flow_foreign", "port_unclaimed", "if_place",
                          "vm_unknown", "vm_unlisted"}
    assert found["if_place"]["directory"] == "hv1 tap-a"
    assert found["if_place"]["other"] == "hv2 tap-a"
    assert found["vm_unknown"]["object"] == "vm c"
    file.write_text("{")
    assert world.nvactl("audit", "--inventory", file).returncode == 2
    file.write_text('{"vms": [{"name": 7}]}')
    done = world.nvactl("audit", "--inventory", file)
    assert done.returncode == 1 and "inventory.vms[0].name" in done.stderr
    world.everything_as_it_should()


def test_d14_periodic_audit_is_metrics_and_events(make_world):
    world = make_world(2)
    fabric(world)
    world.stop_nvad()
    world.start_nvad("--audit-interval=1")
    world.wait(lambda: world.bridges() == 2, "the bridges to connect")
    world.claim()
    fabric_again(world)
    world.wait(lambda: world.metric("nva_audits_total") >= 1, "an audit")
    # The bridges were claimed before anybody told of their VMs.
    before = world.api("GET", "/v1/audit")["findings"]
    assert {f["kind"] for f in before} == {"flows_removed"}
    world.ofctl("hv1", "del-flows",
                f"table=30,cookie={cookie_of_b(world)}/-1")
    world.wait(lambda: world.metric("nva_audit_findings") == len(before) + 1,
               "a finding")
    shown = world.api("GET", "/v1/audit")
    assert "flow_missing" in {f["kind"] for f in shown["findings"]}
    notes = [line for line in world.api("GET", "/metrics").splitlines()
             if 'type="audit"' in line]
    assert notes and "contradiction" in notes[0]
    world.everything_as_it_should()


def fabric_again(world):
    """nvad keeps nothing: it is told again."""
    world.vn("red", 100)
    world.declare("a", 1, "hv1")
    world.declare("b", 2, "hv2")
    world.settled()

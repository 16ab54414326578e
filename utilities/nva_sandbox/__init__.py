# SPDX-License-Identifier: Apache-2.0
"""The laboratory: NVEs, an underlay and virtual machines on one machine.

system   namespaces, processes, interfaces: Linux only
state    what a sandbox has made, on disk before it is made
nve      one NVE: ovsdb-server, ovs-vswitchd, bridges, flows kept at a restart
fabric   up and down
guests   virtual machines, ports and moves
cli      the command line
"""

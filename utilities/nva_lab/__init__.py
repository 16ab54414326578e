# SPDX-License-Identifier: Apache-2.0
"""A laboratory for nvad: a sandbox of real NVEs, nvad, measured guests.

Modules: programs (where ours are), fabric (sandbox + nvad + API), guests
(nva-measure), moves (the ways a VM moves, and what was counted), overflows
(what the stage lost), peers (TCP of VMs with a kernel), drains, liars, qemu
(real guests, live migration).
"""

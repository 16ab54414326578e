#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each module includes only what stands earlier in modules.txt, and what the
files of a module share (X-private.h) its own X.h."""

import os
import re

import nvalint

order = [line.split("#")[0].strip()
         for line in nvalint.read("tests/lint/modules.txt").split("\n")]
order = [m for m in order if m]
rank = {m: i for i, m in enumerate(order)}
by_name = {os.path.basename(m): m for m in order}
if len(by_name) != len(order):
    nvalint.complain("tests/lint/modules.txt", "a module is named twice")

files = nvalint.sources("lib/*.[ch]", "controller/*.[ch]")
modules = {f[:-2] for f in files}
for module in order:
    if module not in modules:
        nvalint.complain("tests/lint/modules.txt", f"no such file: {module}")

for path in files:
    own = path[:-2]
    if own not in rank:
        nvalint.complain(path, "not in tests/lint/modules.txt")
        continue
    for line, text in enumerate(nvalint.code(path).split("\n"), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)\.h"', text)
        if not m:
            continue
        used = m.group(1)
        used = used if used in rank else by_name.get(used)
        if used and own == f"{used}-private":
            continue
        if used and rank[used] > rank[own]:
            nvalint.complain(f"{path}:{line}",
                             f"{own} includes {used}, which stands later")
nvalint.finish()

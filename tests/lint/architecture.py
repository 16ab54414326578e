#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every `file:function` that docs/architecture.md names exists.  A file may
be named without its directory, or as its module."""

import os
import re

import nvalint

DOC = "docs/architecture.md"

if not nvalint.sources(DOC):
    nvalint.complain(DOC, "is missing")
    nvalint.finish()

places = {}
for path in nvalint.sources("lib/*.[ch]", "controller/*.[ch]",
                            "utilities/*.[ch]"):
    for name in (path, path[:-2], os.path.basename(path),
                 os.path.basename(path)[:-2]):
        places.setdefault(name, []).append(path)

found = 0
for line, text in enumerate(nvalint.read(DOC).split("\n"), 1):
    for name, function in re.findall(
            r"`([\w./-]*[A-Za-z][\w./-]*):([A-Za-z_]\w*)(?:\(\))?`", text):
        found += 1
        if name not in places:
            nvalint.complain(f"{DOC}:{line}", f"no such file: {name}")
        elif not any(re.search(rf"^{function}\(", nvalint.code(p), re.M)
                     for p in places[name]):
            nvalint.complain(f"{DOC}:{line}",
                             f"{name} does not define {function}()")
if not found:
    nvalint.complain(DOC, "names no `file:function`")
nvalint.finish()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every test that docs/conformance.md names, as `ring/module:test`, exists."""

import re

import nvalint

DOC = "docs/conformance.md"

RINGS = {
    "unit": ("tests/unit/test-{}.c", r"^START_TEST\({}\)"),
    "scenarios": ("tests/scenarios/test-{}.c", r"^START_TEST\({}\)"),
    "prop": ("tests/prop/test-{}.c", r"^{}\("),
    "system": ("tests/system/test_{}.py", r"^ *def {}\("),
}

if not nvalint.sources(DOC):
    nvalint.complain(DOC, "is missing")
    nvalint.finish()

found = 0
for line, text in enumerate(nvalint.read(DOC).split("\n"), 1):
    for ring, module, test in re.findall(
            r"`([a-z]+)/([\w-]+):(\w+)`", text):
        if ring not in RINGS:
            continue
        found += 1
        path, pattern = (x.format(y) for x, y in zip(RINGS[ring],
                                                     (module, test)))
        if not nvalint.sources(path):
            nvalint.complain(f"{DOC}:{line}", f"no such file: {path}")
        elif not re.search(pattern, nvalint.read(path), re.M):
            nvalint.complain(f"{DOC}:{line}", f"{path} has no {test}")
if not found:
    nvalint.complain(DOC, "names no test")
nvalint.finish()

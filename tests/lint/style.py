#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No tabs, trailing blanks or lines over 79 columns in C; the SPDX line on
top of every source."""

import re

import nvalint

SPDX = "SPDX-License-Identifier: Apache-2.0"
DIRS = "lib controller utilities tests build-aux m4".split()

c_files = nvalint.sources(*(f"{d}/**/*.[ch]" for d in DIRS))
scripts = nvalint.sources(
    "configure.ac", "Makefile.am", "*/automake.mk", "m4/nva.m4",
    "quickstart", ".ci/run", "build-aux/git-version", "utilities/nva-demo",
    "utilities/nva-sandbox",
    *(f"{d}/**/*.{e}" for d in DIRS for e in ("py", "sh")))

for path in c_files:
    text = nvalint.read(path)
    if not text.endswith("\n"):
        nvalint.complain(path, "no newline at the end")
    for n, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            nvalint.complain(f"{path}:{n}", "tab")
        if re.search(r"\s$", line):
            nvalint.complain(f"{path}:{n}", "trailing blank")
        if len(line) > 79:
            nvalint.complain(f"{path}:{n}", "over 79 columns")
    if not text.startswith(f"/* {SPDX} */\n"):
        nvalint.complain(path, "no SPDX line on top")
for path in scripts:
    if SPDX not in "".join(nvalint.read(path).splitlines()[:2]):
        nvalint.complain(path, "no SPDX line on top")
nvalint.finish()

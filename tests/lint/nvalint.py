# SPDX-License-Identifier: Apache-2.0
"""What the lints share: finding sources, complaining, compiling plainly.

Each lint takes the root of a tree as its only argument (default: NVA_SRCDIR,
else the tree it stands in), prints one line for each violation and exits 1 if
there was any.  planted.py proves each on a tree with a violation in it.
"""

import glob
import os
import re
import shlex
import shutil
import sys

_complaints = 0


def root():
    if len(sys.argv) > 1:
        return sys.argv[1]
    here = os.path.dirname(os.path.realpath(__file__))
    return os.environ.get("NVA_SRCDIR") or os.path.join(here, "..", "..")


def sources(*patterns):
    """Paths below root(), relative to it."""
    top = root()
    return sorted({os.path.relpath(p, top) for pattern in patterns
                   for p in glob.glob(os.path.join(top, pattern),
                                      recursive=True)})


def read(path):
    with open(os.path.join(root(), path), encoding="utf-8") as f:
        return f.read()


def code(path):
    """The text of a C file with comments and strings blanked, except the
    strings of #include lines."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group())
    text = re.sub(r"/\*.*?\*/|//[^\n]*", blank, read(path), flags=re.S)
    return "\n".join(
        line if re.match(r"\s*#\s*include", line)
        else re.sub(r'"(\\.|[^"\\\n])*"', '""', line)
        for line in text.split("\n"))


def complain(where, what):
    global _complaints
    _complaints += 1
    print(f"{where}: {what}")


def finish():
    sys.exit(1 if _complaints else 0)


def need(program):
    """Skips the lint without 'program'; in CI that is a failure."""
    if not shutil.which(program):
        print(f"{program} is missing")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)


def cpp_flags():
    """As in Makefile.am."""
    top = root()
    ovs = os.environ.get("OVS_CPPFLAGS")
    if not ovs:
        sys.exit("OVS_CPPFLAGS is not set: run this by 'make check'")
    flags = ["-std=gnu11", '-DNVA_VERSION="0"', f'-DNVA_SRCDIR="{top}"']
    for d in ("", "lib", "controller", "utilities", "tests/support"):
        flags += ["-iquote", os.path.join(top, d)]
    return flags + shlex.split(ovs)


def compiler():
    return os.environ.get("CC", "cc").split()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is in the folders is in the tarball: each file that a person wrote is
named in Makefile.am or in an automake.mk."""

import glob
import os
import re

import nvalint

FILES = ("docs/**/*", "lib/*", "controller/*", "utilities/**/*", "tests/**/*",
         "ovs-patches/*")
# The corpus goes as a whole.
ELSEWHERE = r"(^tests/fuzz/corpus/.*|/automake\.mk|\.pyc|~|\.orig|\.rej)$"

top = nvalint.root()
makefiles = ["Makefile.am", *glob.glob("**/automake.mk", root_dir=top,
                                       recursive=True)]
named = set()
for makefile in makefiles:
    if not makefile.startswith("build"):
        named.update(re.findall(r"[\w./+-]+", nvalint.read(makefile)))
for pattern in FILES:
    for path in glob.glob(pattern, root_dir=top, recursive=True):
        if (path not in named and not re.search(ELSEWHERE, path)
                and not os.path.isdir(os.path.join(top, path))):
            nvalint.complain(path, "is in no automake.mk")
nvalint.finish()

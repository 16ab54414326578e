#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone."""

import os
import subprocess

import nvalint

for path in nvalint.sources("lib/*.h", "controller/*.h", "utilities/*.h",
                            "tests/**/*.h"):
    done = subprocess.run(
        nvalint.compiler() + nvalint.cpp_flags()
        + ["-fsyntax-only", "-x", "c",
           os.path.join(nvalint.root(), path)], check=False)
    if done.returncode:
        nvalint.complain(path, "does not compile alone")
nvalint.finish()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""shellcheck has nothing to say about the shell scripts."""

import os
import subprocess

import nvalint

nvalint.need("shellcheck")
scripts = [p for p in nvalint.sources(
    "quickstart", ".ci/run", "build-aux/git-version", "utilities/*",
    "tests/**/*.sh")
    if os.path.isfile(os.path.join(nvalint.root(), p))
    and nvalint.read(p).startswith(("#!/bin/sh", "#!/bin/bash"))]
for path in scripts:
    if subprocess.run(["shellcheck", os.path.join(nvalint.root(), path)],
                      check=False).returncode:
        nvalint.complain(path, "shellcheck complains")
nvalint.finish()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libopenvswitch-nva.a and jansson export no symbol of the same name: what
both had would crash at the first call.  NVA_LINT_OVS_LIB names another
archive."""

import os
import subprocess

import nvalint


def exported(option, path):
    out = subprocess.run(["nm", "-P", option, "--defined-only", path],
                         check=True, text=True, capture_output=True).stdout
    return {line.split()[0].split("@")[0] for line in out.splitlines()
            if len(line.split()) > 1}


library = os.environ.get("NVA_LINT_OVS_LIB") or os.path.join(
    os.environ["OVS_DIR"], "lib", "libopenvswitch-nva.a")
jansson = subprocess.run(
    nvalint.compiler() + ["-print-file-name=libjansson.so"], check=True,
    text=True, capture_output=True).stdout.strip()
ours, theirs = exported("-g", library), exported("-D", jansson)
if not ours or not theirs:
    nvalint.complain(library, "nm finds no symbols")
for symbol in sorted(ours & theirs):
    nvalint.complain(library, f"{symbol} is jansson's, too")
nvalint.finish()

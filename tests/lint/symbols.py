#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The brain needs nothing from outside but allowed-symbols.txt, and keeps no
state of its own: a plain build of lib/ has no other undefined symbol, and no
.data, .bss, .tdata or .tbss.

With --print, prints the symbols that are needed: the stuff of which the list
is made, to be reviewed."""

import os
import re
import subprocess
import sys
import tempfile

import nvalint

printing = "--print" in sys.argv
if printing:
    sys.argv.remove("--print")

FLAGS = ["-O1", "-fPIE", "-U_FORTIFY_SOURCE", "-fno-stack-protector",
         "-fno-sanitize=all", "-w", "-c"]


def compile_all(directory):
    objects = []
    for path in nvalint.sources("lib/*.c"):
        obj = os.path.join(directory, os.path.basename(path)[:-2] + ".o")
        done = subprocess.run(
            nvalint.compiler() + FLAGS + nvalint.cpp_flags()
            + ["-o", obj, os.path.join(nvalint.root(), path)],
            check=False)
        if done.returncode:
            nvalint.complain(path, "does not compile")
        else:
            objects.append((path, obj))
    return objects


def nm(option, obj):
    out = subprocess.run(["nm", "-P", option, obj], check=True, text=True,
                         capture_output=True).stdout
    return {line.split()[0] for line in out.splitlines() if line}


def writable_sections(obj):
    out = subprocess.run(["size", "-A", obj], check=True, text=True,
                         capture_output=True).stdout
    for name, size in re.findall(r"^(\.\S+)\s+(\d+)", out, re.M):
        if (re.match(r"\.t?(data|bss)(\.|$)", name)
                and not name.startswith(".data.rel.ro") and int(size)):
            yield name, size


with tempfile.TemporaryDirectory(prefix="nva-lint-") as tmp:
    built = compile_all(tmp)
    defined = set().union(*(nm("--defined-only", o) for _, o in built))
    needed = {p: nm("-u", o) - defined - {"_GLOBAL_OFFSET_TABLE_"}
              for p, o in built}
    sections = {p: list(writable_sections(o)) for p, o in built}

if printing:
    print("\n".join(sorted(set().union(*needed.values()))))
    sys.exit(0)

allowed = {line.split("#")[0].strip() for line in
           nvalint.read("tests/lint/allowed-symbols.txt").split("\n")}
for source, symbols in needed.items():
    for symbol in sorted(symbols - allowed):
        nvalint.complain(source, f"needs {symbol}, which is not in "
                                 "tests/lint/allowed-symbols.txt")
for source, found in sections.items():
    for section, length in found:
        nvalint.complain(source, f"keeps {length} bytes of state in "
                                 f"{section}")
nvalint.finish()

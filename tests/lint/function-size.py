#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Functions of at most 60 lines, 6 parameters and nesting 3, as .clang-tidy
says.  At most five in the tree are excepted, each with its reason:

    /* NOLINTNEXTLINE(readability-function-size): because ... */
"""

import concurrent.futures
import os
import re
import subprocess

import nvalint

EXCEPTIONS = 5

nvalint.need("clang-tidy")
files = nvalint.sources("lib/*.[ch]", "controller/*.[ch]",
                        "utilities/*.[ch]", "tests/**/*.[ch]")

exceptions = []
for path in files:
    for n, text in enumerate(nvalint.read(path).split("\n"), 1):
        if "NOLINT" not in text:
            continue
        exceptions.append(f"{path}:{n}")
        if not re.search(r"NOLINT(NEXTLINE)?\(readability-function-size\): "
                         r"\S+", text):
            nvalint.complain(f"{path}:{n}", "NOLINT without its reason")
if len(exceptions) > EXCEPTIONS:
    nvalint.complain(" ".join(exceptions),
                     f"more than {EXCEPTIONS} exceptions")


def tidy(path):
    top = nvalint.root()
    config = os.path.join(top, ".clang-tidy")
    return path, subprocess.run(
        ["clang-tidy", "--quiet", f"--config-file={config}",
         f"--header-filter={re.escape(os.path.realpath(top))}/.*",
         os.path.join(os.path.realpath(top), path), "--"]
        + nvalint.cpp_flags() + ["-w"],
        check=False, text=True, capture_output=True)


with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for path, done in pool.map(tidy, [f for f in files if f[-1] == "c"]):
        if done.returncode:
            nvalint.complain(path, "clang-tidy says:\n" + done.stdout
                             + ("" if done.stdout else done.stderr))
nvalint.finish()

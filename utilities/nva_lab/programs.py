# SPDX-License-Identifier: Apache-2.0
"""Where our programs are, and how they are run."""

import os
import shutil

UTILITIES = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
TREE = os.path.dirname(UTILITIES)


class Missing(Exception):
    """A program that is not built."""


def find(name):
    """The environment (NVAD, NVA_MEASURE, ..., or NVA_BUILD for all), the
    tree's build directory, beside us, or the path."""
    places = [os.environ.get(name.upper().replace("-", "_"), "")]
    for build in (os.environ.get("NVA_BUILD"), os.path.join(TREE, "build")):
        if build:
            places += [os.path.join(build, name),
                       os.path.join(build, "utilities", name)]
    places += [os.path.join(UTILITIES, name), shutil.which(name) or ""]
    for path in places:
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.realpath(path)
    raise Missing(f"{name} is not built: run ./quickstart build, or set "
                  "NVA_BUILD to the build directory")


def realtime():
    """We and all that we start run before everything else (SCHED_FIFO): what
    else the machine does is not measured."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Finds a short form of a schedule that fails.

usage: shrink.py PROGRAM SEED

Leaves out one step after another as long as the schedule still fails with the
same last words, then prints the trace of what is left and how to replay it.
"""

import os
import subprocess
import sys

STEPS = 40


def run(program, seed, skip):
    """The trace of a run that fails, else None."""
    env = dict(os.environ, NVA_PROP_SEED=seed,
               NVA_PROP_SKIP=",".join(map(str, sorted(skip))))
    done = subprocess.run([program], env=env, capture_output=True, text=True,
                          check=False)
    return done.stderr if done.returncode else None


def last_words(trace):
    """What went wrong, without the time."""
    lines = [l for l in trace.splitlines() if not l.startswith("replay")]
    return lines[-1].split(" ms  ")[-1] if lines else ""


def main(program, seed):
    skip = set()
    trace = run(program, seed, skip)
    if trace is None:
        sys.exit(f"seed {seed} does not fail")
    words = last_words(trace)
    for size in (8, 4, 2, 1, 1):
        for first in range(0, STEPS, size):
            more = skip | set(range(first, min(first + size, STEPS)))
            shorter = run(program, seed, more) if more != skip else None
            if shorter is not None and last_words(shorter) == words:
                skip, trace = more, shorter
    print(trace + "with NVA_PROP_SKIP=" + ",".join(map(str, sorted(skip))))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    main(*sys.argv[1:])

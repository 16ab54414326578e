#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what "make check" and the system ring found, one line for each ring.

usage: summary.py TESTS-DIR[:TESTS-DIR...] JUNIT-XML [REASON]

TESTS-DIR holds automake's .trs and .log files, one directory for each ring;
each build that ran tests has one.
JUNIT-XML is pytest's report on the system ring; REASON says why there is
none.  With CI=true in the environment a system ring that cannot run counts as
failed.  The last line is "N passed, N failed, N skipped"; exit status 1 if
anything failed.
"""

import glob
import os
import re
import sys
import xml.etree.ElementTree as ET

RINGS = ("unit", "scenarios", "prop", "fuzz", "lint")
SCHEDULES = re.compile(r"^(\d+) schedules$", re.M)
CHECKS = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$",
                    re.M)


def count_program(trs):
    """Passed, failed, skipped of one program of automake's harness."""
    with open(trs, encoding="utf-8", errors="replace") as f:
        results = re.findall(r"^:test-result: (\w+)", f.read(), re.M)
    result = results[-1] if results else "ERROR"
    if result == "SKIP":
        return 0, 0, 1
    try:
        with open(trs[:-4] + ".log", encoding="utf-8",
                  errors="replace") as f:
            counts = CHECKS.findall(f.read())
    except OSError:
        counts = []
    passed = sum(int(n) - int(f) - int(e) for n, f, e in counts)
    failed = sum(int(f) + int(e) for _, f, e in counts)
    if result == "PASS":
        return passed or int(not counts), failed, 0
    # Failed without a failed check: crashed, or leaked at the end.
    return passed, failed or 1, 0


def count_schedules(logs):
    """How many random schedules the programs with these logs ran."""
    total = 0
    for log in logs:
        with open(log, encoding="utf-8", errors="replace") as f:
            total += sum(map(int, SCHEDULES.findall(f.read())))
    return total


def count_system(xml, why):
    """Passed, failed, skipped of the system ring, and a remark."""
    if why:
        if os.environ.get("CI") == "true":
            return 0, 1, 0, f"  (cannot run, and CI needs it: {why})"
        return 0, 0, 1, f"  (skipped: {why})"
    try:
        suites = list(ET.parse(xml).getroot().iter("testsuite"))
    except (OSError, ET.ParseError) as e:
        return 0, 1, 0, f"  (no report: {e})"
    total, failed, skipped = (
        sum(int(s.get(k, 0)) for s in suites for k in keys)
        for keys in (("tests",), ("failures", "errors"), ("skipped",)))
    if not total:
        return 0, 1, 0, "  (no test ran)"
    return max(0, total - failed - skipped), failed, skipped, ""


def main(tests_dirs, xml, why=""):
    rows = []
    for ring in RINGS:
        trs = [t for d in tests_dirs.split(":")
               for t in glob.glob(os.path.join(d, ring, "*.trs"))]
        counts = [count_program(t) for t in trs]
        n = count_schedules(t[:-4] + ".log" for t in trs)
        rows.append((ring, *(sum(c) for c in zip(*counts)),
                     f"  ({n} schedules)" if n else "")
                    if counts else (ring, 0, 1, 0, "  (not one test ran)"))
    rows.append(("system", *count_system(xml, why)))
    print()
    for ring, passed, failed, skipped, remark in rows:
        print(f"{ring:<10} {passed:>6} passed {failed:>4} failed "
              f"{skipped:>4} skipped{remark}")
    passed, failed, skipped = (sum(r[i] for r in rows) for i in (1, 2, 3))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

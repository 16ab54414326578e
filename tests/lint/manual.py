#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/nvactl.8 explains each word with which a call is refused, and each state
of a move: those of the tables of lib/."""

import re

import nvalint

TABLES = (("lib/nva-types.h", "NVA_REASONS_REGISTRY", "REFUSALS"),
          ("lib/delta.h", "NVA_MOVE_STATES", "States of a move"))
MANUAL = "docs/nvactl.8"


def words(path, table):
    """Those of an X-macro: the first string of each row."""
    text = re.search(rf"#define {table}\b(.*?[^\\])\n", nvalint.read(path),
                     re.S)
    return re.findall(r'X\(\w+,\s*"(\w+)"', text[1]) if text else []


manual = nvalint.read(MANUAL)
for path, table, section in TABLES:
    body = re.search(rf'^\.S[HS] "?{section}"?\n(.*?)(?=^\.S[HS] )', manual,
                     re.S | re.M)
    known = words(path, table)
    if not body or not known:
        nvalint.complain(MANUAL, f"no section {section}, or no {table}")
        continue
    for word in known:
        if not re.search(rf"^\.BR? .*\b{word}\b", body[1], re.M):
            nvalint.complain(MANUAL, f"{section} lacks {word} of {path}")
nvalint.finish()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may touch the outside world: each fence names what it keeps in, the
modules that may use it, and where it stands."""

import re

import nvalint

FENCES = (
    ("libevent",
     r"<event2?[./]|\bevbuffer|\bbufferevent|\bevhttp|\bevconnlistener"
     r"|\bevent_base|\bevutil_",
     {"controller/ovs-loop", "controller/descriptors",
      "controller/of-server", "controller/http-server", "controller/nvad"},
     "lib controller"),
    ("jansson", r"<jansson\.h>|\bjson_t\b",
     {"lib/api-json", "lib/api-json-inventory", "lib/api-json-list",
      "lib/api-json-read", "lib/api-json-show"},
     "lib controller"),
    ("ofputil_*", r"\bofputil_", {"lib/of-codec", "lib/pipeline"},
     "lib controller"),
    ("logging",
     r"\bVLOG_|\bvlog_|openvswitch/vlog\.h|\bf?printf\s*\(|\bputs\s*\("
     r"|\bsyslog\b|\bstd(out|err)\b",
     set(), "lib"),
    ("a clock",
     r"\btime_(msec|usec|now|wall\w*)\b|\bclock_gettime\b|\bgettimeofday\b"
     r"|\btime\s*\(|<time\.h>|<sys/time\.h>|\"(openvswitch/)?timeval\.h\"",
     set(), "lib"),
    ("random numbers", r"\brandom_\w+|\bs?rand\w*\s*\(|\bgetrandom\b", set(),
     "lib"),
    ("the environment", r"\bgetenv\b|\benviron\b", set(), "lib"),
)

for name, pattern, inside, where in FENCES:
    patterns = [f"{d}/*.[ch]" for d in where.split()]
    for path in nvalint.sources(*patterns):
        if path[:-2] in inside:
            continue
        for line, text in enumerate(nvalint.code(path).split("\n"), 1):
            m = re.search(pattern, text)
            if m:
                nvalint.complain(f"{path}:{line}",
                                 f"{name} is not for here: {m.group()}")
nvalint.finish()

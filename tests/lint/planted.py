#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each lint passes on a small clean tree, and fails, for the right reason, on
the same tree with a violation planted in it."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
SPDX = "SPDX-License-Identifier: Apache-2.0"

# A tree that every lint likes.
CLEAN = {
    "lib/nva-types.h": f"""/* {SPDX} */

#ifndef NVA_TYPES_H
#define NVA_TYPES_H 1
int nva_twice(int);
#define NVA_REASONS_REGISTRY X(ODD, "odd", "not even")
#endif
""",
    "lib/delta.h": f"""/* {SPDX} */

#ifndef DELTA_H
#define DELTA_H 1
#define NVA_MOVE_STATES X(HERE, "here")
#endif
""",
    "lib/nva-types.c": f"""/* {SPDX} */

#include "nva-types.h"

int
nva_twice(int x)
{{
    return 2 * x;
}}
""",
    "lib/frame.h": f"""/* {SPDX} */

#ifndef FRAME_H
#define FRAME_H 1
#include "nva-types.h"
#endif
""",
    "controller/nvad.c": f"""/* {SPDX} */

#include "nva-types.h"
""",
    "tests/lint/modules.txt": "lib/nva-types\nlib/delta\nlib/frame\ncontroller/nvad\n",
    "tests/lint/allowed-symbols.txt": "memcpy\n",
    "docs/architecture.md": "`lib/nva-types.c:nva_twice`\n",
    "docs/nvactl.8": """.SH REFUSALS
.B odd
.SS "States of a move"
.B here
.SH END
""",
    "docs/conformance.md": "`system/twice:test_twice`\n",
    "tests/system/test_twice.py": f"# {SPDX}\n\n\ndef test_twice():\n",
    "quickstart": f"#!/bin/sh\n# {SPDX}\nset -eu\n",
}

TYPES = CLEAN["lib/nva-types.c"]
MANUAL = CLEAN["docs/nvactl.8"]


def deep(n):
    return "".join("if (x > %d) {\n" % i for i in range(n)) + "x--;" + "}" * n


def function(params, body):
    return (f"{TYPES}\nint nva_more({params});\nint\nnva_more({params})\n"
            f"{{\n{body}\n    return x;\n}}\n")


def exceptions(n, reason):
    line = f"/* NOLINTNEXTLINE(readability-function-size){reason} */\n"
    return TYPES + line * n


def outside(line):
    return TYPES + line + "\n"


# (lint, file to plant, its content, words of the complaint)
PLANTED = (
    ("modules", "lib/nva-types.c", outside('#include "frame.h"'),
     "stands later"),
    ("modules", "lib/nva-types.c", outside('#include "lib/frame.h"'),
     "stands later"),
    ("modules", "lib/stray.c", TYPES, "not in tests/lint/modules.txt"),
    ("modules", "tests/lint/modules.txt",
     CLEAN["tests/lint/modules.txt"] + "lib/ghost\n", "no such file"),
    ("fences", "lib/nva-types.c", outside("#include <event2/event.h>"),
     "libevent"),
    ("fences", "lib/nva-types.c", outside("#include <jansson.h>"),
     "jansson"),
    ("fences", "controller/dispatch.c", outside("struct ofputil_match m;"),
     "ofputil_"),
    ("fences", "lib/nva-types.c", outside("VLOG_DEFINE_THIS_MODULE(x);"),
     "logging"),
    ("fences", "lib/nva-types.c", outside("long t = time_msec();"),
     "a clock"),
    ("fences", "lib/nva-types.c", outside("int r = random_range(2);"),
     "random"),
    ("fences", "lib/nva-types.c", outside('char *e = getenv("X");'),
     "environment"),
    ("symbols", "lib/nva-types.c",
     outside("int usleep(unsigned); int nva_z(void);\n"
             "int nva_z(void) { return usleep(1); }"), "needs usleep"),
    ("symbols", "lib/nva-types.c",
     outside("int nva_counter; "), "state in .bss"),
    ("symbols", "lib/nva-types.c",
     outside("int nva_counter = 3;"), "state in .data"),
    ("symbols", "lib/nva-types.c",
     outside("__thread int nva_counter = 3;"), "state in .tdata"),
    ("symbols", "lib/nva-types.c",
     outside("__thread int nva_counter;"), "state in .tbss"),
    ("headers", "lib/frame.h",
     CLEAN["lib/frame.h"] + "struct nobody { struct none x; };\n",
     "does not compile alone"),
    ("function-size", "lib/nva-types.c",
     function("int x", "    x++;\n" * 61), "exceeds recommended size"),
    ("function-size", "lib/nva-types.c",
     function("int x, int b, int c, int d, int e, int f, int g",
              "(void) b; (void) c; (void) d; (void) e; (void) f; (void) g;"),
     "exceeds recommended size"),
    ("function-size", "lib/nva-types.c", function("int x", deep(5)),
     "exceeds recommended size"),
    ("function-size", "lib/nva-types.c", exceptions(1, ""),
     "without its reason"),
    ("function-size", "lib/nva-types.c", exceptions(6, ": a test"),
     "more than 5"),
    ("architecture", "docs/architecture.md", "`nva-types:nva_thrice`\n",
     "does not define"),
    ("architecture", "docs/architecture.md", "`lib/gone.c:nva_twice`\n",
     "no such file"),
    ("architecture", "docs/architecture.md", "nothing\n", "names no"),
    ("architecture", "docs/architecture.md", None, "is missing"),
    ("conformance", "docs/conformance.md", "`system/twice:thrice`\n",
     "has no thrice"),
    ("conformance", "docs/conformance.md", "`system/gone:test_twice`\n",
     "no such file"),
    ("conformance", "docs/conformance.md", "nothing\n", "names no test"),
    ("manual", "docs/nvactl.8", MANUAL.replace("odd", "even"), "lacks odd"),
    ("style", "lib/nva-types.c", outside("\tint x;"), "tab"),
    ("style", "lib/nva-types.c", outside("int x; "), "trailing blank"),
    ("style", "lib/nva-types.c", outside("/* " + "x" * 80 + " */"),
     "79 columns"),
    ("style", "lib/nva-types.c", "int x;\n", "no SPDX"),
    ("style", "quickstart", "#!/bin/sh\n", "no SPDX"),
    ("shell", "quickstart", CLEAN["quickstart"] + "cd $1\nls $2\n",
     "shellcheck complains"),
)


def run(lint, tree, env=None):
    return subprocess.run(
        ["/usr/bin/python3", "-B", os.path.join(HERE, lint + ".py"), tree],
        check=False, text=True, env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def make_tree(tree, change=None):
    for path, text in {**CLEAN, **(change or {})}.items():
        if text is None:
            continue
        os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
        with open(os.path.join(tree, path), "w", encoding="utf-8") as f:
            f.write(text)
    shutil.copy(os.path.join(HERE, "..", "..", ".clang-tidy"), tree)


def judge(name, done, status, words):
    if done.returncode == status and words in done.stdout:
        return True
    if done.returncode == 77:
        print(f"{name}: skipped: {done.stdout.strip()}")
        return True
    print(f"{name}: exit status {done.returncode}, not {status}; wanted "
          f"{words!r} in:\n{done.stdout}")
    return False


def shared_symbol(tmp):
    """An archive that exports a name of jansson's."""
    source = os.path.join(tmp, "planted.c")
    with open(source, "w", encoding="utf-8") as f:
        f.write("void json_object(void);\nvoid json_object(void) {}\n")
    obj = os.path.join(tmp, "planted.o")
    subprocess.run(os.environ.get("CC", "cc").split()
                   + ["-fno-sanitize=all", "-c", "-o", obj, source],
                   check=True)
    return run("shared-symbols", tmp, {"NVA_LINT_OVS_LIB": obj})


def main():
    results = []
    with tempfile.TemporaryDirectory(prefix="nva-planted-") as tmp:
        clean = os.path.join(tmp, "clean")
        os.mkdir(clean)
        make_tree(clean)
        for lint in sorted({p[0] for p in PLANTED}):
            results.append(judge(f"{lint}, clean", run(lint, clean), 0, ""))
        for i, (lint, path, text, words) in enumerate(PLANTED):
            tree = os.path.join(tmp, str(i))
            os.mkdir(tree)
            make_tree(tree, {path: text})
            results.append(judge(f"{lint}, {path}, {words}",
                                 run(lint, tree), 1, words))
        results.append(judge("shared-symbols", shared_symbol(tmp), 1,
                             "json_object is jansson's"))
    bad = results.count(False)
    print(f"{100 * (len(results) - bad) // len(results)}%: "
          f"Checks: {len(results)}, Failures: {bad}, Errors: 0")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

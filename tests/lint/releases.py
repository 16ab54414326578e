#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What configure accepts of Open vSwitch, the compiler does: NVA_CHECK_OVS
and controller/ovs-compat.h are put before the declarations of each release,
and before one of no release.  README.md's table has the releases of m4."""

import os
import re
import subprocess
import tempfile

import nvalint

CONFIGURE = """AC_INIT([probe], [0])
m4_include([{m4}])
AC_PROG_CC
NVA_CHECK_OVS
AC_CONFIG_FILES([flags])
AC_OUTPUT
"""

POLL = "int time_poll(struct pollfd *, int n_pollfds, %slong long int when,\
 int *);"
ONE, TWO = "void daemonize_start(bool a);", "void daemonize_start(bool, bool);"
NEW = "void daemonize_start(int flags);"

# (version, declaration in daemon.h, in timeval.h, words of configure)
RELEASES = (
    ("3.1.0", ONE, POLL % "HANDLE *, ", ""),
    ("3.7.1", TWO, POLL % "HANDLE *, ", ""),
    ("4.0.90", TWO, POLL % "", ""),
    ("9.8.7", TWO, POLL % "", "Open vSwitch 9.8.7 was not tried"),
    ("9.8.7", NEW, POLL % "", "daemonize_start() of this Open vSwitch"),
    ("9.8.7", TWO, "", "time_poll() of this Open vSwitch"),
)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def fake_ovs(top, version, start, poll):
    """What NVA_CHECK_OVS and ovs-compat.h read of a built Open vSwitch."""
    write(f"{top}/config.h", f'#define PACKAGE_VERSION "{version}"\n'
          "#include <stdbool.h>\ntypedef void *HANDLE;\n")
    write(f"{top}/lib/libopenvswitch-nva.a", "")
    write(f"{top}/lib/daemon.h", start + "\n")
    write(f"{top}/lib/timeval.h", "struct pollfd;\n" + poll + "\n")


def run(command, where):
    return subprocess.run(command, cwd=where, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def check_release(scratch, version, start, poll, words):
    ovs = os.path.join(scratch, "ovs")
    fake_ovs(ovs, version, start, poll)
    out = run(["sh", "configure", "-C", f"--with-ovs={ovs}"], scratch)
    refused = words and "not tried" not in words
    name = f"Open vSwitch {version}, {start} {poll}"
    if bool(out.returncode) != bool(refused):
        nvalint.complain(name, f"configure says\n{out.stdout}")
    if words not in out.stdout or not words and "WARNING" in out.stdout:
        nvalint.complain(name, f"no '{words}' in\n{out.stdout}")
    if refused:
        return
    with open(f"{scratch}/flags", encoding="utf-8") as f:
        flags = f.read().split()
    out = run(nvalint.compiler() + flags + [
        "-Werror", "-Wno-strict-prototypes", "-fsyntax-only", "-x", "c",
        os.path.join(nvalint.root(), "controller", "ovs-compat.h")], scratch)
    if out.returncode:
        nvalint.complain(name, f"configure accepts, the compiler says\n"
                         f"{out.stdout}")


def check_configure():
    m4 = os.path.realpath(os.path.join(nvalint.root(), "m4", "nva.m4"))
    with tempfile.TemporaryDirectory() as scratch:
        write(f"{scratch}/configure.ac", CONFIGURE.format(m4=m4))
        write(f"{scratch}/flags.in", "@OVS_CPPFLAGS@\n")
        out = run(["autoconf"], scratch)
        if out.returncode:
            nvalint.complain(m4, out.stdout)
            return
        for release in RELEASES:
            check_release(scratch, *release)


def check_table():
    m4 = re.search(r"m4_define\(\[NVA_OVS_TRIED\], \[([^]]*)\]\)",
                   nvalint.read("m4/nva.m4")).group(1).split()
    table = re.findall(r"^\| `?(?:v|branch-)?(\d+\.\d+)[^|]*\|",
                       nvalint.read("README.md"), re.M)
    if sorted(set(table)) != sorted(m4):
        nvalint.complain("README.md", f"has the releases {table}, "
                         f"m4/nva.m4 {m4}")


nvalint.need("autoconf")
check_table()
check_configure()
nvalint.finish()

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds libopenvswitch from Debian's package openvswitch-source, once, in a
# cache outside the source tree, and prints the directory that
# "./configure --with-ovs=DIR" takes.  Everything else goes to stderr.
#
# There is no libopenvswitch-dev: the package holds the whole tree of Open
# vSwitch, of which only the library is built (about 40 s on two cores).
#
# libopenvswitch and jansson export functions of the same names
# (json_object() and others).  A program that links both crashes at the first
# call, so next to lib/.libs/libopenvswitch.a stands
# lib/libopenvswitch-nva.a, a copy with every such name prefixed by "ovs_".
#
# Safe when several run at once: one builds, the others wait for it.
#
# Environment: OVS_NVA_CACHE  directory to build in
#                             (default ${XDG_CACHE_HOME:-~/.cache}/ovs-nva)
#              OVS_TARBALL    the source, if not the package's: a release, or
#                             "git archive" of the repository (then it needs
#                             autoconf, automake and libtool, too)
set -eu

tarball=${OVS_TARBALL:-/usr/src/openvswitch/openvswitch.tar.gz}
recipe=1                # Raise this when the recipe below changes.

die() {
    echo "build-ovs.sh: $*" >&2
    exit 1
}

# Global symbols that libopenvswitch.a ($1) defines and jansson defines, too.
shared_symbols() {
    nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' | sort -u >ovs.sym
    jansson=$(${CC:-cc} -print-file-name=libjansson.so)
    test -e "$jansson" || die "libjansson is missing: install libjansson-dev"
    nm -D --defined-only "$jansson" \
        | awk 'NF == 3 { sub(/@.*/, "", $3); print $3 }' | sort -u >jansson.sym
    comm -12 ovs.sym jansson.sym
}

# Builds the library in the present directory, an unpacked tree.
build() {
    # The directories are Debian's, so that "ovs-appctl -t nvad" finds nvad's
    # control socket.  Features that nvad does not use yet stay off: fewer
    # libraries to link.  What comes from the repository has no "configure".
    test -x configure || ./boot.sh || return
    PYTHON3=/usr/bin/python3 CFLAGS="-O2 -g -fPIC -fstack-protector-strong" \
        ./configure --prefix=/usr --localstatedir=/var --sysconfdir=/etc \
        --disable-shared --disable-ssl --disable-libcapng \
        ac_cv_lib_unbound_ub_ctx_create=no || return
    # shellcheck disable=SC2016
    printf 'include Makefile\nnva-built: $(BUILT_SOURCES)\n' >nva.mk
    make -f nva.mk -j"$(nproc)" nva-built || return
    make -j"$(nproc)" lib/libopenvswitch.la || return

    shared_symbols lib/.libs/libopenvswitch.a >shared.sym || return
    sed 's/.*/& ovs_&/' shared.sym >rename.sym || return
    objcopy --redefine-syms=rename.sym \
        lib/.libs/libopenvswitch.a lib/libopenvswitch-nva.a
}

version() {
    if test -n "${OVS_TARBALL:-}"; then
        sha256sum "$OVS_TARBALL" | cut -c1-16
    else
        # shellcheck disable=SC2016
        dpkg-query -W -f '${Version}' openvswitch-source
    fi
}

test -e "$tarball" || die "$tarball is missing: install openvswitch-source"
version=$(version) || die "cannot tell the version of $tarball"
cache=${OVS_NVA_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/ovs-nva}
dir=$cache/openvswitch-$version
stamp=$dir/.built-$recipe

if test ! -e "$stamp"; then
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    if test ! -e "$stamp"; then
        echo "building libopenvswitch $version in $dir" >&2
        rm -rf "$dir"
        mkdir "$dir"
        tar -xzf "$tarball" -C "$dir" --strip-components=1
        log=$cache/openvswitch-$version.log
        # The lock is not for the children: a stray one would hold it.
        if ! (cd "$dir" && build) >"$log" 2>&1 9>&-; then
            tail -n 30 "$log" >&2
            die "building libopenvswitch failed, see $log"
        fi
        : >"$stamp"
    fi
fi
echo "$dir"

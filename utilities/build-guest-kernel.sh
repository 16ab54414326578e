#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Fetches Debian's cloud kernel, which QEMU guests of the laboratory boot, once,
# into the cache that build-ovs.sh uses, and prints the directory: vmlinuz, and
# the modules that a virtio network interface needs.  Everything else goes to
# stderr.  The package is unpacked, not installed.
#
# Safe when several run at once: one fetches, the others wait for it.
#
# Environment: OVS_NVA_CACHE  directory to keep it in
#                             (default ${XDG_CACHE_HOME:-~/.cache}/ovs-nva)
set -eu

recipe=1                # Raise this when the recipe below changes.
modules="virtio virtio_ring virtio_pci virtio_pci_modern_dev
    virtio_pci_legacy_dev failover net_failover virtio_net"

die() {
    echo "build-guest-kernel.sh: $*" >&2
    exit 1
}

# The package that holds the kernel which the meta package depends on.
newest() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null \
        | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# Leaves the package in the present directory.
download() {
    package=$(newest)
    if test -z "$package"; then
        apt-get update -qq || return
        package=$(newest)
    fi
    test -n "$package" || return
    apt-get download -qq "$package"
}

# Fills the present directory.
fetch() {
    download || return
    dpkg-deb -x linux-image-*.deb tree || return
    cp tree/boot/vmlinuz-* vmlinuz || return
    for module in $modules; do
        find tree -name "$module.ko" -exec cp {} . \; || return
        test -e "$module.ko" || return
    done
    rm -rf tree linux-image-*.deb
}

cache=${OVS_NVA_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/ovs-nva}
dir=$cache/guest-kernel
stamp=$dir/.built-$recipe

if test ! -e "$stamp"; then
    mkdir -p "$cache"
    exec 9>"$cache/lock-guest-kernel"
    flock 9
    if test ! -e "$stamp"; then
        echo "fetching Debian's cloud kernel to $dir" >&2
        rm -rf "$dir"
        mkdir "$dir"
        # The lock is not for the children: a stray one would hold it.
        (cd "$dir" && fetch) >&2 9>&- \
            || die "cannot fetch linux-image-cloud-amd64 (apt-get update?)"
        : >"$stamp"
    fi
fi
echo "$dir"

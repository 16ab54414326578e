# SPDX-License-Identifier: Apache-2.0

bin_PROGRAMS += \
	nvactl
nvactl_SOURCES = \
	utilities/nvactl-audit.c \
	utilities/nvactl-drain.c \
	utilities/nvactl-http.c \
	utilities/nvactl-move.c \
	utilities/nvactl-object.c \
	utilities/nvactl-show.c \
	utilities/nvactl.c \
	utilities/nvactl.h
nvactl_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS)
nvactl_LDADD = $(JANSSON_LIBS) $(CURL_LIBS)

# What stands in for a guest in the sandbox and counts its packets.
noinst_PROGRAMS += \
	nva-guest
nva_guest_SOURCES = \
	utilities/nva-guest.c \
	utilities/guest-frame.c \
	utilities/guest-frame.h \
	utilities/guest-tap.c \
	utilities/guest-tap.h
nva_guest_LDADD = -lpthread

noinst_PROGRAMS += \
	nva-measure
nva_measure_SOURCES = \
	utilities/nva-measure.c \
	utilities/measure-call.c \
	utilities/measure-flood.c \
	utilities/measure-flow.c \
	utilities/measure-guest.c \
	utilities/measure-report.c \
	utilities/measure-script.c \
	utilities/measure-send.c \
	utilities/measure-stream.c \
	utilities/measure.h \
	utilities/guest-frame.c \
	utilities/guest-frame.h \
	utilities/guest-tap.c \
	utilities/guest-tap.h
nva_measure_LDADD = -lpthread

# The same for guests with a kernel; alone in a QEMU guest's initramfs, so it
# is static, and of no special kind.
noinst_PROGRAMS += \
	nva-count
nva_count_SOURCES = \
	utilities/nva-count.c \
	utilities/measure.h
nva_count_CFLAGS = -std=gnu11 $(WARN_CFLAGS) $(HARDEN_CFLAGS)
nva_count_LDFLAGS = -static

dist_bin_SCRIPTS = \
	utilities/nva-sandbox \
	utilities/nva-demo

nvalabdir = $(pkgdatadir)/nva_lab
dist_nvalab_DATA = \
	utilities/nva_lab/__init__.py \
	utilities/nva_lab/bare.py \
	utilities/nva_lab/drains.py \
	utilities/nva_lab/fabric.py \
	utilities/nva_lab/guests.py \
	utilities/nva_lab/liars.py \
	utilities/nva_lab/moves.py \
	utilities/nva_lab/openflow.py \
	utilities/nva_lab/overflows.py \
	utilities/nva_lab/peers.py \
	utilities/nva_lab/programs.py \
	utilities/nva_lab/qemu.py

nvasandboxdir = $(pkgdatadir)/nva_sandbox
dist_nvasandbox_DATA = \
	utilities/nva_sandbox/__init__.py \
	utilities/nva_sandbox/cli.py \
	utilities/nva_sandbox/fabric.py \
	utilities/nva_sandbox/guests.py \
	utilities/nva_sandbox/nve.py \
	utilities/nva_sandbox/state.py \
	utilities/nva_sandbox/system.py

EXTRA_DIST += \
	utilities/build-guest-kernel.sh \
	utilities/build-ovs.sh \
	utilities/mn_nve.py

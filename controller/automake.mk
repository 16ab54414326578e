# SPDX-License-Identifier: Apache-2.0

# The body, as a library that the tests link, too.
noinst_LIBRARIES += controller/libnvad.a
controller_libnvad_a_SOURCES = \
	controller/bridges.c \
	controller/bridges.h \
	controller/cli.c \
	controller/cli.h \
	controller/config.c \
	controller/config.h \
	controller/descriptors.c \
	controller/descriptors.h \
	controller/dispatch-audit.c \
	controller/dispatch-compare.c \
	controller/dispatch-fault.c \
	controller/dispatch-hold.c \
	controller/dispatch-ops.h \
	controller/dispatch-private.h \
	controller/dispatch-program.c \
	controller/dispatch-switch.c \
	controller/dispatch.c \
	controller/dispatch.h \
	controller/http-server.c \
	controller/http-server.h \
	controller/metrics.c \
	controller/metrics.h \
	controller/note-log.c \
	controller/note-log.h \
	controller/of-server.c \
	controller/of-server.h \
	controller/ovs-compat.h \
	controller/ovs-loop.c \
	controller/ovs-loop.h \
	controller/peers.c \
	controller/peers.h
controller_libnvad_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)

# libnvad.a before Open vSwitch: ovs-loop replaces its poll loop.
NVAD_LIBS = \
	controller/libnvad.a \
	lib/libnva.a \
	$(OVS_LIBS) \
	$(EVENT_LIBS) \
	$(JANSSON_LIBS)

bin_PROGRAMS += nvad
nvad_SOURCES = controller/nvad.c
nvad_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
nvad_LDADD = $(NVAD_LIBS)

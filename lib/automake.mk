# SPDX-License-Identifier: Apache-2.0

# The brain: values in, values out.
noinst_LIBRARIES += lib/libnva.a
lib_libnva_a_SOURCES = \
	lib/admission.c \
	lib/admission.h \
	lib/api-facts.h \
	lib/api-json-read.c \
	lib/api-json-read.h \
	lib/api-json-show.c \
	lib/api-json-show.h \
	lib/api-json.c \
	lib/api-json.h \
	lib/binding.c \
	lib/binding.h \
	lib/classify.c \
	lib/classify.h \
	lib/converge.c \
	lib/converge.h \
	lib/delta.c \
	lib/delta.h \
	lib/directory-check.c \
	lib/directory-index.c \
	lib/directory-private.h \
	lib/directory-query.c \
	lib/directory-spread.c \
	lib/directory.c \
	lib/directory.h \
	lib/drain.c \
	lib/drain.h \
	lib/event.c \
	lib/event.h \
	lib/fabric.c \
	lib/fabric.h \
	lib/flow-prog.c \
	lib/flow-prog.h \
	lib/flow-set.c \
	lib/flow-set.h \
	lib/frame.c \
	lib/frame.h \
	lib/intent.c \
	lib/intent.h \
	lib/mobility-private.h \
	lib/mobility-request.c \
	lib/mobility-state.c \
	lib/mobility-switch.c \
	lib/mobility-timer.c \
	lib/mobility.c \
	lib/mobility.h \
	lib/move-fsm.c \
	lib/move-fsm.h \
	lib/nva-types.c \
	lib/nva-types.h \
	lib/of-codec.c \
	lib/of-codec.h \
	lib/of-session.c \
	lib/of-session.h \
	lib/pipeline.c \
	lib/pipeline.h \
	lib/redirect.c \
	lib/redirect.h \
	lib/registry-private.h \
	lib/registry-vm.c \
	lib/registry-want.c \
	lib/registry.c \
	lib/registry.h \
	lib/relocate.c \
	lib/relocate.h \
	lib/responder.c \
	lib/responder.h \
	lib/step.h \
	lib/story.c \
	lib/story.h \
	lib/vm-fsm.c \
	lib/vm-fsm.h
lib_libnva_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)

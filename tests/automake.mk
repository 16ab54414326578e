# SPDX-License-Identifier: Apache-2.0

# Rings: unit, scenarios, prop, fuzz and lint here; system needs root and
# runs from ./quickstart check.

AM_TESTS_ENVIRONMENT = \
	CC='$(CC)'; export CC; \
	NVA_SRCDIR='$(abs_top_srcdir)'; export NVA_SRCDIR; \
	NVA_BUILD='$(abs_top_builddir)'; export NVA_BUILD; \
	OVS_DIR='$(OVS_DIR)'; export OVS_DIR; \
	OVS_CPPFLAGS='$(OVS_CPPFLAGS)'; export OVS_CPPFLAGS;

TEST_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-iquote $(top_srcdir)/tests/support \
	-iquote $(top_srcdir)/utilities \
	$(CHECK_CFLAGS) \
	$(EVENT_CFLAGS) \
	$(JANSSON_CFLAGS) \
	-DNVA_SRCDIR='"$(abs_top_srcdir)"'
# Every test program links the same, whichever part of it it takes.
LDADD = \
	$(TEST_SUPPORT) \
	controller/libnvad.a \
	lib/libnva.a \
	$(OVS_LIBS) \
	$(CHECK_LIBS) \
	$(EVENT_LIBS) \
	$(JANSSON_LIBS)

TEST_SUPPORT = tests/support/libsupport.a
check_LIBRARIES += tests/support/libsupport.a
tests_support_libsupport_a_SOURCES = \
	tests/support/fake-switch.c \
	tests/support/fake-switch.h \
	tests/support/sim.c \
	tests/support/sim.h \
	tests/support/stage.c \
	tests/support/stage.h \
	utilities/guest-frame.c \
	utilities/guest-frame.h
tests_support_libsupport_a_CPPFLAGS = $(TEST_CPPFLAGS)

check_PROGRAMS += tests/support/gen-pipeline
tests_support_gen_pipeline_SOURCES = tests/support/gen-pipeline.c
tests_support_gen_pipeline_CPPFLAGS = $(TEST_CPPFLAGS)

if HAVE_CHECK
CHECK_TESTS = \
	tests/unit/test-admission \
	tests/unit/test-ageing \
	tests/unit/test-api-json \
	tests/unit/test-audit \
	tests/unit/test-binding \
	tests/unit/test-classify \
	tests/unit/test-config \
	tests/unit/test-converge \
	tests/unit/test-delta \
	tests/unit/test-descriptors \
	tests/unit/test-detour \
	tests/unit/test-directory \
	tests/unit/test-dispatch \
	tests/unit/test-drain \
	tests/unit/test-duplicate \
	tests/unit/test-event \
	tests/unit/test-fabric \
	tests/unit/test-fault \
	tests/unit/test-finding \
	tests/unit/test-flow-prog \
	tests/unit/test-flow-set \
	tests/unit/test-frame \
	tests/unit/test-hold \
	tests/unit/test-http-request \
	tests/unit/test-inlet \
	tests/unit/test-intent \
	tests/unit/test-inventory \
	tests/unit/test-learned \
	tests/unit/test-metrics \
	tests/unit/test-mobility-doubt \
	tests/unit/test-mobility-state \
	tests/unit/test-mobility-timer \
	tests/unit/test-mobility \
	tests/unit/test-move-fsm \
	tests/unit/test-name-index \
	tests/unit/test-note-log \
	tests/unit/test-nva-types \
	tests/unit/test-of-codec \
	tests/unit/test-of-plain \
	tests/unit/test-of-session \
	tests/unit/test-peers \
	tests/unit/test-pipeline \
	tests/unit/test-placement \
	tests/unit/test-probe \
	tests/unit/test-pull \
	tests/unit/test-redirect \
	tests/unit/test-registry \
	tests/unit/test-relocate \
	tests/unit/test-responder \
	tests/unit/test-scan \
	tests/unit/test-story \
	tests/unit/test-tcp-reset \
	tests/unit/test-vm-fsm \
	tests/scenarios/test-abuse \
	tests/scenarios/test-again \
	tests/scenarios/test-ageing \
	tests/scenarios/test-audit \
	tests/scenarios/test-chain \
	tests/scenarios/test-doubt \
	tests/scenarios/test-drain \
	tests/scenarios/test-early \
	tests/scenarios/test-duplicate \
	tests/scenarios/test-evidence \
	tests/scenarios/test-failure \
	tests/scenarios/test-guard \
	tests/scenarios/test-fault \
	tests/scenarios/test-hold \
	tests/scenarios/test-interfaces \
	tests/scenarios/test-kinds \
	tests/scenarios/test-leftovers \
	tests/scenarios/test-limits \
	tests/scenarios/test-nested \
	tests/scenarios/test-planned \
	tests/scenarios/test-pull \
	tests/scenarios/test-refusals \
	tests/scenarios/test-reset \
	tests/scenarios/test-scan \
	tests/scenarios/test-tenants \
	tests/scenarios/test-versions \
	tests/prop/test-schedules
check_PROGRAMS += $(CHECK_TESTS)
TESTS += $(CHECK_TESTS)
endif

tests_unit_test_admission_SOURCES = \
	tests/unit/test-admission.c \
	tests/unit/fixture.h
tests_unit_test_admission_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_ageing_SOURCES = \
	tests/unit/test-ageing.c \
	tests/unit/fixture.h
tests_unit_test_ageing_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_api_json_SOURCES = \
	tests/unit/test-api-json.c \
	tests/unit/fixture.h
tests_unit_test_api_json_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_audit_SOURCES = \
	tests/unit/test-audit.c \
	tests/unit/fixture.h
tests_unit_test_audit_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_binding_SOURCES = \
	tests/unit/test-binding.c \
	tests/unit/fixture.h
tests_unit_test_binding_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_classify_SOURCES = \
	tests/unit/test-classify.c \
	tests/unit/fixture.h
tests_unit_test_classify_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_config_SOURCES = \
	tests/unit/test-config.c \
	tests/unit/fixture.h
tests_unit_test_config_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_converge_SOURCES = \
	tests/unit/test-converge.c \
	tests/unit/fixture.h
tests_unit_test_converge_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_delta_SOURCES = \
	tests/unit/test-delta.c \
	tests/unit/fixture.h
tests_unit_test_delta_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_descriptors_SOURCES = tests/unit/test-descriptors.c
tests_unit_test_descriptors_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_detour_SOURCES = \
	tests/unit/test-detour.c \
	tests/unit/fixture.h
tests_unit_test_detour_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_directory_SOURCES = \
	tests/unit/test-directory.c \
	tests/unit/fixture.h
tests_unit_test_directory_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_dispatch_SOURCES = \
	tests/unit/test-dispatch.c \
	tests/unit/fixture.h
tests_unit_test_dispatch_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_drain_SOURCES = \
	tests/unit/test-drain.c \
	tests/unit/fixture.h
tests_unit_test_drain_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_duplicate_SOURCES = \
	tests/unit/test-duplicate.c \
	tests/unit/fixture.h
tests_unit_test_duplicate_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_event_SOURCES = \
	tests/unit/test-event.c \
	tests/unit/fixture.h
tests_unit_test_event_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_fabric_SOURCES = \
	tests/unit/test-fabric.c \
	tests/unit/fixture.h
tests_unit_test_fabric_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_fault_SOURCES = \
	tests/unit/test-fault.c \
	tests/unit/fixture.h
tests_unit_test_fault_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_finding_SOURCES = \
	tests/unit/test-finding.c \
	tests/unit/fixture.h
tests_unit_test_finding_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_flow_prog_SOURCES = \
	tests/unit/test-flow-prog.c \
	tests/unit/fixture.h
tests_unit_test_flow_prog_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_flow_set_SOURCES = \
	tests/unit/test-flow-set.c \
	tests/unit/fixture.h
tests_unit_test_flow_set_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_frame_SOURCES = \
	tests/unit/test-frame.c \
	tests/unit/fixture.h
tests_unit_test_frame_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_hold_SOURCES = \
	tests/unit/test-hold.c \
	tests/unit/fixture.h
tests_unit_test_hold_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_http_request_SOURCES = \
	tests/unit/test-http-request.c
tests_unit_test_http_request_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_inlet_SOURCES = \
	tests/unit/test-inlet.c \
	tests/unit/fixture.h
tests_unit_test_inlet_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_intent_SOURCES = \
	tests/unit/test-intent.c \
	tests/unit/fixture.h
tests_unit_test_intent_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_inventory_SOURCES = \
	tests/unit/test-inventory.c \
	tests/unit/fixture.h
tests_unit_test_inventory_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_learned_SOURCES = \
	tests/unit/test-learned.c \
	tests/unit/fixture.h
tests_unit_test_learned_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_metrics_SOURCES = \
	tests/unit/test-metrics.c \
	tests/unit/fixture.h
tests_unit_test_metrics_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_mobility_doubt_SOURCES = \
	tests/unit/test-mobility-doubt.c \
	tests/unit/fixture.h
tests_unit_test_mobility_doubt_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_mobility_state_SOURCES = \
	tests/unit/test-mobility-state.c \
	tests/unit/fixture.h
tests_unit_test_mobility_state_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_mobility_timer_SOURCES = \
	tests/unit/test-mobility-timer.c \
	tests/unit/fixture.h
tests_unit_test_mobility_timer_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_mobility_SOURCES = \
	tests/unit/test-mobility.c \
	tests/unit/fixture.h
tests_unit_test_mobility_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_move_fsm_SOURCES = \
	tests/unit/test-move-fsm.c \
	tests/unit/fixture.h
tests_unit_test_move_fsm_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_name_index_SOURCES = tests/unit/test-name-index.c
tests_unit_test_name_index_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_note_log_SOURCES = \
	tests/unit/test-note-log.c \
	tests/unit/fixture.h
tests_unit_test_note_log_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_nva_types_SOURCES = \
	tests/unit/test-nva-types.c \
	tests/unit/fixture.h
tests_unit_test_nva_types_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_of_codec_SOURCES = \
	tests/unit/test-of-codec.c \
	tests/unit/fixture.h
tests_unit_test_of_codec_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_of_plain_SOURCES = \
	tests/unit/test-of-plain.c \
	tests/unit/fixture.h
tests_unit_test_of_plain_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_of_session_SOURCES = \
	tests/unit/test-of-session.c \
	tests/unit/fixture.h
tests_unit_test_of_session_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_peers_SOURCES = tests/unit/test-peers.c
tests_unit_test_peers_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_pipeline_SOURCES = \
	tests/unit/test-pipeline.c \
	tests/unit/fixture.h
tests_unit_test_pipeline_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_placement_SOURCES = \
	tests/unit/test-placement.c \
	tests/unit/fixture.h
tests_unit_test_placement_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_probe_SOURCES = \
	tests/unit/test-probe.c \
	tests/unit/fixture.h
tests_unit_test_probe_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_pull_SOURCES = \
	tests/unit/test-pull.c \
	tests/unit/fixture.h
tests_unit_test_pull_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_redirect_SOURCES = \
	tests/unit/test-redirect.c \
	tests/unit/fixture.h
tests_unit_test_redirect_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_registry_SOURCES = \
	tests/unit/test-registry.c \
	tests/unit/fixture.h
tests_unit_test_registry_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_relocate_SOURCES = \
	tests/unit/test-relocate.c \
	tests/unit/fixture.h
tests_unit_test_relocate_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_responder_SOURCES = \
	tests/unit/test-responder.c \
	tests/unit/fixture.h
tests_unit_test_responder_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_scan_SOURCES = \
	tests/unit/test-scan.c \
	tests/unit/fixture.h
tests_unit_test_scan_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_story_SOURCES = \
	tests/unit/test-story.c \
	tests/unit/fixture.h
tests_unit_test_story_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_tcp_reset_SOURCES = \
	tests/unit/test-tcp-reset.c \
	tests/unit/fixture.h
tests_unit_test_tcp_reset_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_test_vm_fsm_SOURCES = \
	tests/unit/test-vm-fsm.c \
	tests/unit/fixture.h
tests_unit_test_vm_fsm_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_abuse_SOURCES = tests/scenarios/test-abuse.c
tests_scenarios_test_abuse_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_again_SOURCES = tests/scenarios/test-again.c
tests_scenarios_test_again_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_ageing_SOURCES = tests/scenarios/test-ageing.c
tests_scenarios_test_ageing_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_audit_SOURCES = tests/scenarios/test-audit.c
tests_scenarios_test_audit_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_chain_SOURCES = tests/scenarios/test-chain.c
tests_scenarios_test_chain_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_doubt_SOURCES = tests/scenarios/test-doubt.c
tests_scenarios_test_doubt_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_drain_SOURCES = tests/scenarios/test-drain.c
tests_scenarios_test_drain_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_duplicate_SOURCES = tests/scenarios/test-duplicate.c
tests_scenarios_test_duplicate_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_early_SOURCES = tests/scenarios/test-early.c
tests_scenarios_test_early_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_evidence_SOURCES = tests/scenarios/test-evidence.c
tests_scenarios_test_evidence_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_failure_SOURCES = tests/scenarios/test-failure.c
tests_scenarios_test_failure_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_fault_SOURCES = tests/scenarios/test-fault.c
tests_scenarios_test_fault_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_hold_SOURCES = tests/scenarios/test-hold.c
tests_scenarios_test_hold_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_interfaces_SOURCES = tests/scenarios/test-interfaces.c
tests_scenarios_test_interfaces_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_kinds_SOURCES = tests/scenarios/test-kinds.c
tests_scenarios_test_kinds_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_leftovers_SOURCES = tests/scenarios/test-leftovers.c
tests_scenarios_test_leftovers_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_limits_SOURCES = tests/scenarios/test-limits.c
tests_scenarios_test_limits_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_nested_SOURCES = tests/scenarios/test-nested.c
tests_scenarios_test_nested_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_planned_SOURCES = tests/scenarios/test-planned.c
tests_scenarios_test_planned_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_guard_SOURCES = tests/scenarios/test-guard.c
tests_scenarios_test_guard_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_pull_SOURCES = tests/scenarios/test-pull.c
tests_scenarios_test_pull_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_refusals_SOURCES = tests/scenarios/test-refusals.c
tests_scenarios_test_refusals_CPPFLAGS = $(TEST_CPPFLAGS)
tests_scenarios_test_reset_SOURCES = tests/scenarios/test-reset.c
tests_scenarios_test_reset_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_scan_SOURCES = tests/scenarios/test-scan.c
tests_scenarios_test_scan_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_tenants_SOURCES = tests/scenarios/test-tenants.c
tests_scenarios_test_tenants_CPPFLAGS = $(TEST_CPPFLAGS)

tests_scenarios_test_versions_SOURCES = tests/scenarios/test-versions.c
tests_scenarios_test_versions_CPPFLAGS = $(TEST_CPPFLAGS)

tests_prop_test_schedules_SOURCES = \
	tests/prop/test-schedules.c \
	tests/prop/judge.c \
	tests/prop/steps-manager.c \
	tests/prop/steps-operator.c \
	tests/prop/steps.c \
	tests/prop/world.c \
	tests/prop/steps.h \
	tests/prop/world.h
tests_prop_test_schedules_CPPFLAGS = $(TEST_CPPFLAGS)

# A fuzz target is one function; without libFuzzer standalone.c feeds it its
# corpus.
FUZZ_TARGETS = \
	tests/fuzz/fuzz-api-json \
	tests/fuzz/fuzz-frame \
	tests/fuzz/fuzz-http-request \
	tests/fuzz/fuzz-of-codec \
	tests/fuzz/fuzz-of-session \
	tests/fuzz/fuzz-tcp-reset
check_PROGRAMS += $(FUZZ_TARGETS)
if FUZZER
FUZZ_MAIN =
# Fuzzes each target for FUZZ_SECONDS.
fuzz: $(FUZZ_TARGETS)
	for t in $(FUZZ_TARGETS); do \
	    name=$${t##*/fuzz-}; mkdir -p "fuzz-out/$$name"; \
	    ./$$t -max_total_time=$(FUZZ_SECONDS) "fuzz-out/$$name" \
	        "$(srcdir)/tests/fuzz/corpus/$$name" || exit 1; \
	done
FUZZ_SECONDS = 60
.PHONY: fuzz
else
FUZZ_MAIN = tests/fuzz/standalone.c
TESTS += $(FUZZ_TARGETS)
endif

tests_fuzz_fuzz_api_json_SOURCES = tests/fuzz/fuzz-api-json.c
nodist_tests_fuzz_fuzz_api_json_SOURCES = $(FUZZ_MAIN)
tests_fuzz_fuzz_api_json_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_api_json_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz-frame.c
nodist_tests_fuzz_fuzz_frame_SOURCES = $(FUZZ_MAIN)
tests_fuzz_fuzz_frame_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_frame_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_http_request_SOURCES = tests/fuzz/fuzz-http-request.c
nodist_tests_fuzz_fuzz_http_request_SOURCES = $(FUZZ_MAIN)
tests_fuzz_fuzz_http_request_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_http_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_of_codec_SOURCES = tests/fuzz/fuzz-of-codec.c
nodist_tests_fuzz_fuzz_of_codec_SOURCES = $(FUZZ_MAIN)
tests_fuzz_fuzz_of_codec_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_of_codec_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_of_session_SOURCES = tests/fuzz/fuzz-of-session.c
nodist_tests_fuzz_fuzz_of_session_SOURCES = $(FUZZ_MAIN)
tests_fuzz_fuzz_of_session_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_of_session_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_tcp_reset_SOURCES = tests/fuzz/fuzz-tcp-reset.c
nodist_tests_fuzz_fuzz_tcp_reset_SOURCES = $(FUZZ_MAIN)
tests_fuzz_fuzz_tcp_reset_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_tcp_reset_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
EXTRA_DIST += tests/fuzz/standalone.c
EXTRA_DIST += tests/fuzz/corpus

LINTS = \
	tests/lint/architecture.py \
	tests/lint/conformance.py \
	tests/lint/dist.py \
	tests/lint/fences.py \
	tests/lint/function-size.py \
	tests/lint/headers.py \
	tests/lint/manual.py \
	tests/lint/modules.py \
	tests/lint/openapi.py \
	tests/lint/pipeline-doc.py \
	tests/lint/planted.py \
	tests/lint/releases.py \
	tests/lint/shared-symbols.py \
	tests/lint/shell.py \
	tests/lint/style.py \
	tests/lint/symbols.py
dist_check_SCRIPTS += $(LINTS)
TESTS += $(LINTS)
EXTRA_DIST += \
	tests/lint/allowed-symbols.txt \
	tests/lint/modules.txt \
	tests/lint/nvalint.py \
	tests/fuzz/seeds-frame.py \
	tests/summary.py \
	tests/system/conftest.py \
	tests/system/nd.py \
	tests/system/sniff.py \
	tests/system/test_abuse.py \
	tests/system/test_acd.py \
	tests/system/test_ask.py \
	tests/system/test_audit.py \
	tests/system/test_callers.py \
	tests/system/test_doubt.py \
	tests/system/test_drain.py \
	tests/system/test_fault.py \
	tests/system/test_guard.py \
	tests/system/test_hold.py \
	tests/system/test_kinds.py \
	tests/system/test_lies.py \
	tests/system/test_limits.py \
	tests/system/test_measure.py \
	tests/system/test_mininet.py \
	tests/system/test_move.py \
	tests/system/test_nested.py \
	tests/system/test_peers.py \
	tests/system/test_pingpong.py \
	tests/system/test_pull.py \
	tests/system/test_qemu.py \
	tests/system/test_reach.py \
	tests/system/test_reset.py \
	tests/system/test_roles.py \
	tests/system/test_sandbox.py \
	tests/system/test_session.py \
	tests/system/test_tenants.py \
	tests/system/test_tools.py \
	tests/system/test_versions.py
EXTRA_DIST += \
	tests/prop/shrink.py

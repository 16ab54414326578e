# SPDX-License-Identifier: Apache-2.0

dist_man_MANS = \
	docs/nva-demo.1 \
	docs/nva-measure.1 \
	docs/nva-sandbox.1 \
	docs/nvactl.8 \
	docs/nvad.8

EXTRA_DIST += \
	docs/architecture.md \
	docs/conformance.md \
	docs/contributing.md \
	docs/decisions/0001-flood-lists-are-flows.md \
	docs/decisions/0002-more-modules-in-the-brain.md \
	docs/decisions/0003-redirect-before-deliver.md \
	docs/decisions/0004-unicast-nud-and-the-r-flag.md \
	docs/decisions/0005-no-order-between-switches.md \
	docs/decisions/0006-no-store-yet.md \
	docs/decisions/0007-answers-and-flood-lists-are-owners.md \
	docs/decisions/0008-pause-waits-for-the-datapath.md \
	docs/decisions/0009-asked-where-it-is.md \
	docs/decisions/0011-a-port-that-floods-takes-a-detour.md \
	docs/decisions/0012-a-vm-that-is-off.md \
	docs/decisions/0013-held-packets-are-queues-beside-the-directory.md \
	docs/decisions/0014-connections-are-reset-where-the-vm-was.md \
	docs/decisions/0015-pulled-flows-and-their-lifetime.md \
	docs/decisions/0016-auto-pushes-up-to-a-size.md \
	docs/decisions/0017-a-drain-prepares-and-waits.md \
	docs/decisions/0018-an-audit-reads-and-mends-nothing.md \
	docs/decisions/0019-versions-and-bundles.md \
	docs/decisions/0020-mininet-has-a-switch-per-namespace.md \
	docs/decisions/0021-what-was-learned-ages.md \
	docs/decisions/0022-a-duplicate-address-is-asked-about.md \
	docs/decisions/0023-a-full-table-evicts-the-silent.md \
	docs/decisions/0024-nested-guests-live-at-their-interface.md \
	docs/decisions/0025-the-nve-that-is-left-goes-first.md \
	docs/decisions/0026-a-way-back-ends-the-redirect-as-it-is-prepared.md \
	docs/decisions/0027-a-quiet-port-is-passed-over.md \
	docs/decisions/0028-no-gate-made-of-a-meter.md \
	docs/decisions/0029-roles-are-per-interface.md \
	docs/decisions/0030-link-local-addresses-are-implied-or-claimed.md \
	docs/decisions/0031-a-share-of-a-turn.md \
	docs/decisions/0033-an-http-server-of-our-own.md \
	docs/decisions/0034-lists-come-in-pages.md \
	docs/decisions/0035-who-is-off-or-gone-holds-no-address.md \
	docs/decisions/0036-carried-over-after-an-abort.md \
	docs/decisions/0037-an-early-pause.md \
	docs/decisions/0038-what-does-not-work-stands-beside-the-directory.md \
	docs/decisions/0039-a-qemu-guest-counts-for-itself.md \
	docs/decisions/0041-a-read-back-ends-in-slices.md \
	docs/measuring.md \
	docs/mininet.md \
	docs/openapi.yaml \
	docs/pipeline.md

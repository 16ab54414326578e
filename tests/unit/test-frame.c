/* SPDX-License-Identifier: Apache-2.0 */

/* The frames are the seeds of fuzz-frame, made by tests/fuzz/seeds-frame.py:
 * VM 02:00:00:00:0a:01 has 10.0.0.1 and fd10::a01, its peer
 * 02:00:00:00:0b:02 has 10.0.0.2 and fd10::b02. */

#include "fixture.h"

#include "frame.h"
#include "packets.h"

static const struct eth_addr vm = ETH_ADDR_C(02,00,00,00,0a,01);
static const struct eth_addr peer = ETH_ADDR_C(02,00,00,00,0b,02);
static const struct eth_addr zero = ETH_ADDR_C(00,00,00,00,00,00);
static const struct eth_addr broadcast = ETH_ADDR_C(ff,ff,ff,ff,ff,ff);
static const struct eth_addr all_nodes = ETH_ADDR_C(33,33,00,00,00,01);

/* Reads the seed 'name' into 'buf' (256 bytes); returns its size. */
static size_t
seed(const char *name, uint8_t *buf)
{
    char path[512];
    size_t size;
    FILE *file;

    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/frame/%s", NVA_SRCDIR,
             name);
    file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    size = fread(buf, 1, 256, file);
    fclose(file);
    return size;
}

static enum nva_reason
parse(const char *name, struct nva_frame *f)
{
    uint8_t buf[256];
    size_t size = seed(name, buf);

    return nva_frame_parse(buf, size, f);
}

/* Parses what must be right. */
static struct nva_frame
good(const char *name)
{
    struct nva_frame f;
    enum nva_reason reason = parse(name, &f);

    ck_assert_msg(!reason, "%s: %s", name, nva_reason_word(reason));
    return f;
}

static struct nva_frame
good_bytes(const uint8_t *data, size_t size)
{
    struct nva_frame f;
    enum nva_reason reason = nva_frame_parse(data, size, &f);

    ck_assert_msg(!reason, "%s", nva_reason_word(reason));
    return f;
}

static void
assert_ip(const struct in6_addr *ip, const char *expected)
{
    char buf[INET6_ADDRSTRLEN];

    ck_assert_str_eq(nva_ip_format(ip, buf, sizeof buf), expected);
}

#define assert_mac(A, B) ck_assert_mem_eq((A).ea, (B).ea, 6)

/* ## Parsing ## */

static const struct {
    const char *name;
    enum nva_reason reason;
    enum nva_frame_kind kind;
    bool probe, announcement;
} verdicts[] = {
    { "arp-request", 0, NVA_FRAME_ARP_REQUEST, false, false },
    { "arp-reply", 0, NVA_FRAME_ARP_REPLY, false, false },
    { "arp-probe", 0, NVA_FRAME_ARP_REQUEST, true, false },
    { "garp-request", 0, NVA_FRAME_ARP_REQUEST, false, true },
    { "garp-reply", 0, NVA_FRAME_ARP_REPLY, false, true },
    { "garp-priority-tag", 0, NVA_FRAME_ARP_REQUEST, false, true },
    { "garp-vlan-5", NVA_R_FRAME_FORMAT, 0, false, false },
    { "arp-mismatch", NVA_R_FRAME_MISMATCH, 0, false, false },
    { "arp-htype", NVA_R_FRAME_FORMAT, 0, false, false },
    { "arp-op", NVA_R_FRAME_FORMAT, 0, false, false },
    { "arp-short", NVA_R_FRAME_TRUNCATED, 0, false, false },
    { "rarp-qemu", 0, NVA_FRAME_RARP_REQUEST, false, true },
    { "rarp-for-peer", 0, NVA_FRAME_RARP_REQUEST, false, false },
    { "rarp-reply", 0, NVA_FRAME_RARP_REPLY, false, false },
    { "ns", 0, NVA_FRAME_NS, false, false },
    { "ns-dad", 0, NVA_FRAME_NS, true, false },
    { "ns-dad-nonce", 0, NVA_FRAME_NS, true, false },
    { "ns-dad-sll", NVA_R_FRAME_FORMAT, 0, false, false },
    { "ns-dad-all-nodes", NVA_R_FRAME_FORMAT, 0, false, false },
    { "ns-nonce-sll", 0, NVA_FRAME_NS, false, false },
    { "ns-sll-of-peer", NVA_R_FRAME_MISMATCH, 0, false, false },
    { "ns-two-slls", NVA_R_FRAME_OPTION, 0, false, false },
    { "ns-option-zero", NVA_R_FRAME_OPTION, 0, false, false },
    { "ns-option-long", NVA_R_FRAME_OPTION, 0, false, false },
    { "ns-checksum", NVA_R_FRAME_CHECKSUM, 0, false, false },
    { "ns-hop-limit", NVA_R_FRAME_HOP_LIMIT, 0, false, false },
    { "ns-multicast-target", NVA_R_FRAME_FORMAT, 0, false, false },
    { "na-unsolicited", 0, NVA_FRAME_NA, false, true },
    { "na-solicited-node", 0, NVA_FRAME_NA, false, true },
    { "na-solicited", 0, NVA_FRAME_NA, false, false },
    { "na-s-multicast", NVA_R_FRAME_FORMAT, 0, false, false },
    { "na-proxy", 0, NVA_FRAME_NA, false, true },
    { "ipv6-echo", 0, NVA_FRAME_OTHER, false, false },
    { "ipv4", 0, NVA_FRAME_OTHER, false, false },
    { "warm", 0, NVA_FRAME_OTHER, false, false },
    { "header-only", 0, NVA_FRAME_OTHER, false, false },
    { "empty", NVA_R_FRAME_TRUNCATED, 0, false, false },
};

/* D2, D7, G3, G4, H1, H2, I1: what is read, refused, a probe, an
 * announcement. */
START_TEST(G4_H1_H2_each_seed_has_its_verdict)
{
    const char *name = verdicts[_i].name;
    struct nva_frame f;
    enum nva_reason reason = parse(name, &f);

    ck_assert_msg(reason == verdicts[_i].reason, "%s: %s", name,
                  nva_reason_word(reason));
    ck_assert_msg(f.kind == verdicts[_i].kind, "%s: %s", name,
                  nva_frame_kind_word(f.kind));
    ck_assert_msg(nva_frame_is_probe(&f) == verdicts[_i].probe, "%s", name);
    ck_assert_msg(nva_frame_is_announcement(&f) == verdicts[_i].announcement,
                  "%s", name);
}
END_TEST

START_TEST(arp_fields)
{
    struct nva_frame f = good("arp-request");

    assert_mac(f.eth_src, vm);
    assert_mac(f.eth_dst, broadcast);
    ck_assert_uint_eq(f.eth_type, 0x0806);
    assert_mac(f.sha, vm);
    assert_mac(f.tha, zero);
    assert_ip(&f.spa, "10.0.0.1");
    assert_ip(&f.tpa, "10.0.0.2");

    f = good("garp-priority-tag");
    ck_assert_uint_eq(f.eth_type, 0x0806);
    assert_ip(&f.spa, "10.0.0.1");
}
END_TEST

START_TEST(I1_rarp_as_qemu_sends_it)
{
    uint8_t buf[256];
    size_t size = seed("rarp-qemu", buf);
    struct nva_frame f = good_bytes(buf, size);

    ck_assert_uint_eq(size, 60);
    assert_mac(f.sha, vm);
    assert_mac(f.tha, vm);
    assert_ip(&f.spa, "0.0.0.0");
    assert_ip(&f.tpa, "0.0.0.0");
}
END_TEST

START_TEST(nd_fields)
{
    struct nva_frame f = good("ns-nonce-sll");

    assert_ip(&f.ip_src, "fd10::a01");
    assert_ip(&f.ip_dst, "ff02::1:ff00:b02");
    assert_ip(&f.tpa, "fd10::b02");
    ck_assert(f.has_lla);
    assert_mac(f.lla, vm);
    ck_assert(f.has_nonce);

    f = good("ns");
    ck_assert(f.has_lla && !f.has_nonce);
    f = good("ns-dad-nonce");
    ck_assert(!f.has_lla && f.has_nonce);

    f = good("na-solicited");
    ck_assert(f.na_router && f.na_solicited && f.na_override);
    f = good("na-unsolicited");
    ck_assert(!f.na_router && !f.na_solicited && f.na_override);
    assert_ip(&f.tpa, "fd10::a01");

    /* Kept, so that admission can refuse it. */
    f = good("na-proxy");
    assert_mac(f.eth_src, vm);
    assert_mac(f.lla, peer);
}
END_TEST

/* Each right ARP and ND seed, cut at each length, is refused and nothing
 * beyond the end is read (the copy is exactly as long as the frame). */
START_TEST(cut_anywhere_is_refused)
{
    static const struct {
        const char *name;
        size_t needs;
    } t[] = {
        { "arp-request", 42 }, { "rarp-qemu", 42 }, { "ns-nonce-sll", 94 },
        { "na-unsolicited", 86 }, { "garp-priority-tag", 46 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        uint8_t buf[256];

        ck_assert_uint_ge(seed(t[i].name, buf), t[i].needs);
        for (size_t size = 0; size <= t[i].needs; size++) {
            uint8_t *copy = xmemdup(buf, size ? size : 1);
            struct nva_frame f;
            enum nva_reason reason = nva_frame_parse(copy, size, &f);
            bool cut = size < t[i].needs;

            /* The IPv6 header alone names no ICMPv6 type. */
            if (cut && size == 54 && f.eth_type == 0x86dd) {
                cut = false;
            }
            ck_assert_msg(reason == (cut ? NVA_R_FRAME_TRUNCATED : NVA_OK),
                          "%s cut at %d: %s", t[i].name, (int) size,
                          nva_reason_word(reason));
            free(copy);
        }
    }
}
END_TEST

START_TEST(G4_any_flipped_bit_breaks_the_checksum)
{
    uint8_t buf[256];
    size_t size = seed("ns", buf);
    struct nva_frame f;

    /* From the source address on; the ICMPv6 type is another question. */
    for (size_t bit = 22 * 8; bit < size * 8; bit++) {
        if (bit / 8 == 54) {
            continue;
        }
        buf[bit / 8] ^= 1 << bit % 8;
        ck_assert_int_eq(nva_frame_parse(buf, size, &f),
                         NVA_R_FRAME_CHECKSUM);
        buf[bit / 8] ^= 1 << bit % 8;
    }
}
END_TEST

START_TEST(padding_after_the_ipv6_payload_is_ignored)
{
    uint8_t buf[256];
    size_t size = seed("ns", buf);
    struct nva_frame f;

    memset(buf + size, 0xee, 10);
    f = good_bytes(buf, size + 10);
    ck_assert_int_eq(f.kind, NVA_FRAME_NS);
}
END_TEST

START_TEST(more_than_one_tag_or_too_long_is_refused)
{
    static const uint8_t two_tags[60] = {
        [6] = 2, [12] = 0x81, [16] = 0x81, [20] = 0x08, [21] = 0x06,
    };
    static const uint8_t service_tag[60] = {
        [6] = 2, [12] = 0x88, [13] = 0xa8,
    };
    uint8_t *jumbo = xzalloc(NVA_FRAME_MAX + 1);
    struct nva_frame f;

    ck_assert_int_eq(nva_frame_parse(two_tags, 60, &f), NVA_R_FRAME_FORMAT);
    ck_assert_int_eq(nva_frame_parse(service_tag, 60, &f),
                     NVA_R_FRAME_FORMAT);
    ck_assert_int_eq(nva_frame_parse(jumbo, NVA_FRAME_MAX + 1, &f),
                     NVA_R_FRAME_FORMAT);
    ck_assert_int_eq(nva_frame_parse(jumbo, NVA_FRAME_MAX, &f), NVA_OK);
    free(jumbo);
}
END_TEST

START_TEST(na_unicast_unsolicited_is_no_announcement)
{
    struct nva_frame f = good("na-solicited");

    f.na_solicited = false;
    ck_assert(!nva_frame_is_announcement(&f));
}
END_TEST

/* ## What we send ## */

START_TEST(F1_arp_reply)
{
    struct nva_frame request = good("arp-request");
    uint8_t buf[NVA_REPLY_MAX];
    size_t size = nva_frame_arp_reply(&request, peer, buf, sizeof buf);
    struct nva_frame f = good_bytes(buf, size);

    ck_assert_uint_eq(size, 60);
    ck_assert_int_eq(f.kind, NVA_FRAME_ARP_REPLY);
    assert_mac(f.eth_dst, vm);
    assert_mac(f.eth_src, peer);
    assert_mac(f.sha, peer);
    assert_mac(f.tha, vm);
    assert_ip(&f.spa, "10.0.0.2");
    assert_ip(&f.tpa, "10.0.0.1");
}
END_TEST

START_TEST(F1_F3_na_reply)
{
    struct nva_frame request = good("ns");
    uint8_t buf[NVA_REPLY_MAX];
    size_t size = nva_frame_na_reply(&request, peer, true, buf, sizeof buf);
    struct nva_frame f = good_bytes(buf, size);

    ck_assert_uint_eq(size, 86);
    ck_assert_int_eq(f.kind, NVA_FRAME_NA);
    assert_mac(f.eth_dst, vm);
    assert_mac(f.eth_src, peer);
    assert_ip(&f.ip_src, "fd10::b02");
    assert_ip(&f.ip_dst, "fd10::a01");
    assert_ip(&f.tpa, "fd10::b02");
    ck_assert(f.has_lla);
    assert_mac(f.lla, peer);
    ck_assert(f.na_router && f.na_solicited && f.na_override);

    size = nva_frame_na_reply(&request, peer, false, buf, sizeof buf);
    f = good_bytes(buf, size);
    ck_assert(!f.na_router && f.na_solicited && f.na_override);
}
END_TEST

START_TEST(F2_dad_is_answered_to_all_nodes)
{
    struct nva_frame request = good("ns-dad");
    uint8_t buf[NVA_REPLY_MAX];
    size_t size = nva_frame_na_reply(&request, peer, false, buf, sizeof buf);
    struct nva_frame f = good_bytes(buf, size);

    assert_mac(f.eth_dst, all_nodes);
    assert_ip(&f.ip_dst, "ff02::1");
    assert_ip(&f.tpa, "fd10::a01");
    ck_assert(!f.na_solicited && f.na_override);
    assert_mac(f.lla, peer);
}
END_TEST

START_TEST(I3_rarp_reply)
{
    struct nva_frame request = good("rarp-for-peer");
    struct in6_addr ip = fx_ip("10.0.0.2"), server = fx_ip("10.0.0.254");
    uint8_t buf[NVA_REPLY_MAX];
    size_t size = nva_frame_rarp_reply(&request, &ip, fx_mac(9), &server, buf,
                                       sizeof buf);
    struct nva_frame f = good_bytes(buf, size);

    ck_assert_uint_eq(size, 60);
    ck_assert_int_eq(f.kind, NVA_FRAME_RARP_REPLY);
    assert_mac(f.eth_dst, vm);
    assert_mac(f.eth_src, fx_mac(9));
    assert_mac(f.tha, peer);
    assert_ip(&f.tpa, "10.0.0.2");
    assert_ip(&f.spa, "10.0.0.254");
}
END_TEST

/* Unicast, sender IP 0; an NS from the NVA's link-local address with an SLL.
 * Both are probes or questions, never evidence, and pass our own parser. */
START_TEST(F6_a_probe_asks_the_owner_alone)
{
    uint8_t buf[NVA_REPLY_MAX];
    struct in6_addr v4 = fx_ip("10.0.0.1"), v6 = fx_ip("fd10::a01");
    struct in6_addr no_ip4 = fx_ip("0.0.0.0"), lla;
    struct nva_frame f;
    size_t n;

    n = nva_frame_probe(&v4, vm, buf, sizeof buf);
    ck_assert_uint_eq(n, 60);
    ck_assert_int_eq(nva_frame_parse(buf, n, &f), NVA_OK);
    ck_assert_int_eq(f.kind, NVA_FRAME_ARP_REQUEST);
    ck_assert(eth_addr_equals(f.eth_dst, vm));
    ck_assert(eth_addr_equals(f.eth_src, nva_own_mac));
    ck_assert(eth_addr_is_local(nva_own_mac));
    ck_assert(ipv6_addr_equals(&f.spa, &no_ip4));
    ck_assert(ipv6_addr_equals(&f.tpa, &v4));
    ck_assert(nva_frame_is_probe(&f));

    n = nva_frame_probe(&v6, vm, buf, sizeof buf);
    ck_assert_int_eq(nva_frame_parse(buf, n, &f), NVA_OK);
    ck_assert_int_eq(f.kind, NVA_FRAME_NS);
    in6_generate_lla(nva_own_mac, &lla);
    ck_assert(ipv6_addr_equals(&f.ip_src, &lla));
    ck_assert(ipv6_addr_equals(&f.ip_dst, &v6));
    ck_assert(ipv6_addr_equals(&f.tpa, &v6));
    ck_assert(eth_addr_equals(f.eth_dst, vm));
    ck_assert(f.has_lla && eth_addr_equals(f.lla, nva_own_mac));
    ck_assert_uint_eq(nva_frame_probe(&v6, vm, buf, 20), 0);
}
END_TEST

START_TEST(F6_answers_go_to_the_nva)
{
    struct nva_frame f = { .kind = NVA_FRAME_ARP_REPLY, .eth_dst = vm };

    ck_assert(!nva_frame_is_answer(&f));
    f.eth_dst = nva_own_mac;
    ck_assert(nva_frame_is_answer(&f));
    f.kind = NVA_FRAME_NA;
    ck_assert(nva_frame_is_answer(&f));
    f.kind = NVA_FRAME_ARP_REQUEST;
    ck_assert(!nva_frame_is_answer(&f));
    ck_assert(!nva_mac_is_host(nva_own_mac));
}
END_TEST

START_TEST(warm_frame)
{
    uint8_t buf[NVA_REPLY_MAX];
    size_t size = nva_frame_warm(buf, sizeof buf);
    struct nva_frame f = good_bytes(buf, size);

    ck_assert_uint_eq(size, 60);
    ck_assert_int_eq(f.kind, NVA_FRAME_OTHER);
    ck_assert_uint_eq(f.eth_type, 0x88b5);
    assert_mac(f.eth_dst, broadcast);
    ck_assert_uint_eq(f.eth_src.ea[0] & 3, 2);
}
END_TEST

START_TEST(replies_never_overrun)
{
    struct nva_frame arp = good("arp-request"), ns = good("ns");
    struct nva_frame rarp = good("rarp-qemu");
    struct in6_addr ip = fx_ip("10.0.0.1");

    for (size_t size = 0; size < 86; size++) {
        uint8_t *buf = xmalloc(size ? size : 1);
        size_t n = size < 60 ? 0 : 60;

        ck_assert_uint_eq(nva_frame_arp_reply(&arp, peer, buf, size), n);
        ck_assert_uint_eq(nva_frame_rarp_reply(&rarp, &ip, peer, &ip, buf,
                                               size), n);
        ck_assert_uint_eq(nva_frame_warm(buf, size), n);
        ck_assert_uint_eq(nva_frame_na_reply(&ns, peer, true, buf, size), 0);
        free(buf);
    }
}
END_TEST

START_TEST(ipv4_data_has_a_source)
{
    uint8_t buf[64] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45,
                        [26] = 10, 0, 0, 2 };
    struct in6_addr ip;
    struct nva_frame f;

    ck_assert_int_eq(nva_ip_parse("10.0.0.2", &ip), NVA_OK);
    ck_assert_int_eq(nva_frame_parse(buf, sizeof buf, &f), NVA_OK);
    ck_assert_int_eq(f.kind, NVA_FRAME_OTHER);
    ck_assert_mem_eq(&f.ip_src, &ip, sizeof ip);
    /* Too short for one: none, and no error. */
    ck_assert_int_eq(nva_frame_parse(buf, 33, &f), NVA_OK);
    ck_assert(!memcmp(&f.ip_src, &in6addr_any, sizeof in6addr_any));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("frame");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, G4_H1_H2_each_seed_has_its_verdict, 0,
                        ARRAY_SIZE(verdicts));
    tcase_add_test(tc, arp_fields);
    tcase_add_test(tc, I1_rarp_as_qemu_sends_it);
    tcase_add_test(tc, nd_fields);
    tcase_add_test(tc, cut_anywhere_is_refused);
    tcase_add_test(tc, G4_any_flipped_bit_breaks_the_checksum);
    tcase_add_test(tc, padding_after_the_ipv6_payload_is_ignored);
    tcase_add_test(tc, more_than_one_tag_or_too_long_is_refused);
    tcase_add_test(tc, na_unicast_unsolicited_is_no_announcement);
    tcase_add_test(tc, F1_arp_reply);
    tcase_add_test(tc, F1_F3_na_reply);
    tcase_add_test(tc, F2_dad_is_answered_to_all_nodes);
    tcase_add_test(tc, I3_rarp_reply);
    tcase_add_test(tc, F6_a_probe_asks_the_owner_alone);
    tcase_add_test(tc, F6_answers_go_to_the_nva);
    tcase_add_test(tc, warm_frame);
    tcase_add_test(tc, replies_never_overrun);
    tcase_add_test(tc, ipv4_data_has_a_source);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Words and checks of the shared values.  Knows no object of the directory,
 * must never know where a value came from.  Invariant: each enum has exactly
 * one word per value, made from the X-macro that declares it.  Address rules:
 * RFC 1122 s3.2.1.3, RFC 4291 s2.4. */

#include <config.h>

#include "nva-types.h"

#include <arpa/inet.h>
#include <string.h>

#include "packets.h"

static bool name_byte_is_valid(char);

static const char *const reason_words[NVA_N_REASONS] = {
    [NVA_OK] = "ok",
#define X(ENUM, WORD, TEXT) [NVA_R_##ENUM] = WORD,
    NVA_REASONS
#undef X
};

static const char *const reason_texts[NVA_N_REASONS] = {
    [NVA_OK] = "all is well",
#define X(ENUM, WORD, TEXT) [NVA_R_##ENUM] = TEXT,
    NVA_REASONS
#undef X
};

static const char *const role_words[] = {
#define X(ENUM, WORD) [NVA_ROLE_##ENUM] = WORD,
    NVA_ROLES
#undef X
};

static const char *const owner_words[NVA_N_OWNER_KINDS] = {
    [NVA_OWNER_NONE] = "none",
#define X(ENUM, WORD) [NVA_OWNER_##ENUM] = WORD,
    NVA_OWNER_KINDS
#undef X
};

const struct eth_addr nva_own_mac = ETH_ADDR_C(02,4e,56,41,00,01);

const char *
nva_reason_word(enum nva_reason reason)
{
    return (unsigned int) reason < NVA_N_REASONS ? reason_words[reason] : "?";
}

const char *
nva_reason_text(enum nva_reason reason)
{
    return (unsigned int) reason < NVA_N_REASONS ? reason_texts[reason] : "?";
}

const char *
nva_ip_format(const struct in6_addr *ip, char *buf, size_t size)
{
    const char *s;

    if (nva_ip_is_v4(ip)) {
        s = inet_ntop(AF_INET, &ip->s6_addr[12], buf, size);
    } else {
        s = inet_ntop(AF_INET6, ip, buf, size);
    }
    if (!s && size) {
        buf[0] = '\0';
    }
    return buf;
}

enum nva_reason
nva_ip_parse(const char *s, struct in6_addr *ip)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, s, &v4) == 1) {
        *ip = in6_addr_mapped_ipv4(v4.s_addr);
        return NVA_OK;
    }
    if (inet_pton(AF_INET6, s, &v6) == 1) {
        *ip = v6;
        return NVA_OK;
    }
    return NVA_R_BAD_VALUE;
}

bool
nva_ip_is_v4(const struct in6_addr *ip)
{
    return IN6_IS_ADDR_V4MAPPED(ip);
}

bool
nva_ip_is_implied(const struct in6_addr *ip)
{
    return (IN6_IS_ADDR_LINKLOCAL(ip) && ip->s6_addr[11] == 0xff
            && ip->s6_addr[12] == 0xfe);
}

bool
nva_ip_is_host(const struct in6_addr *ip)
{
    if (nva_ip_is_v4(ip)) {
        uint32_t v4 = ntohl(in6_addr_get_mapped_ipv4(ip));

        return v4 && v4 >> 28 != 0xe && v4 >> 24 != 127 && v4 != UINT32_MAX;
    }
    return !IN6_IS_ADDR_UNSPECIFIED(ip) && !IN6_IS_ADDR_MULTICAST(ip)
           && !IN6_IS_ADDR_LOOPBACK(ip);
}

bool
nva_ips_have(const struct in6_addr *ips, size_t n, const struct in6_addr *ip)
{
    for (size_t i = 0; i < n; i++) {
        if (IN6_ARE_ADDR_EQUAL(&ips[i], ip)) {
            return true;
        }
    }
    return false;
}

bool
nva_mac_is_host(struct eth_addr mac)
{
    return (!eth_addr_is_zero(mac) && !eth_addr_is_multicast(mac)
            && !eth_addr_equals(mac, nva_own_mac));
}

bool
nva_name_is_valid(const char *name)
{
    size_t len = strnlen(name, NVA_NAME_MAX);

    /* "." and ".." are no names in a path (RFC 3986 s5.2.4). */
    if (!len || len >= NVA_NAME_MAX || !strcmp(name, ".")
        || !strcmp(name, "..")) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!name_byte_is_valid(name[i])) {
            return false;
        }
    }
    return true;
}

const char *
nva_role_word(enum nva_role role)
{
    return (unsigned int) role < NVA_N_ROLES ? role_words[role] : "?";
}

bool
nva_role_from_word(const char *word, enum nva_role *role)
{
    for (int i = 0; i < NVA_N_ROLES; i++) {
        if (!strcmp(word, role_words[i])) {
            *role = i;
            return true;
        }
    }
    return false;
}

const char *
nva_owner_kind_word(enum nva_owner_kind kind)
{
    return (unsigned int) kind < NVA_N_OWNER_KINDS ? owner_words[kind] : "?";
}

bool
nva_place_equal(const struct nva_place *a, const struct nva_place *b)
{
    return a->nve == b->nve
           && (a->nve == NVA_ID_NONE
               || !strncmp(a->port, b->port, sizeof a->port));
}

/* Not isalnum(): that asks the locale. */
static bool
name_byte_is_valid(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || (c && strchr("._:/-", c));
}

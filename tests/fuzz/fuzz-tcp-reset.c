/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes go through nva_tcp_reset(); what it writes must fit, and must not
 * be answered itself. */

#include <config.h>

#include <stdint.h>

#include "tcp-reset.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t reset[NVA_TCP_RESET_MAX], again[NVA_TCP_RESET_MAX];
    size_t n;

    if (!nva_tcp_reset(data, size, reset, &n)) {
        ovs_assert(n >= 60 && n <= sizeof reset);
        ovs_assert(nva_tcp_reset(reset, n, again, &n)
                   == NVA_R_NOT_INTERESTING);
    }
    return 0;
}

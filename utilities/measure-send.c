/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes that leave at an exact step of a script.
 *
 * The connection is made, and what opens it is sent, when the script is read;
 * the step itself is one write.  Answers are not read.  Must never know what
 * the bytes mean. */

#include "measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool parse_hex(const char *, uint8_t **bytes, size_t *n);
static bool write_all(int fd, const uint8_t *, size_t n);

/* SOCKET OPENING BYTES, the latter two in hexadecimal. */
const char *
send_open(struct send *s, char **args, size_t n)
{
    const char *error = NULL;
    uint8_t *opening = NULL;
    size_t n_opening;

    s->fd = -1;
    if (n != 3 || !parse_hex(args[1], &opening, &n_opening)
        || !parse_hex(args[2], &s->bytes, &s->n)) {
        error = "send: SOCKET HEX HEX";
    } else {
        s->fd = connect_unix(args[0]);
        if (s->fd < 0 || !write_all(s->fd, opening, n_opening)) {
            error = strerror(errno);
        }
    }
    free(opening);
    return error;
}

const char *
send_now(const struct send *s)
{
    return write_all(s->fd, s->bytes, s->n) ? NULL : strerror(errno);
}

void
send_close(struct send *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->bytes);
    *s = (struct send) { .fd = -1 };
}

static bool
parse_hex(const char *text, uint8_t **bytes, size_t *n)
{
    *n = strlen(text) / 2;
    *bytes = malloc(*n + 1);
    if (!*bytes) {
        abort();
    }
    for (size_t i = 0; i < *n; i++) {
        const char digits[3] = { text[2 * i], text[2 * i + 1] };

        (*bytes)[i] = strtoul(digits, NULL, 16);
    }
    return text[strspn(text, "0123456789abcdefABCDEF")] == '\0'
           && strlen(text) == 2 * *n;
}

static bool
write_all(int fd, const uint8_t *bytes, size_t n)
{
    return send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t) n;
}

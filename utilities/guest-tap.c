/* SPDX-License-Identifier: Apache-2.0 */

/* Opens tap devices in network namespaces.
 *
 * Knows Linux: setns(), /dev/net/tun, interface ioctls.  Must never know what
 * the frames mean.  Invariant: whatever happens, the calling thread leaves in
 * the namespace it came from; if it cannot get back, the process ends, as
 * everything it did next would happen in the wrong place. */

#define _GNU_SOURCE 1
#include "guest-tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int enter_ns(const char *ns);
static void return_to_ns(int old_ns);
static int open_here(const char *ifname, const struct guest_tap_options *);
static int configure(const char *ifname, const struct guest_tap_options *);

int
guest_tap_open(const char *ns, const char *ifname,
               const struct guest_tap_options *options)
{
    int old_ns = -1;
    int fd, error;

    if (strlen(ifname) >= IFNAMSIZ) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (ns) {
        old_ns = enter_ns(ns);
        if (old_ns < 0) {
            return -1;
        }
    }
    fd = open_here(ifname, options);
    error = errno;
    if (ns) {
        return_to_ns(old_ns);
    }
    errno = error;
    return fd;
}

/* Enters 'ns'.  Returns a descriptor of the namespace we were in. */
static int
enter_ns(const char *ns)
{
    char path[256];
    int old_ns, new_ns, error;

    if (snprintf(path, sizeof path, strchr(ns, '/') ? "%s" : "/run/netns/%s",
                 ns) >= (int) sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    old_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (old_ns < 0) {
        return -1;
    }
    new_ns = open(path, O_RDONLY | O_CLOEXEC);
    if (new_ns >= 0 && !setns(new_ns, CLONE_NEWNET)) {
        close(new_ns);
        return old_ns;
    }
    error = errno;
    if (new_ns >= 0) {
        close(new_ns);
    }
    close(old_ns);
    errno = error;
    return -1;
}

static void
return_to_ns(int old_ns)
{
    if (setns(old_ns, CLONE_NEWNET)) {
        perror("cannot return to the network namespace");
        abort();
    }
    close(old_ns);
}

static int
open_here(const char *ifname, const struct guest_tap_options *options)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd, error;

    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    strncpy(ifr.ifr_name, ifname, IFNAMSIZ - 1);
    if (!ioctl(fd, TUNSETIFF, &ifr) && !configure(ifname, options)) {
        return fd;
    }
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int
configure(const char *ifname, const struct guest_tap_options *options)
{
    struct ifreq ifr = { .ifr_qlen = GUEST_TAP_QUEUE };
    int sock, retval;

    sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0) {
        return -1;
    }
    strncpy(ifr.ifr_name, ifname, IFNAMSIZ - 1);
    retval = ioctl(sock, SIOCSIFTXQLEN, &ifr);
    if (!retval && options->mtu) {
        ifr.ifr_mtu = options->mtu;
        retval = ioctl(sock, SIOCSIFMTU, &ifr);
    }
    if (!retval && options->mac) {
        memset(&ifr.ifr_hwaddr, 0, sizeof ifr.ifr_hwaddr);
        ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        memcpy(ifr.ifr_hwaddr.sa_data, options->mac, 6);
        retval = ioctl(sock, SIOCSIFHWADDR, &ifr);
    }
    if (!retval) {
        retval = ioctl(sock, SIOCGIFFLAGS, &ifr);
    }
    if (!retval) {
        ifr.ifr_flags |= IFF_UP;
        retval = ioctl(sock, SIOCSIFFLAGS, &ifr);
    }

    int error = errno;
    close(sock);
    errno = error;
    return retval;
}

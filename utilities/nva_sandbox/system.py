# SPDX-License-Identifier: Apache-2.0
"""Linux: network namespaces, interfaces, processes.

Knows nothing of sandboxes.  A process is always a pair (pid, start time), as
a pid alone may come to name somebody else's process.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
NETNS_DIR = "/run/netns"
SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM = 0x17
PR_SET_PDEATHSIG = 1
OUR_PID = os.getpid()
SYS_PIDFD_GETFD = 438
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33


class Refusal(Exception):
    """Something asked for that cannot be done; its text is for the user."""


def die_with_parent():
    """In a child: a helper command must not outlive a crash of ours."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != OUR_PID:
        os._exit(1)             # It happened already.


def run(argv, stdin=None, check=True):
    """Runs a command and returns its output; Refusal if it fails."""
    try:
        done = subprocess.run(argv, input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              preexec_fn=die_with_parent)
    except FileNotFoundError:
        raise Refusal(f"{argv[0]}: not installed")
    if check and done.returncode:
        raise Refusal(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def ip_batch(ns, lines):
    """Runs 'ip' commands, one a line, in the namespace 'ns'."""
    where = ["-n", ns] if ns else []
    run(["ip"] + where + ["-batch", "-"], stdin="\n".join(lines) + "\n")


# Namespaces.

def netns_path(ns):
    return os.path.join(NETNS_DIR, ns)


def netns_list():
    try:
        return sorted(os.listdir(NETNS_DIR))
    except FileNotFoundError:
        return []


def netns_add(ns):
    run(["ip", "netns", "add", ns])


def netns_del(ns):
    run(["ip", "netns", "del", ns], check=False)


def in_netns(ns, function):
    """Calls function() in a child process inside 'ns'."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            fd = os.open(netns_path(ns), os.O_RDONLY)
            if LIBC.setns(fd, CLONE_NEWNET) == 0:
                function()
                status = 0
        except OSError as error:
            os.write(2, f"{ns}: {error}\n".encode())
        finally:
            os._exit(status)
    if os.waitpid(pid, 0)[1]:
        raise Refusal(f"{ns}: setting up the namespace failed")


def netns_pids(namespaces):
    """The pids of all processes inside any of 'namespaces'."""
    inodes = set()
    for ns in namespaces:
        try:
            inodes.add(os.stat(netns_path(ns)).st_ino)
        except OSError:
            pass
    pids = []
    for entry in os.listdir("/proc") if inodes else []:
        if entry.isdigit():
            try:
                if os.stat(f"/proc/{entry}/ns/net").st_ino in inodes:
                    pids.append(int(entry))
            except OSError:
                pass
    return pids


def write_sysctl(name, value):
    with open("/proc/sys/" + name, "w") as f:
        f.write(str(value))


def tx_checksums_off(ifname):
    """'ethtool -K IFNAME tx off' in the present namespace: a userspace switch
    would take unfinished checksums for wrong ones."""
    value = struct.pack("II", ETHTOOL_STXCSUM, 0)
    buf = ctypes.create_string_buffer(value, len(value))
    ifreq = struct.pack("16sP16x", ifname.encode(), ctypes.addressof(buf))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            fcntl.ioctl(s, SIOCETHTOOL, ifreq)
        except OSError:
            pass                # It has no such offload.


def deepen_packet_sockets(pid, size):
    """Sets the buffers of the packet sockets that process 'pid' has open, as
    net.core.rmem_default would for the whole machine."""
    pidfd = os.pidfd_open(pid)
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{entry}")
            except OSError:
                continue        # Closed meanwhile.
            if link.startswith("socket:"):
                deepen_socket(pidfd, int(entry), size)
    finally:
        os.close(pidfd)


def deepen_socket(pidfd, their_fd, size):
    fd = LIBC.syscall(SYS_PIDFD_GETFD, pidfd, their_fd, 0)
    if fd < 0:
        return
    with socket.socket(fileno=fd) as s:
        if s.family == socket.AF_PACKET:
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
            s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, size)


# Processes.

def start_time(pid):
    """When 'pid' started, in ticks; None if it is not there or a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def alive(process):
    return process is not None and start_time(process[0]) == process[1]


def spawn(argv, env, log, record):
    """Starts a daemon.  record([pid, start time]) returns before the program
    runs, and if we die before that, it never does."""
    gate_in, gate_out = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(gate_out)
            os.setsid()
            if os.read(gate_in, 1) == b"x":
                null = os.open("/dev/null", os.O_RDWR)
                out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                              0o600)
                for fd, new in ((null, 0), (out, 1), (out, 2)):
                    os.dup2(fd, new)
                os.chdir("/")
                os.execvpe(argv[0], argv, env)
        finally:
            os._exit(127)
    os.close(gate_in)
    record([pid, start_time(pid)])
    os.write(gate_out, b"x")
    os.close(gate_out)


def end(processes, first=signal.SIGTERM, patience=3.0):
    """Ends processes: asks, waits, then insists."""
    for sig, limit in ((first, patience), (signal.SIGKILL, 5.0)):
        for process in processes:
            if alive(process):
                try:
                    os.kill(process[0], sig)
                except ProcessLookupError:
                    pass
        deadline = time.monotonic() + limit
        while any(map(alive, processes)) and time.monotonic() < deadline:
            reap()
            time.sleep(0.005)
        if not any(map(alive, processes)):
            return


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def wait_for(condition, what, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Refusal(f"{what}: waited {seconds:g} s in vain")
        time.sleep(0.005)


def can_connect(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
            return True
        except OSError:
            return False

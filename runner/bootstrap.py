"""Make .venv and fill it with the pinned, hashed packages of requirements/; do nothing when it is there.

Run by make with whatever Python the machine has, so this file must be readable by any Python 3: it says
which one is needed. Nothing but the standard library; no address of any index: pip and uv use their user's
own configuration, and what only pip was told is handed to uv.

    python3 runner/bootstrap.py [base|dev]
"""

import ast
import hashlib
import json
import os
import subprocess
import sys
import time
from typing import Any, Dict

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
STAMP = os.path.join(ENVIRONMENT, ".installed.json")
NEEDED = (3, 11)
# What pip calls a setting, and the variable under which uv reads the same.
TRANSLATED = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}
UV_OWN = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_CONFIG_FILE",
)


class Stop(Exception):
    """The sentence a person needs."""


def main(wanted: str) -> None:
    if sys.version_info[:2] < NEEDED:
        raise Stop(
            "Python 3.11 or later is needed, and this is {}.{}. "
            "Install one and name it: make PYTHON=python3.12 ...".format(*sys.version_info[:2])
        )
    installed = read_stamp()
    level = "dev" if "dev" in (wanted, installed.get("level")) else "base"
    marks = {"level": level, "python": list(sys.version_info[:2]), "locked": locked(level)}
    if installed == marks and os.path.exists(PYTHON):
        return
    began = time.time()
    if installed.get("python", marks["python"]) != marks["python"] or not works(PYTHON):
        make_environment()
    say("Installing uv into .venv ...")
    pip("install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", requirements("tools"))
    say("Installing the pinned packages ...")
    install(level)
    with open(STAMP, "w") as file:
        json.dump(marks, file)
    say("Environment ready in {:.0f} s.".format(time.time() - began))


def make_environment() -> None:
    """Make .venv anew. Debian keeps half of the venv module in a package of its own."""
    say("Making .venv with Python {}.{} ...".format(*sys.version_info[:2]))
    try:
        import ensurepip  # noqa: F401, PLC0415 - asked for, not used
        import venv  # noqa: F401, PLC0415
    except ImportError:
        version = "{}.{}".format(*sys.version_info[:2])
        raise Stop(
            "Python {0} here has no venv module. On Debian and Ubuntu: apt-get install python{0}-venv "
            "(or python3-venv). On other systems install the full Python package.".format(version)
        ) from None
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=False)
    if done.returncode != 0:
        raise Stop("python -m venv failed; its own words are above.")


def install(level: str) -> None:
    """Bring .venv to exactly the locked packages: with uv, and should uv not reach the index, with pip."""
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never", VIRTUAL_ENV=ENVIRONMENT, UV_NO_PROGRESS="1")
    environment.update(from_pip_to_uv())
    # Compiled once here; otherwise a dozen processes compile the same files side by side at the first start.
    uv = [PYTHON, "-m", "uv", "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"]
    done = subprocess.run(
        [*uv, "--python", PYTHON, requirements("tools"), requirements(level)],
        env=environment,
        check=False,
        cwd=ROOT,
    )
    if done.returncode == 0:
        return
    say("uv could not install them (its words are above); trying pip ...")
    pip("install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", requirements(level))


def from_pip_to_uv() -> Dict[str, str]:
    """Return what pip's configuration says about indexes, in uv's words. uv's own configuration wins."""
    own_files = [os.path.expanduser("~/.config/uv/uv.toml"), "/etc/uv/uv.toml"]
    if any(name in os.environ for name in UV_OWN) or any(os.path.exists(path) for path in own_files):
        return {}
    shown = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    ).stdout.decode("utf-8", "replace")
    found = {}  # type: Dict[str, str]
    for rank in ("global.", "install.", ":env:."):
        for line in shown.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(rank) and name[len(rank) :] in TRANSLATED:
                found[TRANSLATED[name[len(rank) :]]] = " ".join(ast.literal_eval(value).split())
    if "UV_FIND_LINKS" in found:
        found["UV_FIND_LINKS"] = found["UV_FIND_LINKS"].replace(" ", ",")
    if "UV_INDEX" in found:
        # pip looks into all indexes at once; with hashes required that is safe for uv too.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in found.items() if name not in os.environ}


def pip(*arguments: str) -> None:
    if subprocess.run([PYTHON, "-m", "pip", *arguments], check=False, cwd=ROOT).returncode != 0:
        raise Stop(
            "pip could not install the packages; its own words are above. Is the package index reachable?"
        )


def works(python: str) -> bool:
    """Whether the environment's Python starts; not so when the system's was removed or the folder moved."""
    try:
        return (
            subprocess.run(
                [python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, check=False
            ).returncode
            == 0
        )
    except OSError:
        return False


def requirements(name: str) -> str:
    return os.path.join(ROOT, "requirements", name + ".txt")


def locked(level: str) -> str:
    """Return a hash over what is to be installed."""
    digest = hashlib.sha256()
    for name in ("tools", level):
        with open(requirements(name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def read_stamp() -> Dict[str, Any]:
    try:
        with open(STAMP) as file:
            stamp = json.load(file)
            return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "base")
    except Stop as stop:
        print("\n{}".format(stop), file=sys.stderr)
        sys.exit(1)

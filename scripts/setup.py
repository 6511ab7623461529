"""Set up all that this project needs into `.venv`, beside the Makefile.

    python3 scripts/setup.py          what the product runs on
    python3 scripts/setup.py --dev    and what it is built and tested with

May be called again and again: a stamp in `.venv` says what is installed there, so
that a call with nothing to do ends at once and needs no network.

Everything up to the version check must be readable for older Pythons, down to 3.6:
they are to get a plain message, not a syntax error. Hence the quoted annotations.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

NEEDED = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMP = VENV / "turnout-setup.json"
LOCKS = {"base": Path("requirements", "base.txt"), "dev": Path("requirements", "dev.txt")}
HERE = "{}.{}".format(*sys.version_info[:2])


class SetupError(Exception):
    """Something the person at the keyboard has to put right; the text says what."""


def say(text: str) -> None:
    """Write one line, at once: pip may stay silent for a long time after it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def check_version() -> None:
    """Refuse a Python that is too old."""
    if tuple(sys.version_info[:2]) < NEEDED:
        needed = "{}.{}".format(*NEEDED)
        message = (
            f"Python {needed} or newer is needed, and {sys.executable} is Python {HERE}.\n"
            f"If a newer one is installed, name it, for example: make PYTHON=python{needed} setup"
        )
        raise SetupError(message)


def check_modules() -> None:
    """Refuse a Python that cannot make environments: Debian ships that part apart."""
    if any(importlib.util.find_spec(module) is None for module in ("venv", "ensurepip")):
        message = (
            f"{sys.executable} cannot make virtual environments: its 'venv' or 'ensurepip'\n"
            "module is missing. On Debian and Ubuntu, install this package as root:\n"
            f"    apt-get install python{HERE}-venv"
        )
        raise SetupError(message)


def wanted(*, dev: bool) -> "dict[str, str]":
    """Tell what the stamp has to say for there to be nothing to do.

    The development lock holds all of the base one, so an environment set up for
    development serves `make run` too: its stamp names both.
    """
    marks = {"python": HERE, "venv": str(VENV)}
    for name in ("base", "dev") if dev else ("base",):
        marks[name] = hashlib.sha256((ROOT / LOCKS[name]).read_bytes()).hexdigest()
    return marks


def read_stamp() -> "dict[str, str]":
    """Read what was installed; empty where nothing was, or not to the end."""
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_current(marks: "dict[str, str]") -> bool:
    """Tell whether the environment is there and holds what is wanted."""
    # exists() follows links, so it also notices that the Python behind it is gone.
    return VENV_PYTHON.exists() and marks.items() <= read_stamp().items()


def is_usable() -> bool:
    """Tell whether an environment can be kept and installed into."""
    # The programs in bin/ carry the path they were made for.
    if not VENV_PYTHON.exists() or read_stamp().get("venv", str(VENV)) != str(VENV):
        return False
    probe = "import pip, sys; print('{}.{}'.format(*sys.version_info[:2]))"
    found = subprocess.run(  # noqa: S603 - the words are our own
        [str(VENV_PYTHON), "-I", "-c", probe],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode == 0 and found.stdout.strip() == HERE


def base_python() -> str:
    """Name the interpreter to build on: never the one in the `.venv` that is to go."""
    if sys.prefix == sys.base_prefix:
        return sys.executable
    return str(Path(sys.base_prefix, "bin", f"python{HERE}"))


def make_venv() -> None:
    """Make the environment anew, whatever was left of an old one."""
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    command = [base_python(), "-I", "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:  # noqa: S603 - the words are our own
        message = f"Python could not make {VENV}; its message is above."
        raise SetupError(message)


def pip_install(lock: Path) -> None:
    """Install exactly what a lock file names; pip's own words are shown if it fails."""
    # -I: a package found through the caller's PYTHONPATH would count as installed.
    command = [str(VENV_PYTHON), "-I", "-m", "pip", "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
    # A caller's wish for user-wide installs cannot be granted in an environment.
    settings = {**os.environ, "PIP_USER": "0"}
    done = subprocess.run(command, cwd=ROOT, env=settings, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - the words are our own
    if done.returncode:
        message = f"pip could not install {lock} into .venv; its message is above."
        raise SetupError(message)


def install(marks: "dict[str, str]") -> None:
    """Bring the environment to what is wanted, and stamp it once that is done."""
    lock = LOCKS["dev" if "dev" in marks else "base"]
    keep = is_usable()
    if not keep:
        check_modules()
    say(f"Installing {lock} into {'.venv' if keep else 'a new .venv'} ...")
    if not keep:
        make_venv()
    # No stamp while at work: an interrupted call must not look like a finished one.
    STAMP.unlink(missing_ok=True)
    pip_install(lock)
    STAMP.write_text(json.dumps(marks, indent=1) + "\n", encoding="utf-8")


def set_up(*, dev: bool) -> None:
    """Do what is needed, and nothing where nothing is."""
    check_version()
    marks = wanted(dev=dev)
    if is_current(marks):
        say(".venv is up to date.")
        return
    # Two calls at a time must not install into one another; this file is the lock,
    # because it is the one file that is surely there.
    with Path(__file__).open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(marks):
            install(marks)


def main() -> int:
    """Run the command line; the result is the exit status."""
    parser = argparse.ArgumentParser(description="Set up .venv for this project.")
    parser.add_argument("--dev", action="store_true", help="with what the project is built and tested with")
    arguments = parser.parse_args()
    try:
        set_up(dev=bool(arguments.dev))
    except (SetupError, OSError) as error:
        sys.stderr.write(f"setup: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("setup: interrupted; call it again to go on\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

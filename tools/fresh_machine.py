"""Run commands of the README in a Debian that has nothing but Python, make and git.

``python tools/fresh_machine.py trixie "make book" "make test"`` makes that Debian in a folder of
its own (debootstrap, as root; a minute), clones the last commit into it, runs each command there
with the time it took, and removes the folder.  trixie brings Python 3.13, sid a newer one.
Where the packages come from, pip of this machine says: its index, certificates and folders of
wheels are handed in, read-only; without such settings it is pypi.org.
The exit status is that of the first command that fails.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import installers

ROOT = Path(__file__).parents[1]
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "ca-certificates,make,git,python3"
#: Where the project lies in the new machine.
HOME = "root/latentbook"


def refusal() -> str | None:
    """Return why no machine can be made here, or None."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "debootstrap and chroot need Linux and root"
    missing = [name for name in ("debootstrap", "unshare", "chroot") if not shutil.which(name)]
    return f"{missing[0]} is not installed: apt-get install debootstrap" if missing else None


def bootstrap(suite: str, folder: Path, mirror: str) -> None:
    """Make a minimal Debian in an empty folder.

    Raises
    ------
    subprocess.CalledProcessError
        If debootstrap fails, for example because the mirror cannot be reached.
    """
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}"]
    subprocess.run([*command, suite, str(folder), mirror], check=True, stdout=subprocess.DEVNULL)


def settings() -> dict[str, str]:
    """Return what pip of this machine was told, as variables ``PIP_...``."""
    listed = installers.listed_by_pip(sys.executable)
    told = installers.settings_of_pip(listed, os.environ)
    return {f"PIP_{name.replace('-', '_').upper()}": value for name, value in told.items()}


def local(values: list[str]) -> list[Path]:
    """Return the files and folders of this machine that settings name, those within one once.

    An index refers to files beside it: of ``file:///mirror/simple`` it is ``/mirror``.
    """
    words = [word for value in values for word in value.split()]
    named = {Path(word) for word in words if word.startswith("/")}
    named |= {Path(word.removeprefix("file://")).parent for word in words if "file:///" in word}
    found = {path for path in named if path.exists()}
    return sorted(path for path in found if not found & set(path.parents))


def script(folder: Path, command: str, variables: dict[str, str]) -> str:
    """Return the shell lines that run a command in the machine; its mounts end with them."""
    lines = [f"mount -t proc proc {folder}/proc", f"mount --rbind /dev {folder}/dev"]
    for path in local(list(variables.values())):
        inside = shlex.quote(f"{folder}{path}")
        make = f"mkdir -p {inside}" if path.is_dir() else f"install -D /dev/null {inside}"
        lines += [make, f"mount --bind -o ro {shlex.quote(str(path))} {inside}"]
    told = ["HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
    told += [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    inner = shlex.quote(f"cd /{HOME} && {command}")
    command = f"exec chroot {folder} /usr/bin/env -i {' '.join(told)} /bin/sh -c {inner}"
    return "\n".join([*lines, command])


def run(folder: Path, command: str, variables: dict[str, str]) -> int:
    """Run one command in the machine; return its exit status."""
    lines = script(folder, command, variables)
    return subprocess.run(["unshare", "--mount", "/bin/sh", "-ec", lines]).returncode


def main(arguments: list[str]) -> int:
    """Make the machine, run the commands, say how long each took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("suite", help="release of Debian: trixie, sid, ...")
    parser.add_argument("commands", nargs="+", help="each one in quotes, such as 'make book'")
    parser.add_argument("--mirror", default=MIRROR)
    asked = parser.parse_args(arguments)
    if why := refusal():
        print(f"latentbook: no fresh machine can be made here: {why}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="latentbook-machine-") as scratch:
        folder = Path(scratch) / asked.suite
        try:
            bootstrap(asked.suite, folder, asked.mirror)
        except subprocess.CalledProcessError:
            print(f"latentbook: debootstrap could not make {asked.suite}", file=sys.stderr)
            return 2
        clone = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder / HOME)]
        subprocess.run(clone, check=True)
        for command in asked.commands:
            started = time.monotonic()
            status = run(folder, command, settings())
            print(
                f"== {command}: {time.monotonic() - started:.0f} s, exit status {status}",
                flush=True,
            )
            if status:
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

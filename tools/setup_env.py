"""Make the virtual environment of this folder from requirements.lock.

Run by ``make`` before anything else, with whatever Python the machine has: standard library only,
and nothing that an old Python cannot parse, so that the first thing a reader sees is a sentence
and not a traceback.  A second call finds its stamp and returns at once.
"""

from __future__ import print_function

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, ".venv")
STAMP = os.path.join(FOLDER, "latentbook-stamp")
LOCK = os.path.join(ROOT, "requirements.lock")
PROJECT = os.path.join(ROOT, "pyproject.toml")
NEEDED_BYTES = 4 * 10**9


class ProblemError(Exception):
    """Why the environment cannot be made, in one sentence."""


def check_python(version):
    """Refuse a Python outside the range that the locked packages support."""
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        raise ProblemError(
            "this is Python %d.%d, but latentbook needs Python %d.%d to %d.%d: install one and "
            "name it, for example 'make book PYTHON=python%d.%d'"
            % (tuple(version[:2]) + OLDEST + NEWEST + OLDEST)
        )


def check_venv():
    """Refuse a Python that cannot make virtual environments."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        raise ProblemError(
            "this Python lacks its module '%s': install it (on Debian and Ubuntu: "
            "apt-get install python3-venv)" % error.name
        )


def check_disk(free):
    """Refuse to start what would fill the disk."""
    if free < NEEDED_BYTES:
        raise ProblemError(
            "only %.1f GB are free where this folder lies, but the environment needs about "
            "%.0f GB: free some space first" % (free / 1e9, NEEDED_BYTES / 1e9)
        )


def key():
    """Return what the environment depends on: the pins, the package, this Python, this place."""
    digest = hashlib.sha256()
    for path in (LOCK, PROJECT):
        with open(path, "rb") as file:
            digest.update(file.read())
    return "%s %s %s" % (digest.hexdigest(), sys.version.split()[0], FOLDER)


def stamped():
    """Return the key that the present environment was finished with, or nothing."""
    try:
        with open(STAMP) as file:
            return file.read()
    except (IOError, OSError):
        return ""


def python_of_environment():
    """Return the interpreter inside the environment."""
    return os.path.join(FOLDER, "bin", "python")


def pip(*arguments):
    """Run pip in the environment; on failure raise its last words without addresses."""
    command = [python_of_environment(), "-m", "pip", "install", "--quiet", "--no-deps"]
    process = subprocess.Popen(
        command + list(arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output = wait_for(process)
    if process.returncode:
        raise ProblemError(explain(output))


def wait_for(process):
    """Return the output of `process`, with a sign of life twice a minute."""
    started = time.time()
    while True:
        try:
            return process.communicate(timeout=30)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            print("  still at it after %d s" % (time.time() - started))
            sys.stdout.flush()


def explain(output):
    """Turn the output of a failed pip into one sentence."""
    if "No space left on device" in output:
        return "the disk is full: free about %.0f GB and run make again" % (NEEDED_BYTES / 1e9)
    if "DO NOT MATCH THE HASHES" in output:
        return (
            "a downloaded package differs from requirements.lock: run make again, and if it "
            "happens again do not use this package index"
        )
    lines = [line.strip() for line in output.splitlines() if line.startswith("ERROR")]
    words = re.sub(r"\S+://\S+", "(address)", lines[-1] if lines else output.strip()[-300:])
    return "installing the locked packages failed; pip says: %s" % (words or "nothing")


def make():
    """Make or bring up to date the environment, and stamp it last."""
    wanted = key()
    finished = stamped()
    reusable = finished.split(" ")[1:] == wanted.split(" ")[1:]
    if not (reusable and os.path.exists(python_of_environment())):
        check_disk(shutil.disk_usage(ROOT).free)
        shutil.rmtree(FOLDER, ignore_errors=True)
    if os.path.exists(STAMP):
        os.remove(STAMP)
    started = time.time()
    print("Installing the packages of requirements.lock into .venv (once; some minutes) ...")
    sys.stdout.flush()
    if not os.path.exists(python_of_environment()):
        import venv

        venv.create(FOLDER, with_pip=True)
    pip("--require-hashes", "-r", LOCK)
    pip("--no-build-isolation", "--editable", ROOT)
    with open(STAMP + ".new", "w") as file:
        file.write(wanted)
    os.rename(STAMP + ".new", STAMP)
    print("Installed in %d s. Compiling UMAP (once; half a minute) ..." % (time.time() - started))
    sys.stdout.flush()
    compile_ahead()


def compile_ahead():
    """Compile what several chapters need; where this fails, they compile for themselves."""
    ahead = "from latentbook import embed; embed.compile_ahead()"
    with open(os.devnull, "w") as nowhere:
        subprocess.call([python_of_environment(), "-c", ahead], cwd=ROOT, stderr=nowhere)


def alone():
    """Wait until no other set-up works on this folder; the lock ends with this process."""
    import fcntl

    handle = open(LOCK)  # noqa: SIM115
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def main():
    """Make the environment if it is not there; return the exit status."""
    try:
        check_python(sys.version_info)
        if stamped() == key() and os.path.exists(python_of_environment()):
            return 0
        check_venv()
        handle = alone()
        if stamped() != key():
            make()
        handle.close()
        return 0
    except ProblemError as problem:
        print("latentbook: %s" % problem, file=sys.stderr)
    except subprocess.CalledProcessError:
        print(
            "latentbook: this Python could not make a virtual environment: install its venv "
            "module (on Debian and Ubuntu: apt-get install python3-venv)",
            file=sys.stderr,
        )
    except EnvironmentError as error:
        print("latentbook: cannot make .venv: %s" % error.strerror, file=sys.stderr)
    except KeyboardInterrupt:
        print("latentbook: stopped; run make again to start over", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

"""Make the virtual environment of this folder from a lock: ``setup_env.py [book | test | teach]``.

Run by ``make`` before anything else, with whatever Python the machine has: standard library only,
and nothing that an old Python cannot parse, so that the first thing a reader sees is a sentence
and not a traceback.  A second call finds its stamp and returns at once.

``book`` installs what the book needs, ``test`` what the tests need too, ``teach`` what a course
needs as well.
uv installs where it can be had; pip does the same where it cannot.
"""

from __future__ import print_function

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

import installers
from installers import Pip, Uv, python_in
from machine import Machine, ProblemError, refuse, refuse_full_disk, which

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, ".venv")
PROJECT = os.path.join(ROOT, "pyproject.toml")
#: What can be installed -> its lock; every later one holds all of the earlier ones.
LOCKS = {
    "book": "requirements.lock",
    "test": "requirements-test.lock",
    "teach": "requirements-teach.lock",
}
ORDER = ("book", "test", "teach")


def supported():
    """Return the oldest and the newest Python that serve, as pyproject.toml says."""
    with open(PROJECT, "rb") as file:
        found = re.search(
            r'requires-python = ">=(\d+)\.(\d+),<(\d+)\.(\d+)"', file.read().decode("utf-8")
        )
    oldest, beyond = found.groups()[:2], found.groups()[2:]
    return (int(oldest[0]), int(oldest[1])), (int(beyond[0]), int(beyond[1]) - 1)


def serves(version):
    """Return whether a version of Python is one that the locked packages support."""
    oldest, newest = supported()
    return oldest <= tuple(version[:2]) <= newest


def version_of(python):
    """Return the version of an interpreter; nothing where it does not start."""
    command = [python, "-c", "import sys; print('%d %d' % sys.version_info[:2])"]
    try:
        with open(os.devnull, "w") as nowhere:
            words = subprocess.check_output(command, stderr=nowhere).split()
        return tuple(int(word) for word in words)
    except (EnvironmentError, subprocess.CalledProcessError, ValueError):
        return ()


def find_python(named):
    """Return an interpreter on this machine that serves, or None.

    Parameters
    ----------
    named : bool
        Whether the Python that runs was asked for by name: then no other is taken for it.

    Raises
    ------
    ProblemError
        If the Python that was asked for does not serve.
    """
    if serves(sys.version_info):
        return sys.executable
    oldest, newest = supported()
    if named:
        raise ProblemError(
            "this is Python %d.%d, but latentbook needs Python %d.%d to %d.%d: name one of "
            "them, for example 'make book PYTHON=python%d.%d', or none"
            % (tuple(sys.version_info[:2]) + oldest + newest + newest)
        )
    for minor in range(newest[1], oldest[1] - 1, -1):
        python = which("python%d.%d" % (newest[0], minor))
        if python and serves(version_of(python)):
            return python
    return None


def find_or_fetch_python(named, uv):
    """Return an interpreter that serves: one of this machine, or one that uv downloads.

    Raises
    ------
    ProblemError
        If there is none; it names two ways out.
    """
    python = find_python(named)
    if python:
        return python
    oldest, newest = supported()
    wanted = "%d.%d" % newest
    declined = "never" in (
        os.environ.get("PYTHON_DOWNLOADS"),
        os.environ.get("UV_PYTHON_DOWNLOADS"),
    )
    why = "this machine has Python %d.%d only, and latentbook needs %d.%d to %d.%d" % (
        tuple(sys.version_info[:2]) + oldest + newest
    )
    ways_out = "install Python %s, or run make where uv can be had and may download it" % wanted
    if uv is None or declined:
        raise ProblemError("%s: %s" % (why, ways_out))
    print("No Python that serves: uv downloads Python %s for itself (about 30 MB) ..." % wanted)
    sys.stdout.flush()
    try:
        return uv.fetch_python(wanted)
    except (ProblemError, EnvironmentError, subprocess.CalledProcessError):
        raise ProblemError("%s, which could not be downloaded: %s" % (why, ways_out))


def stamp(what):
    """Return the file that says with what the environment was finished."""
    return os.path.join(FOLDER, "latentbook-stamp-" + what)


def key(what):
    """Return what the environment depends on: the pins, the package, and its place."""
    digest = hashlib.sha256()
    for path in (os.path.join(ROOT, LOCKS[what]), PROJECT):
        with open(path, "rb") as file:
            digest.update(file.read())
    return "%s %s" % (digest.hexdigest(), FOLDER)


def stamped(what):
    """Return the key that the environment was finished with for `what`, or nothing."""
    try:
        with open(stamp(what)) as file:
            return file.read()
    except (IOError, OSError):
        return ""


def finished(what, named=False):
    """Return whether the environment is complete for `what`, and of the Python that was named."""
    larger = ORDER[ORDER.index(what) :]
    complete = any(stamped(name) and stamped(name) == key(name) for name in larger)
    return complete and os.path.exists(python_in(FOLDER)) and (not named or is_of_this_python())


def is_of_this_python():
    """Return whether the environment has the version of the Python that runs."""
    return version_of(python_in(FOLDER)) == tuple(sys.version_info[:2])


def usable(named):
    """Return whether the present environment can be brought up to date.

    It was finished in this very folder, with a Python that serves, and that was named.
    """
    places = [text.split(" ", 1)[-1] for text in map(stamped, LOCKS) if text]
    version = version_of(python_in(FOLDER)) if places else ()
    return set(places) == {FOLDER} and serves(version) and (not named or is_of_this_python())


def make(what, named):
    """Make or bring up to date the environment, and stamp it last."""
    refuse(Machine())
    settings = installers.settings_of_pip(installers.listed_by_pip(sys.executable), os.environ)
    program = installers.find_uv()
    uv = Uv(program, settings) if program else None
    kept = usable(named) and (uv is not None or installers.has_pip(FOLDER))
    python = None if kept else find_or_fetch_python(named, uv)
    if not kept:
        refuse_full_disk(shutil.disk_usage(ROOT).free)
    for name in LOCKS:
        if os.path.exists(stamp(name)):
            os.remove(stamp(name))
    started = time.time()
    print("Installing the packages of %s into .venv (once) ..." % LOCKS[what])
    sys.stdout.flush()
    for installer in filter(None, [uv, Pip()]):
        try:
            if not kept:
                shutil.rmtree(FOLDER, ignore_errors=True)
                installer.make(python, FOLDER)
            installer.install(FOLDER, os.path.join(ROOT, LOCKS[what]), ROOT)
            break
        except ProblemError as problem:
            # an environment of uv has no pip: it is made anew
            python, kept = python or find_or_fetch_python(named, uv), False
            if installer is not uv:
                raise
            print("uv did not manage it, pip tries: %s" % problem)
            sys.stdout.flush()
    with open(stamp(what) + ".new", "w") as file:
        file.write(key(what))
    os.rename(stamp(what) + ".new", stamp(what))
    print("Installed in %d s." % (time.time() - started))
    sys.stdout.flush()


def alone():
    """Wait until no other set-up works on this folder; the lock ends with this process."""
    handle = open(PROJECT, "rb")  # noqa: SIM115
    if os.name == "nt":
        import msvcrt

        while True:
            try:
                msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
                return handle
            except EnvironmentError:  # after ten seconds
                pass
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def main(arguments):
    """Make the environment if it is not there; return the exit status."""
    what = arguments[0] if arguments else "book"
    try:
        if what not in LOCKS:
            raise ProblemError(
                "there is nothing called %r to set up: say %s" % (what, ", ".join(ORDER))
            )
        named = os.environ.get("LATENTBOOK_PYTHON") == "named"
        if finished(what, named):
            return 0
        handle = alone()
        if not finished(what, named):
            make(what, named)
        handle.close()
        return 0
    except ProblemError as problem:
        print("latentbook: %s" % problem, file=sys.stderr)
    except EnvironmentError as error:
        print("latentbook: cannot make .venv: %s" % error.strerror, file=sys.stderr)
    except KeyboardInterrupt:
        print("latentbook: stopped; run make again to start over", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Two ways to install the locked packages: uv where it can be had, and pip where it cannot.

uv does not read the settings of pip, so that they are handed over: index, further indexes, folders
of wheels, certificates, proxy.
Standard library only, and nothing that an old Python cannot parse.
"""

import ast
import os
import re
import subprocess
import sys
import time

import fetch_uv
from machine import DISK, Machine, ProblemError, which

TOOLS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TOOLS)
#: The folder that uv is fetched into, and the one file that names its version and digests.
UV_FOLDER, UV_LOCK = os.path.join(ROOT, ".uv"), os.path.join(TOOLS, "uv.lock.txt")
#: Setting of pip -> variable that uv reads.
HANDED_OVER = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
#: Variables in which uv wants commas between several values.
WITH_COMMAS = ("UV_FIND_LINKS",)


def python_in(folder):
    """Return the interpreter inside an environment."""
    parts = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(folder, *parts)


def settings_of_pip(listed, environment):
    """Return the settings of pip by name, as it ranks them itself.

    Parameters
    ----------
    listed : str
        Output of ``pip config list``; empty where there is no pip.
    environment : mapping
        Variables such as ``PIP_INDEX_URL``, which outrank the files.
    """
    found = {}
    for rank in ("global", "user", "site"):
        for line in listed.splitlines():
            match = re.match(rank + r"\.([\w-]+)=(.*)$", line.strip())
            if match:
                found[match.group(1)] = str(ast.literal_eval(match.group(2)))
    for line in listed.splitlines():
        match = re.match(r"install\.([\w-]+)=(.*)$", line.strip())
        if match:
            found[match.group(1)] = str(ast.literal_eval(match.group(2)))
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            found[name[len("PIP_") :].lower().replace("_", "-")] = value
    return found


def environment_of_uv(settings, environment):
    """Return the environment for uv, with the settings of pip that it does not know.

    What was set for uv itself stays.
    """
    result = dict(environment)
    # pip takes the best version of all indexes; the hashes say which files are meant
    handed = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name, variable in HANDED_OVER.items():
        if settings.get(name):
            values = settings[name].split()
            handed[variable] = (",", " ")[variable not in WITH_COMMAS].join(values)
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        handed["UV_NO_INDEX"] = "1"
        handed["UV_OFFLINE"] = "1"
    for variable, value in handed.items():
        result.setdefault(variable, value)
    return result


def listed_by_pip(python):
    """Return the settings that pip lists; nothing where there is no pip."""
    try:
        with open(os.devnull, "w") as nowhere:
            listed = subprocess.check_output(
                [python, "-m", "pip", "config", "list"], stderr=nowhere
            )
        return listed.decode("utf-8", "replace")
    except (EnvironmentError, subprocess.CalledProcessError):
        return ""


def has_pip(folder):
    """Return whether an environment has pip; one that uv made may have none."""
    command = [python_in(folder), "-m", "pip", "--version"]
    with open(os.devnull, "w") as nowhere:
        return subprocess.call(command, stdout=nowhere, stderr=nowhere) == 0


def works(program):
    """Return whether a program starts."""
    try:
        with open(os.devnull, "w") as nowhere:
            return subprocess.call([program, "--version"], stdout=nowhere, stderr=nowhere) == 0
    except EnvironmentError:
        return False


def find_uv():
    """Return the path of uv: the one on the PATH, the one fetched before, or one fetched now.

    Returns None where it cannot be had, or where ``LATENTBOOK_INSTALLER=pip`` declines it.
    """
    if os.environ.get("LATENTBOOK_INSTALLER", "uv") == "pip":
        return None
    name = "uv.exe" if os.name == "nt" else "uv"
    own = os.path.join(UV_FOLDER, "bin", name)
    for program in (which("uv"), own):
        if program and works(program):
            return program
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
    fetch += ["--require-hashes", "--target", UV_FOLDER, "-r", UV_LOCK]
    try:
        with open(os.devnull, "w") as nowhere:
            subprocess.call(fetch, cwd=ROOT, stdout=nowhere, stderr=nowhere)
    except EnvironmentError:
        return None
    if not works(own):
        settings = settings_of_pip(listed_by_pip(sys.executable), os.environ)
        fetch_uv.fetch(own, UV_LOCK, settings, Machine())
    return own if works(own) else None


def run(command, environment=None):
    """Run an installer; raise `ProblemError` with its last words if it fails."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        output = wait_for(process)
    except BaseException:
        process.kill()
        raise
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
    """Turn the output of a failed installation into one sentence, without addresses."""
    if "No space left on device" in output:
        return "the disk is full: free about %.0f GB and run make again" % (DISK / 1e9)
    if "DO NOT MATCH THE HASHES" in output or "Hash mismatch" in output:
        return (
            "a downloaded package differs from the lock: run make again, and if it "
            "happens again do not use this package index"
        )
    lines = [s.strip() for s in output.splitlines() if s.startswith(("ERROR", "error"))]
    words = lines[-1] if lines else " ".join(output.strip()[-300:].split())
    words = re.sub(r"\S+://\S+", "(address)", words)
    return "installing the locked packages failed; the installer says: %s" % (words or "nothing")


class Uv:
    """uv: the same lock in a tenth of the time."""

    def __init__(self, program, settings):
        """Take the program, and the settings of pip."""
        self.program = program
        self.environment = environment_of_uv(settings, os.environ)

    def make(self, python, folder):
        """Make an empty environment with the interpreter `python`."""
        run([self.program, "venv", "--quiet", "--python", python, folder], self.environment)

    def command(self, folder):
        """Return the command that installs into an environment."""
        command = [self.program, "pip", "install", "--quiet", "--no-deps"]
        return command + ["--python", python_in(folder)]

    def install(self, folder, lock, project):
        """Install what `lock` names and, editable, the project."""
        install = self.command(folder)
        run(install + ["--require-hashes", "-r", lock], self.environment)
        run(install + ["--no-build-isolation", "--editable", project], self.environment)
        # for those who add packages of their own; some Pythons come without it
        with open(os.devnull, "w") as nowhere:
            command = [python_in(folder), "-m", "ensurepip"]
            subprocess.call(command, stdout=nowhere, stderr=nowhere)

    def fetch_python(self, version):
        """Download a Python; return its interpreter."""
        run([self.program, "python", "install", "--quiet", version], self.environment)
        command = [self.program, "python", "find", "--managed-python", version]
        found = subprocess.check_output(command, env=self.environment)
        return found.decode("utf-8").strip()


class Pip:
    """pip, which comes with Python."""

    def make(self, python, folder):
        """Make an empty environment with the interpreter `python`, and pip in it."""
        run([python, "-m", "venv", "--clear", folder])

    def command(self, folder):
        """Return the command that installs into an environment."""
        return [python_in(folder), "-m", "pip", "install", "--quiet", "--no-deps"]

    def install(self, folder, lock, project):
        """Install what `lock` names and, editable, the project."""
        install = self.command(folder)
        run(install + ["--require-hashes", "-r", lock])
        run(install + ["--no-build-isolation", "--editable", project])

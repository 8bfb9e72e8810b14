"""What a machine must have before anything is downloaded, each want said in one sentence.

Standard library only, and nothing that an old Python cannot parse.
"""

import os
import platform
import re
import shutil
import subprocess
import sys

ELSEWHERE = "use a computer that has one, Google Colab, or a container on one"
#: What the environment and the chapters need, in bytes.
DISK, MEMORY = 4 * 10**9, 4 * 10**9
#: The oldest systems that the locked packages have wheels for.
MACOS, GLIBC = (14, 0), (2, 28)


class ProblemError(Exception):
    """Why the environment cannot be made, in one sentence."""


class Machine:
    """The facts about a machine that decide whether the locked packages run on it.

    Attributes
    ----------
    system, processor : str
        As `platform.system` and `platform.machine` spell them.
    bits : int
    libc : tuple of str
        Name and version; a name other than ``glibc`` on Linux is most often musl.
    macos : tuple of int
    flags : set of str or None
        Of the processor; None where the system does not tell.
    compiler : bool
        Whether there is a C++ compiler.
    memory : int
        Bytes that this process may use; 0 where the system does not tell.
    """

    def __init__(self):
        """Look at this machine."""
        self.system, self.processor = platform.system(), platform.machine().lower()
        self.bits = 64 if sys.maxsize > 2**32 else 32
        self.libc = platform.libc_ver()
        self.macos = numbers(platform.mac_ver()[0])
        self.flags = flags()
        self.compiler = any(which(name) for name in ("c++", "g++", "clang++"))
        self.memory = memory()


def numbers(version):
    """Return a version as a tuple of numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def which(name):
    """Return the path of a program, or None; an old Python has no such function."""
    return getattr(shutil, "which", lambda _: None)(name)


def text(path):
    """Return what a file holds; nothing if it cannot be read."""
    try:
        with open(path) as file:
            return file.read()
    except EnvironmentError:
        return ""


def flags():
    """Return the abilities of the processor as Linux names them, or None."""
    line = re.search(r"^flags\s*:(.*)$", text("/proc/cpuinfo"), re.MULTILINE)
    return set(line.group(1).split()) if line else None


def memory():
    """Return the memory that this process may use: the machine's, or its container's if less."""
    total = re.search(r"^MemTotal:\s*(\d+)", text("/proc/meminfo"), re.MULTILINE)
    limits = [int(total.group(1)) * 1024] if total else []
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        limit = text(path).strip()
        limits += [int(limit)] if limit.isdigit() else []
    if not limits and platform.system() == "Darwin":
        told = subprocess.check_output(["sysctl", "-n", "hw.memsize"]).strip()
        limits = [int(told)]
    return min(limits) if limits else 0


def refuse(machine):
    """Raise `ProblemError` if the locked packages cannot run on a machine.

    Parameters
    ----------
    machine : Machine
    """
    for problem in problems(machine):
        raise ProblemError(problem)


def problems(machine):
    """Yield, in one sentence each, why the locked packages cannot run on a machine."""
    if machine.bits < 64:
        yield "this Python is a 32-bit program, and TensorFlow needs a 64-bit one: " + (
            "install a 64-bit Python, or " + ELSEWHERE
        )
    if machine.system == "Darwin":
        if machine.processor == "x86_64":
            yield (
                "TensorFlow and numba no longer run on a Mac with an Intel processor: use a "
                "Linux container on it, or Google Colab (on Apple silicon, use a Python for it)"
            )
        elif machine.macos and machine.macos < MACOS:
            yield "this is macOS %s, but the locked packages need macOS %d or later: %s" % (
                ".".join(str(number) for number in machine.macos),
                MACOS[0],
                "update it, or use a Linux container or Google Colab",
            )
    if machine.system == "Linux":
        name, version = machine.libc
        if name != "glibc":
            yield (
                "this Linux does not use glibc, and TensorFlow has no package for another C "
                "library such as musl: use a container of Debian or Ubuntu, or Google Colab"
            )
        elif numbers(version) < GLIBC:
            yield "this Linux has glibc %s, but the locked packages need %d.%d or later: %s" % (
                (version,) + GLIBC + ("use a container of Debian 10 or later, or Google Colab",)
            )
        if machine.processor in ("aarch64", "arm64") and not machine.compiler:
            yield (
                "hdbscan and openTSNE are compiled on ARM Linux, and there is no C++ compiler: "
                "install one (on Debian and Ubuntu: apt-get install g++ python3-dev), or use "
                "a machine with an x86-64 processor"
            )
    if machine.processor in ("x86_64", "amd64") and machine.flags is not None:
        if "avx" not in machine.flags:
            yield (
                "TensorFlow needs a processor with AVX, and this one has none (an emulated or a "
                "very old one): " + ELSEWHERE
            )
    if 0 < machine.memory < MEMORY:
        yield "this machine allows %.1f GB of memory, but chapters need %.0f GB: %s" % (
            machine.memory / 1e9,
            MEMORY / 1e9,
            "allow more (a container has a limit of its own), or use Google Colab",
        )


def refuse_full_disk(free):
    """Raise `ProblemError` where the environment would fill the disk.

    Parameters
    ----------
    free : int
        Bytes that are free where this folder lies.
    """
    if free < DISK:
        raise ProblemError(
            "only %.1f GB are free where this folder lies, but the environment needs about "
            "%.0f GB: free some space first" % (free / 1e9, DISK / 1e9)
        )


def processors():
    """Return the number of processors that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1

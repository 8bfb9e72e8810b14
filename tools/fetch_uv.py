"""Fetch uv from the package index where the Python of a machine has no pip, as on Debian.

The one wheel that fits this machine is found on the index, checked by the digests of the lock, and
unpacked: uv is a single program.
Standard library only, and nothing that an old Python cannot parse.
"""

import hashlib
import io
import os
import re
import stat
import zipfile

PYPI = "https://pypi.org/simple"
#: (system, processor) -> words of which one stands in the name of the wheel; glibc before musl.
WHEELS = {
    ("Linux", "x86_64"): ("manylinux", "x86_64"),
    ("Linux", "aarch64"): ("manylinux", "aarch64"),
    ("Darwin", "arm64"): ("macosx", "arm64"),
    ("Windows", "amd64"): ("win", "amd64"),
    ("Windows", "arm64"): ("win", "arm64"),
}


def pinned(lock):
    """Return the version that a lock of one package names, and the digests of its files."""
    with open(lock) as file:
        text = file.read()
    version = re.search(r"^uv==(\S+)", text, re.MULTILINE).group(1)
    return version, set(re.findall(r"sha256:([0-9a-f]{64})", text))


def fits(name, version, machine):
    """Return whether a file of the index is the wheel of a version for a machine."""
    words = WHEELS.get((machine.system, machine.processor))
    start = "uv-%s-" % version
    if not words or not name.startswith(start) or not name.endswith(".whl"):
        return False
    return any(
        tag.startswith(words[0]) and tag.endswith(words[1])
        for tag in name[: -len(".whl")].split("-")[-1].split(".")
    )


def pages(settings):
    """Return the addresses of the pages that list uv, as pip's settings name the indexes."""
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return []
    indexes = settings.get("index-url", PYPI).split() + settings.get("extra-index-url", "").split()
    return [index.rstrip("/") + "/uv/" for index in indexes]


def wheels(page, address):
    """Return the files that a page of an index names: (name, address)."""
    from urllib.parse import unquote, urldefrag, urljoin

    links = [urldefrag(urljoin(address, href))[0] for href in re.findall(r'href="([^"]+)"', page)]
    return [(unquote(link.rsplit("/", 1)[-1]), link) for link in links]


def reader(settings):
    """Return a function that reads an address, with the certificates and proxy told to pip."""
    import ssl
    from urllib import request

    context = ssl.create_default_context(cafile=settings.get("cert") or None)
    handlers = [request.HTTPSHandler(context=context)]
    if settings.get("proxy"):
        handlers.append(request.ProxyHandler(dict.fromkeys(("http", "https"), settings["proxy"])))
    opener = request.build_opener(*handlers)
    seconds = float(settings.get("timeout") or settings.get("default-timeout") or 15)

    def read(address):
        if address.startswith("file://") and address.endswith("/"):
            address += "index.html"
        return opener.open(address, timeout=seconds).read()

    return read


def offers(settings, read):
    """Yield (name, address) of files of uv: folders of wheels first, then the indexes."""
    from pathlib import Path

    for folder in settings.get("find-links", "").split():
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                yield name, Path(folder, name).absolute().as_uri()
    for address in pages(settings):
        try:
            page = read(address).decode("utf-8", "replace")
        except EnvironmentError:  # such as an index that answers 403: the next one
            continue
        for offer in wheels(page, address):
            yield offer


def unpack(wheel, target):
    """Write the program out of the bytes of a wheel to a path that nothing half done is left at."""
    name = os.path.basename(target)
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        inside = [n for n in archive.namelist() if n.endswith(".data/scripts/" + name)]
        program = archive.read(inside[0])
    if not os.path.isdir(os.path.dirname(target)):
        os.makedirs(os.path.dirname(target))
    with open(target + ".new", "wb") as file:
        file.write(program)
    os.chmod(
        target + ".new", stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH
    )
    os.replace(target + ".new", target)


def fetch(target, lock, settings, machine):
    """Fetch uv to the path `target`; return whether that succeeded.

    Parameters
    ----------
    target : str
        Path of the program.
    lock : str
        File that names the version and the digests of its wheels.
    settings : dict
        What was set for pip, by name: ``index-url``, ``cert``, ...
    machine : machine.Machine
    """
    version, digests = pinned(lock)
    try:
        read = reader(settings)
        for name, address in offers(settings, read):
            if fits(name, version, machine):
                wheel = read(address)
                if hashlib.sha256(wheel).hexdigest() in digests:
                    unpack(wheel, target)
                    return True
    except (EnvironmentError, IndexError, ValueError, zipfile.BadZipfile):
        pass
    return False

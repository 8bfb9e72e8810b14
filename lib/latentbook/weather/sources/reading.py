"""Files, folders and addresses as xarray sees them: which engine reads what, and what is missing.

The kind of a file is recognised by its first bytes, not by its name.
What the fields are called is left to `spelling`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentbook import files
from latentbook.errors import LatentbookError

if TYPE_CHECKING:
    import xarray as xr

#: What a reader may ask for: a path or pattern, an address, or a list of paths.
Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

#: Bytes of a chunk of single precision, and times: on a coarse grid they may grow when regridded.
CHUNK, TIMES = 16 << 20, 512

_MAGIC = {b"\x89HDF": "h5netcdf", b"CDF\x01": "scipy", b"CDF\x02": "scipy", b"GRIB": "cfgrib"}
#: What other files begin with -> what they are, and the way out.
_OTHERS = {
    b"PK\x03\x04": "a zip archive: unpack it, and give the file that is in it",
    b"\x1f\x8b": "packed with gzip: unpack it with gunzip",
    b"BZh": "packed with bzip2: unpack it with bunzip2",
    b"\xfd7zX": "packed with xz: unpack it with unxz",
    b"\x28\xb5\x2f\xfd": "packed with zstd: unpack it with unzstd",
    b"\x0e\x03\x13\x01": "HDF4: convert it to netCDF-4, as h4tonccf does",
    b"<": "a web page, so the download failed: look at it in a browser and download again",
    b"{": "JSON, so the download failed: read what it says and download again",
}
_MODULES = {"gs": "gcsfs", "gcs": "gcsfs", "s3": "s3fs", "http": "aiohttp", "https": "aiohttp"}


def expand(source: Source) -> list[str]:
    """Return the paths or addresses that `source` stands for, sorted.

    Raises
    ------
    LatentbookError
        If there is no such file, or the pattern matches none.
    """
    if not isinstance(source, str | os.PathLike):
        return sorted(path for one in source for path in expand(one)) or _none(source)
    path = os.fspath(source)
    return [path] if "://" in path else files.matching(path) or _none(path)


def _none(source: object) -> list[str]:
    raise LatentbookError(
        f"there is no file {source}: give a path, a pattern, an address such as gs://..., or the "
        "name of registered weather data"
    )


def read(path: str) -> xr.Dataset:
    """Open one file, folder or address; nothing but the axes is read, and nothing chunked yet.

    Raises
    ------
    LatentbookError
        If it is damaged, of an unknown kind, out of reach, or needs a package that is not here.
    """
    import xarray as xr

    options = _options(path)
    try:
        return xr.open_dataset(path, **options)
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, TypeError, ImportError) as error:
        advice = "check the address and the network" if "://" in path else "restore the file"
        raise LatentbookError(f"{path} cannot be read ({_first_line(error)}): {advice}") from error


def chunked(field: xr.DataArray) -> xr.DataArray:
    """Return `field` with dask chunks of about `CHUNK` bytes along time.

    A chunk is a multiple of the file's own, which are then read but once; one that is much larger
    is cut.
    """
    if "time" not in field.dims:
        return field.chunk()
    axis = field.dims.index("time")
    stored = field.encoding.get("chunksizes") or field.encoding.get("chunks")
    own = stored[axis] if stored and len(stored) == field.ndim else 1
    each = 4 * own * field.size // field.shape[axis]
    n = own * max(1, min(CHUNK // each, TIMES // own))
    if each > 4 * CHUNK:
        n = max(1, CHUNK * own // each)
    return field.chunk({str(name): n if name == "time" else -1 for name in field.dims})


def _options(path: str) -> dict[str, Any]:
    """Return how xarray is to open `path`."""
    if "://" in path:
        return _remote(path)
    if Path(path).is_dir():
        if not any((Path(path) / name).exists() for name in ("zarr.json", ".zgroup", ".zmetadata")):
            raise LatentbookError(
                f"{path} is a folder but no Zarr store: give a pattern such as {path}/*.nc"
            )
        consolidated = None if (Path(path) / ".zmetadata").exists() else False
        return {"engine": "zarr", "consolidated": consolidated}
    with open(path, "rb") as stream:
        start = stream.read(4)
    engine = _MAGIC.get(start)
    if start == b"CDF\x05":
        engine = "netcdf4"
        _need("netCDF4", f"{path} is netCDF of the kind CDF-5, which")
    if engine is None and start:
        for magic, words in _OTHERS.items():
            if start.startswith(magic):
                raise LatentbookError(f"{path} is {words}")
    if engine is None:
        raise LatentbookError(f"{path} is not netCDF, GRIB or Zarr: its first bytes are {start!r}")
    if engine == "cfgrib":
        _need("cfgrib", f"{path} is GRIB, which")
        return {"engine": "cfgrib", "backend_kwargs": {"indexpath": ""}}
    return {"engine": engine}


def _remote(path: str) -> dict[str, Any]:
    protocol = path.split("://")[0]
    if protocol not in _MODULES:
        raise LatentbookError(
            f"{path} begins with the unknown protocol {protocol}: use one of {', '.join(_MODULES)}"
        )
    _need(_MODULES[protocol], f"{path} lies in the cloud, which")
    anonymous = {"gs": {"token": "anon"}, "gcs": {"token": "anon"}, "s3": {"anon": True}}
    return {"engine": "zarr", "storage_options": anonymous.get(protocol, {})}


def _need(module: str, why: str) -> None:
    if find_spec(module) is None:
        raise LatentbookError(
            f"{why} needs the package {module}: pip install {module}, or pip install "
            "'latentbook[weather]'"
        )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__

"""Records: the measurements of a run, one JSON object a line, one file a chapter.

A record names its data, method, parameters, seed, profile, device and versions. Every number in
the book can therefore be traced to the run that wrote it.
Comparison with published numbers is left to `judge`, layout to `tables`.
"""

from __future__ import annotations

import datetime
import functools
import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from filelock import FileLock

from latentbook import files, paths
from latentbook.errors import LatentbookError, check_between

#: Field name -> accepted types.
SCHEMA: dict[str, tuple[type, ...]] = {
    "chapter": (str,),
    "source_table": (str, type(None)),
    "dataset": (str,),
    "n_samples": (int,),
    "data_sha256": (str,),
    "method": (str,),
    "seed": (int,),
    "profile": (str,),
    "params": (dict,),
    "metrics": (dict,),
    "coverage": (float,),
    "seconds": (dict,),
    "device": (str,),
    "cores": (int,),
    "backend": (str, type(None)),
    "versions": (dict,),
    "commit": (str, type(None)),
    "date": (str,),
}
KEY = ("chapter", "dataset", "n_samples", "method", "seed", "profile", "params")

_LIBRARIES = (
    "numpy",
    "scikit-learn",
    "umap-learn",
    "hdbscan",
    "openTSNE",
    "keras",
    "tensorflow",
    "jax",
)


class Measured(Protocol):
    """Data as far as a record needs them: a `Dataset`, or weather cut into windows."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def sha256(self) -> str:
        """Digest of the content."""

    def __len__(self) -> int:
        """Return the number of samples."""


def path(chapter: str, profile: str) -> Path:
    """Return the file that holds the records of `chapter` at `profile`."""
    return paths.records(profile) / f"{chapter}.jsonl"


def make(
    chapter: str,
    dataset: Measured,
    method: str,
    metrics: Mapping[str, float],
    *,
    seed: int,
    profile: str,
    seconds: Mapping[str, float],
    params: Mapping[str, Any] | None = None,
    coverage: float = 1.0,
    source_table: str | None = None,
    backend: str | None = None,
) -> dict[str, Any]:
    """Return a complete record, with device, versions, commit and date filled in.

    Parameters
    ----------
    chapter : str
        Such as ``03-two-stage-clustering``.
    dataset : Dataset or Weather
    method : str
        As `study.method.Method` spells it.
    metrics : mapping
        Plain numbers by name; NaN (a silhouette with one cluster) is left out.
    seed : int
    profile : str
        ``quick`` or ``paper``.
    seconds : mapping
        Wall time by stage, e.g. ``{"embed": 190.2, "cluster": 3.1}``.
    params : mapping, default=None
        Parameters that tell this run from others of the same method.
    coverage : float, default=1.0
        Share of the samples that belong to a cluster (are not noise).
    source_table : str, default=None
        Table of the source that prints this number.
    backend : str, default=None
        Backend of Keras where networks were trained, see `backend`.

    Returns
    -------
    dict
        With the fields of `SCHEMA`.
    """
    record = {
        "chapter": chapter,
        "source_table": source_table,
        "dataset": dataset.name,
        "n_samples": len(dataset),
        "data_sha256": dataset.sha256,
        "method": method,
        "seed": seed,
        "profile": profile,
        "params": dict(params or {}),
        "metrics": {k: round(float(v), 6) for k, v in metrics.items() if math.isfinite(v)},
        "coverage": round(float(coverage), 6),
        "seconds": {k: round(float(v), 2) for k, v in seconds.items()},
        "device": device(),
        "cores": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        "backend": backend,
        "versions": dict(versions()),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    check(record)
    return record


def check(record: Mapping[str, Any]) -> None:
    """Raise `LatentbookError` unless `record` has all fields with the right types."""
    for field, types in SCHEMA.items():
        if field not in record:
            raise LatentbookError(f"a record lacks the field {field!r}")
        if not isinstance(record[field], types):
            raise LatentbookError(
                f"the field {field!r} of a record is {record[field]!r}, but must be "
                f"{' or '.join(t.__name__ for t in types)}"
            )
    unknown = set(record) - set(SCHEMA)
    if unknown:
        raise LatentbookError(f"a record has the unknown field {sorted(unknown)[0]!r}")
    check_between("coverage", record["coverage"], 0, 1)
    for name, value in record["metrics"].items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise LatentbookError(f"the metric {name!r} of a record is {value!r}, not a number")


def _key(record: Mapping[str, Any]) -> str:
    return json.dumps([record[field] for field in KEY], sort_keys=True)


def write(*new: Mapping[str, Any]) -> None:
    """Add records to the files of their chapters, and replace older ones with the same key.

    Several processes may write to the same file, and a process may be killed while it writes: no
    record is lost.
    """
    by_file: dict[Path, list[dict[str, Any]]] = {}
    for record in new:
        check(record)
        target = path(record["chapter"], record["profile"])
        by_file.setdefault(target, []).append(dict(record))
    for target, added in by_file.items():
        lock = paths.root() / "_build" / "locks" / f"{target.parent.name}-{target.stem}.lock"
        with files.writable(lock), FileLock(lock):
            rows = {_key(record): record for record in [*_lines(target), *added]}
            with files.atomic(target) as scratch:
                text = "".join(json.dumps(rows[key]) + "\n" for key in sorted(rows))
                scratch.write_text(text)


def _lines(source: Path) -> list[dict[str, Any]]:
    if not source.exists():
        return []
    rows = []
    for number, line in enumerate(source.read_text().splitlines(), start=1):
        try:
            row = json.loads(line)
            check(row)
        except ValueError as error:
            raise LatentbookError(
                f"line {number} of {source.name} is not a record ({error}): restore the file or "
                "delete the line"
            ) from error
        rows.append(row)
    return rows


def read(chapter: str | None = None, profile: str = "paper") -> pd.DataFrame:
    """Return the records of one chapter, or of all chapters, one row each.

    Parameters
    ----------
    chapter : str, default=None
        Such as ``03-two-stage-clustering``; None reads all chapters.
    profile : str, default="paper"
        ``paper`` reads the committed records of full scale.

    Returns
    -------
    DataFrame
        Columns as in `SCHEMA`; no rows if nothing has run.

    Raises
    ------
    LatentbookError
        If a line is not a record.

    Examples
    --------
    >>> from latentbook.study import records
    >>> committed = records.read("03-two-stage-clustering")
    >>> kmeans = committed[committed["method"] == "k-means raw"]
    >>> sorted(set(kmeans["dataset"]))
    ['cifar10', 'fashion_mnist', 'mnist', 'usps']
    """
    folder = paths.records(profile)
    sources = [path(chapter, profile)] if chapter else sorted(folder.glob("[!.]*.jsonl"))
    rows = [row for source in sources for row in _lines(source)]
    return pd.DataFrame(rows, columns=list(SCHEMA))


def epoch_limit(params: Mapping[str, Any]) -> int:
    """Return the limit of epochs of the training that `params` describe, 0 without training.

    Records spell it ``max_epochs`` where early stopping may end the training earlier,
    ``pretraining_epochs`` for the autoencoder that DCEC starts from, and ``epochs`` otherwise.

    Examples
    --------
    >>> epoch_limit({"max_epochs": 150, "k": 10}), epoch_limit({"k": 10})
    (150, 0)
    """
    names = ("max_epochs", "pretraining_epochs", "epochs")
    return next((int(params[name]) for name in names if params.get(name)), 0)


def part(params: Mapping[str, Any]) -> str:
    """Return the part of the samples that was scored: ``all``, ``train`` or ``test``."""
    return str(params.get("evaluated_on", "all"))


def backend() -> str:
    """Name the backend of Keras and its version, as in ``tensorflow, keras 3.15.1``."""
    import keras

    return f"{keras.backend.backend()}, keras {version('keras')}"


def device() -> str:
    """Name the processor, or the GPU where Keras' backend sees one."""
    return _gpu() or _cpu()


@functools.cache
def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"CPU {line.split(':', 1)[1].strip()}"
    except OSError:
        pass
    return f"CPU {platform.processor() or platform.machine()}"


def _gpu() -> str | None:
    import sys

    if tensorflow := sys.modules.get("tensorflow"):
        for gpu in tensorflow.config.list_physical_devices("GPU"):
            details = tensorflow.config.experimental.get_device_details(gpu)
            return f"GPU {details.get('device_name', gpu.name)}"
    if jax := sys.modules.get("jax"):
        for unit in jax.devices():
            if unit.platform == "gpu":
                return f"GPU {unit.device_kind}"
    return None


@functools.cache
def versions() -> Mapping[str, str]:
    """Return the versions of Python and of the libraries that a result depends on."""
    installed = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            installed[library] = version(library)
        except PackageNotFoundError:
            if library == "tensorflow":
                installed |= _tensorflow_cpu()
    return installed


def _tensorflow_cpu() -> dict[str, str]:
    try:
        return {"tensorflow-cpu": version("tensorflow-cpu")}
    except PackageNotFoundError:
        return {}


@functools.cache
def commit() -> str | None:
    """Return the short hash of the checkout, with ``+`` if ``lib`` or ``notebooks`` differ."""
    here = ["git", "-C", str(paths.root())]
    try:
        head = subprocess.run(
            [*here, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            [*here, "status", "--porcelain", "--", "lib", "notebooks"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")

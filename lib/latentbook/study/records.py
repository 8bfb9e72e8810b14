"""Records: the measurements of a run, one JSON object a line, one file a chapter.

A record names its data, method, parameters, seed, profile, and where it comes from (`provenance`).
Every number in the book can therefore be traced to the run that wrote it.
The records of the full scale only grow: a second measurement of a setting is a second line, and
`without_repeats` says which lines are evidence of their own.
Comparison with published numbers is left to `judge`, layout to `tables`.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pandas as pd
from filelock import FileLock

from latentbook import files, paths
from latentbook.errors import LatentbookError, check_between
from latentbook.study import provenance
from latentbook.study.provenance import commit, device, started, versions

#: Field name -> accepted types.
SCHEMA: dict[str, tuple[type, ...]] = {
    # Of this measurement alone: twelve hexadecimal digits.
    "id": (str,),
    "chapter": (str,),
    "source_table": (str, type(None)),
    "dataset": (str,),
    "n_samples": (int,),
    # Part or period of the data that was measured, in words; null is all of them.
    "subset": (str, type(None)),
    "data_sha256": (str,),
    "method": (str,),
    # Digest of the weights of the network that the codes come from; null where none was kept.
    "network": (str, type(None)),
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
    # As `provenance.commit` spells it. Old records have a bare ``+`` where the code differed from
    # the commit and nobody kept the difference; null is code of which nothing was kept.
    "commit": (str, type(None)),
    # First commit of this repository whose records hold the measurement: the code is not younger.
    # Null in records that state start and code themselves.
    "recorded_in": (str, type(None)),
    # When the process that measured began, in UTC; null in old records, which have the date only.
    "started": (str, type(None)),
    # When the record was made, in UTC.
    "date": (str,),
}
#: Fields that tell one setting from another. Several records may share them.
KEY = ("chapter", "dataset", "n_samples", "method", "seed", "profile", "params")

#: Field name -> how a text in it is spelled, and an example.
_FORMS = {
    "id": (re.compile(r"[0-9a-f]{12}"), "3f9c01a7be52"),
    "commit": (provenance.COMMIT_FORM, "abc1234 or abc1234+5f3e9a1c"),
    "recorded_in": (re.compile(r"[0-9a-f]{7,40}"), "abc1234"),
    "started": (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "2026-11-30T04:10:00Z"),
    "date": (re.compile(r"\d{4}-\d\d-\d\d"), "2026-11-30"),
}
_CONFLICT = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


class Measured(Protocol):
    """Data as far as a record needs them: a `Dataset`, or weather cut into windows."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def sha256(self) -> str:
        """Digest of the content."""

    @property
    def extent(self) -> str | None:
        """Part or period of the data that this is, in words; None if it is all of them."""

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
    network: str | None = None,
) -> dict[str, Any]:
    """Return a complete record, with id, subset, device, versions, commit and times filled in.

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
        Backend of Keras where networks were trained, see `provenance.backend`.
    network : str, default=None
        Digest of the weights of the network that was measured.

    Returns
    -------
    dict
        With the fields of `SCHEMA`.
    """
    record = {
        "id": "",
        "chapter": chapter,
        "source_table": source_table,
        "dataset": dataset.name,
        "n_samples": len(dataset),
        "subset": subset(dataset.extent, params or {}, len(dataset)),
        "data_sha256": dataset.sha256,
        "method": method,
        "network": network,
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
        "recorded_in": None,
        "started": started(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    record["id"] = provenance.id_of(setting(record))
    check(record)
    return record


def subset(extent: str | None, params: Mapping[str, Any], n_samples: int) -> str | None:
    """Say in words which part of its data a record is about; None if it is about all of them.

    Parameters
    ----------
    extent : str or None
        What the data say of themselves, such as ``9,979 of 60,000 images`` or
        ``1962-01-01 to 1984-12-31``.
    params : mapping
        Of the record. Those that choose a part are ``evaluated_on`` (a split), ``sample`` (drawn
        with replacement), and how many samples were learned from and judged.
    n_samples : int

    Examples
    --------
    >>> subset("9,979 of 60,000 images", {"rows": 4800, "n_test": 300}, 9979)
    '9,979 of 60,000 images; 4,800 to learn from, 300 to judge'
    >>> subset(None, {"evaluated_on": "test"}, 70_000), subset(None, {"k": 10}, 70_000)
    ('test part', None)
    """
    told = [extent] if extent else []
    if part(params) != "all":
        told.append(f"{'training' if part(params) == 'train' else part(params)} part")
    if params.get("sample", n_samples) < n_samples:
        told.append(f"{params['sample']:,} drawn with replacement")
    learned = next((params[n] for n in ("rows", "n_train", "n_fit") if n in params), None)
    counts = {"to learn from": learned, "to judge": params.get("n_test")}
    drawn = [f"{n:,} {what}" for what, n in counts.items() if n is not None and n < n_samples]
    told += [", ".join(drawn)] if drawn else []
    return "; ".join(told) or None


def extent(found: pd.DataFrame) -> str:
    """Return which part or period of their data records are about, "" if all, or if they differ.

    Unlike the field ``subset`` it leaves out what the parameters chose of these data.

    Parameters
    ----------
    found : DataFrame
        Records of one data set.
    """
    told = set()
    for row in found[["subset", "params", "n_samples"]].to_dict("records"):
        text = row["subset"] if isinstance(row["subset"], str) else ""
        chosen = subset(None, row["params"], row["n_samples"]) or ""
        told.add(text.removesuffix(chosen).removesuffix("; "))
    return told.pop() if len(told) == 1 else ""


def of_extent(found: pd.DataFrame) -> str:
    """Return the end of a caption that names the `extent` of records, "" where they have none."""
    return f"; data: {extent(found)}" if extent(found) else ""


def check(record: Mapping[str, Any]) -> None:
    """Raise `LatentbookError` unless `record` has all fields of `SCHEMA`, with fitting values."""
    for field, types in SCHEMA.items():
        if field not in record:
            raise LatentbookError(f"a record lacks the field {field!r}")
        value = record[field]
        if not isinstance(value, types):
            raise LatentbookError(
                f"the field {field!r} of a record is {value!r}, but must be "
                f"{' or '.join(t.__name__ for t in types)}"
            )
    for field, (form, example) in _FORMS.items():
        value = record[field]
        if value is not None and not form.fullmatch(value):
            raise LatentbookError(
                f"the field {field!r} of a record is {value!r}, but must be spelled like {example}"
            )
    unknown = set(record) - set(SCHEMA)
    if unknown:
        raise LatentbookError(f"a record has the unknown field {sorted(unknown)[0]!r}")
    check_between("coverage", record["coverage"], 0, 1)
    for kind in ("metrics", "seconds"):
        for name, value in record[kind].items():
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise LatentbookError(
                    f"{name!r} among the {kind} of a record is {value!r}, not a number"
                )
    try:
        json.dumps(record, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise LatentbookError(f"a record cannot be written as JSON: {error}") from error


def setting(record: Mapping[str, Any]) -> str:
    """Return the values of `KEY` as text, equal for two measurements of one setting."""
    return json.dumps([record[field] for field in KEY], sort_keys=True)


def write(*new: Mapping[str, Any]) -> None:
    """Add records to the files of their chapters.

    Lines of the full scale are never changed or lost: a second measurement of a setting is one
    line more, unless the file holds its id. That happens where a run that was killed measures a
    setting again that it had written; the first measurement stays.
    Records of other profiles are scratch: of each setting the newest measurement stays, so that
    their files do not grow with every ``make book``.

    Several processes may write to the same file, and a process may be killed while it writes.

    Raises
    ------
    LatentbookError
        For a record that `check` refuses, and a file that `read` refuses; nothing is written then.
    """
    by_file: dict[Path, list[dict[str, Any]]] = {}
    for record in new:
        check(record)
        target = path(record["chapter"], record["profile"])
        by_file.setdefault(target, []).append(dict(record))
    for target, added in by_file.items():
        lock = paths.root() / "_build" / "locks" / f"{target.parent.name}-{target.stem}.lock"
        with files.writable(lock), FileLock(lock):
            rows = _lines(target)
            held = {row["id"] for _, row in rows}
            for row in added:
                if row["id"] not in held:
                    held.add(row["id"])
                    rows.append((json.dumps(row), row))
            if not _only_grows(target):
                rows = list({setting(row): (line, row) for line, row in rows}.values())
            rows.sort(key=lambda pair: _place(pair[1]))
            with files.atomic(target) as scratch:
                scratch.write_text("".join(f"{line}\n" for line, _ in rows))


def _only_grows(file: Path) -> bool:
    return file.parent == paths.records("paper")


def _place(record: Mapping[str, Any]) -> tuple[str, str, str]:
    """Sort records by setting, those of one setting by time, so that a difference is readable."""
    return setting(record), record["started"] or record["date"], record["id"]


def _lines(source: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return every line of a file with the record that it holds."""
    if not source.exists():
        return []
    rows: list[tuple[str, dict[str, Any]]] = []
    at: dict[str, int] = {}
    shown = source.relative_to(paths.root())
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"line {number} of {shown}"
        if line.startswith(_CONFLICT):
            raise LatentbookError(
                f"{where} is the mark {line[:7]} of a merge conflict: delete such marks and keep "
                "the records of both sides, because both were measured"
            )
        try:
            row = json.loads(line, parse_constant=_no_number)
            if not _only_grows(source) and isinstance(row, dict) and "id" not in row:
                continue  # scratch of a version whose records had no id
            check(row)
        except (ValueError, TypeError) as error:
            raise LatentbookError(
                f"{where} is not a record ({error}): restore the file or delete the line"
            ) from error
        if row["id"] in at:
            raise LatentbookError(
                f"lines {at[row['id']]} and {number} of {shown} have the same id {row['id']}: "
                "delete one if they are the same measurement, otherwise give one another id of "
                f"{provenance.ID_DIGITS} hexadecimal digits"
            )
        at[row["id"]] = number
        rows.append((line, row))
    return rows


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number, and a metric that is none is left out")


def read(
    chapter: str | None = None, profile: str = "paper", *, repeats: bool = False
) -> pd.DataFrame:
    """Return the records of one chapter, or of all chapters, one row each.

    Parameters
    ----------
    chapter : str, default=None
        Such as ``03-two-stage-clustering``; None reads all chapters.
    profile : str, default="paper"
        ``paper`` reads the committed records of full scale.
    repeats : bool, default=False
        Whether exact repeats are there too; see `without_repeats`.

    Returns
    -------
    DataFrame
        Columns as in `SCHEMA`; no rows if nothing has run. Several rows may have one setting.

    Raises
    ------
    LatentbookError
        If a line is not a record, or two records have one id.

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
    rows: dict[str, dict[str, Any]] = {}
    for source in sources:
        here = {row["id"]: row for _, row in _lines(source)}
        for same in rows.keys() & here.keys():
            raise LatentbookError(
                f"{source.relative_to(paths.root())} and a file before it hold the id {same}: "
                "delete the lines of one of them, or the file if it is a copy"
            )
        rows |= here
    found = pd.DataFrame(list(rows.values()), columns=list(SCHEMA))
    return found if repeats else without_repeats(found)


def without_repeats(found: pd.DataFrame) -> pd.DataFrame:
    """Return the records that are evidence of their own, in the same order.

    A run that is repeated with the same seed and gives the very same numbers says nothing new of
    how much a result varies. A record is a repeat if another one of its setting holds all of
    its metrics with the same values and has the same coverage; of equal ones the first counts.

    Parameters
    ----------
    found : DataFrame
        As `read` returns them.
    """
    fields = found[[*KEY, "metrics", "coverage"]].to_dict("records")
    counted: dict[str, list[int]] = {}
    for position, row in enumerate(fields):
        same = counted.setdefault(setting(row), [])
        if any(_holds(fields[other], row) for other in same):
            continue
        same[:] = [other for other in same if not _holds(row, fields[other])]
        same.append(position)
    positions = sorted(position for same in counted.values() for position in same)
    return found.iloc[positions].reset_index(drop=True)


def _holds(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether one measurement of a setting tells all that another one tells."""
    told = other["metrics"].items() <= one["metrics"].items()
    return bool(told and other["coverage"] == one["coverage"])


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

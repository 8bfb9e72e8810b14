"""Tables from files: CSV, whose separator and decimal sign are recognised, or Parquet.

The kinds of the columns are left to `columns`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Hashable, Sequence
from pathlib import Path

import pandas as pd
from pandas.api import types

from latentbook.errors import LatentbookError

#: Endings of the names of Parquet files; every other file is read as CSV.
PARQUET = (".parquet", ".pq")

#: Separators that a CSV file may have.
SEPARATORS = ",;\t"

#: Number of characters in which separator and decimal sign are looked for.
SAMPLE = 65_536


def read(path: str | Path) -> pd.DataFrame:
    r"""Read a CSV file with a header, or a Parquet file.

    Parameters
    ----------
    path : str or Path
        CSV in UTF-8, separated by commas, semicolons or tabs, or a file that ends in
        ``.parquet``. With semicolons or tabs, the decimal sign may be a comma.

    Returns
    -------
    DataFrame

    Raises
    ------
    LatentbookError
        If the file is missing, empty, neither text nor Parquet; if it has no header, only one
        column, no rows, rows longer than the header or two columns of one name; or if no Parquet
        reader is installed.

    Notes
    -----
    Values that pandas reads as missing (an empty field, ``NA``, ``null``, ``None``) are missing. A
    first column without a name that numbers the rows, as `DataFrame.to_csv` writes it, is left
    out.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "trees.csv"
    ...     _ = path.write_text("height;kind\n12,5;oak\n9,75;birch\n")
    ...     read(path)
       height   kind
    0   12.50    oak
    1    9.75  birch
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise LatentbookError(
            f"there is no file {path} (seen from {Path.cwd()}): give the path of a CSV or Parquet "
            "file"
        )
    try:
        if path.stat().st_size == 0:
            raise LatentbookError(f"{path.name} is empty: give a table with a header and rows")
        frame = _parquet(path) if path.suffix.lower() in PARQUET else _csv(path)
    except OSError as error:
        raise LatentbookError(f"cannot read {path}: {error.strerror or error}") from error
    return check_table(frame, path.name)


def check_table(frame: pd.DataFrame, name: str = "the table") -> pd.DataFrame:
    """Return `frame` with rows numbered from 0 and text as names of columns.

    Raises
    ------
    LatentbookError
        If `frame` is not a table, or has no rows, fewer than two columns or two columns of one
        name.
    """
    frame = named_columns(frame, name)
    if len(frame.columns) < 2:
        raise LatentbookError(
            f"{name} has {len(frame.columns)} column, but a label and something to learn from make "
            "two: separate the columns of a CSV file by commas, semicolons or tabs"
        )
    return frame


def named_columns(frame: pd.DataFrame, name: str = "the table") -> pd.DataFrame:
    """Return `frame` with text as unique names of columns, and rows numbered from 0."""
    if not isinstance(frame, pd.DataFrame):
        raise LatentbookError(f"{name} must be a pandas DataFrame, not {type(frame).__name__}")
    frame = frame.reset_index(drop=True).set_axis([str(column) for column in frame.columns], axis=1)
    _check_unique(list(frame.columns), name)
    if len(frame) == 0:
        raise LatentbookError(f"{name} has a header but no rows: give a table with rows")
    for column in frame:
        values = frame[column]
        simple = not types.is_complex_dtype(values)
        if types.is_object_dtype(values):  # as in a Parquet file with lists in it
            simple = all(isinstance(value, Hashable) for value in values)
        if not simple:
            raise LatentbookError(
                f"the column {column!r} holds values such as {values[0]!r}, which are neither "
                "numbers nor dates nor text: take it out of the table first"
            )
    return frame


def _check_unique(columns: Sequence[str], name: str) -> None:
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise LatentbookError(
            f"{name} has more than one column called {twice[0]!r}: give every column its own name"
        )


def _parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise LatentbookError(
            f"{path.name} is Parquet, which needs a library that is not installed: pip install "
            "pyarrow, or save the table as CSV"
        ) from error
    except (ValueError, OSError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise LatentbookError(f"{path.name} cannot be read as Parquet: {error}") from error
    return frame.reset_index() if frame.index.name else frame


def _csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            sample = stream.read(SAMPLE)
        if "\0" in sample:
            raise LatentbookError(f"{path.name} is not text: {_SAVE}")
        if not sample.strip():
            raise LatentbookError(f"{path.name} is empty: give a table with a header and rows")
        separator, decimal, names = _dialect(sample.lstrip("\r\n"))
        _check_header(names, path.name)
        frame = pd.read_csv(
            path,
            sep=separator,
            decimal=decimal,
            encoding="utf-8-sig",
            skipinitialspace=True,
            low_memory=False,
        )
    except UnicodeDecodeError as error:
        raise LatentbookError(f"{path.name} is not in UTF-8: {_SAVE}") from error
    except (csv.Error, pd.errors.ParserError) as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise LatentbookError(f"{path.name} is not a regular CSV file: {reason}") from error
    if not frame.index.equals(pd.RangeIndex(len(frame))):  # pandas turned the surplus into an index
        raise LatentbookError(
            f"the rows of {path.name} have more values than its header has names: name every column"
        )
    frame.columns = [str(column).strip() for column in frame.columns]
    if decimal == ",":
        frame = frame.apply(_with_points)
    first = frame.columns[0]
    steps = pd.to_numeric(frame[first], errors="coerce").diff().iloc[1:]
    if first.startswith("Unnamed") and (steps == 1).all():
        return frame.drop(columns=first)
    return frame


_SAVE = "save the table as CSV in UTF-8 (a spreadsheet offers that), or as Parquet"


def _dialect(sample: str) -> tuple[str, str, list[str]]:
    """Return separator, decimal sign and names of the columns.

    The separator is the one that splits the header into the most columns, and the rows into as
    many.
    """
    lines = sample.splitlines(keepends=True)[:20]
    headers = {}
    for separator in SEPARATORS:
        rows = [row for row in csv.reader(lines, delimiter=separator, skipinitialspace=True) if row]
        same = len(rows[0]) > 1 and len({len(row) for row in rows}) == 1
        headers[separator] = (same, len(rows[0])), rows[0]
    separator = max(headers, key=lambda key: headers[key][0])
    decimal = "."
    if separator != ",":
        edge = rf'[{separator}"\r\n]'
        signs = re.findall(rf"(?<={edge})[+-]?\d+([.,])\d+(?={edge})", sample)
        decimal = "," if signs.count(",") > signs.count(".") else "."
    return separator, decimal, [name.strip() for name in headers[separator][1]]


def _check_header(names: list[str], file: str) -> None:
    _check_unique([name for name in names if name], file)
    if pd.to_numeric(pd.Series(names), errors="coerce").notna().all():
        raise LatentbookError(
            f"the first line of {file} holds numbers instead of names: put a header above it"
        )


def _with_points(column: pd.Series) -> pd.Series:
    """Write numbers with a decimal point in a column that pandas read as text."""
    if not types.is_string_dtype(column):
        return column
    return column.str.replace(r"^([+-]?\d+),(\d+)$", r"\1.\2", regex=True)

"""Tables from files: CSV as people and programs save it, compressed or not, Excel and Parquet.

Encoding, lines above the header and separator are recognised here, what the values mean in
`as_written`. The kinds of the columns are left to `columns`.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandas.api import types

from latentbook.errors import LatentbookError
from latentbook.tabular.as_written import understood

#: Endings of the names of Parquet files; every other file is read as CSV.
PARQUET = (".parquet", ".pq")

#: Endings of the names of spreadsheets -> the package with which pandas reads them.
SPREADSHEETS = {".xlsx": "openpyxl", ".xlsm": "openpyxl", ".xls": "xlrd", ".ods": "odfpy"}

#: Separators that a CSV file may have.
SEPARATORS = ",;\t|"

#: Number of characters, and of lines among them, in which separator and header are looked for.
SAMPLE, SAMPLE_LINES = 65_536, 500

#: Encodings that are tried. The second is that of spreadsheets in western Europe and America.
ENCODINGS = ("utf-8-sig", "cp1252")

#: First bytes of files that are no text -> what they are.
_MAGIC = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"SQLite format": "a database of SQLite",
    b"\x89HDF": "HDF5",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
}


def read(path: str | Path, *, as_text: Collection[str] = ()) -> pd.DataFrame:
    r"""Read a CSV file with a header, the first sheet of a spreadsheet, or a Parquet file.

    Parameters
    ----------
    path : str or Path
        A file that ends in ``.parquet``, or CSV: in UTF-8, UTF-16 or Windows-1252, separated by
        commas, semicolons, tabs or ``|``, and compressed by gzip or not. Spreadsheets
        (``.xlsx``, ``.xls``, ``.ods``) are read where the package for them is installed.
    as_text : collection of str, default=()
        Columns whose values stay as they are written, such as identifiers.

    Returns
    -------
    DataFrame
        Its ``attrs`` hold ``remarks``, sentences on the file, and ``columns``, how the values of
        a column were read, where that is not plain.

    Raises
    ------
    LatentbookError
        If the file is missing, empty, neither text nor Parquet; if it has no header, only one
        column, no rows, rows longer than the header or two columns of one name; if thousands and
        decimals, or day and month, cannot be told apart in a column; or if no reader of Parquet or
        of spreadsheets is installed.

    Notes
    -----
    Values that pandas reads as missing (an empty field, ``NA``, ``null``, ``None``) are missing;
    in columns of numbers and dates also ``-``, ``?`` and others of `numbers_as_written.GAPS`. A
    first column without a name that numbers the rows, as `DataFrame.to_csv` writes it, is left
    out, and so are lines above the header and Excel's line ``sep=;``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "trees.csv"
    ...     _ = path.write_text("height;kind\n1.012,5;oak\n9,75;birch\n")
    ...     read(path)
        height   kind
    0  1012.50    oak
    1     9.75  birch
    """
    path = Path(path).expanduser()
    separator, remarks = ",", list[str]()
    if not path.is_file():
        raise LatentbookError(
            f"there is no file {path} (seen from {Path.cwd()}): give the path of a CSV or Parquet "
            "file"
        )
    try:
        if path.stat().st_size == 0:
            raise LatentbookError(f"{path.name} is empty: give a table with a header and rows")
        if path.suffix.lower() in PARQUET:
            frame = _parquet(path)
        elif path.suffix.lower() in SPREADSHEETS:
            frame, remarks = _spreadsheet(path)
        else:
            frame, separator, remarks = _csv(path)
    except OSError as error:
        raise LatentbookError(f"cannot read {path}: {error.strerror or error}") from error
    frame = check_table(frame, path.name)
    meant = understood(frame, separator=separator, as_text=as_text, file=path.name)
    meant.frame.attrs = {"remarks": remarks, "columns": meant.remarks}
    return meant.frame


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
            "two: separate the columns of a CSV file by commas, semicolons, tabs or |"
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


def _spreadsheet(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the first sheet of a workbook, and sentences on others and on lines left out."""
    package = SPREADSHEETS[path.suffix.lower()]
    try:
        sheets = pd.read_excel(path, sheet_name=None, header=None)
    except ImportError as error:
        raise LatentbookError(
            f"{path.name} is a spreadsheet, which needs a package that is not installed: pip "
            f"install {package}, or save the sheet as CSV"
        ) from error
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise LatentbookError(f"{path.name} cannot be read as a spreadsheet: {error}") from error
    return _first_sheet(sheets, path.name)


def _first_sheet(sheets: Mapping[str, pd.DataFrame], file: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of the first of some sheets of cells, and what was left out."""
    sheet, cells = next(iter(sheets.items()))
    remarks = [f"Of {len(sheets)} sheets the first is read, {sheet!r}."] if len(sheets) > 1 else []
    cells = cells.dropna(how="all").dropna(how="all", axis=1)
    rows = cells.astype(object).where(cells.notna(), "").astype(str).to_numpy().tolist()
    above = _titles(rows[:SAMPLE_LINES])
    if not rows[above:]:
        raise LatentbookError(f"{file} is empty: give a table with a header and rows")
    names = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(rows[above])]
    _check_header(names, file)
    if above:
        lines = "One line" if above == 1 else f"{above} lines"
        first = next(filter(None, rows[0]))[:60]
        remarks.append(f"{lines} above the header left out, beginning with {first!r}.")
    frame = cells.iloc[above + 1 :].set_axis(names, axis=1).infer_objects()
    return frame.reset_index(drop=True), remarks


def _csv(path: Path) -> tuple[pd.DataFrame, str, list[str]]:
    """Return a table of text, its separator, and sentences on what was left out."""
    content = _content(path)
    remarks = []
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "cp1252":
            remarks.append(
                f"{path.name} is not in UTF-8 and was read as Windows-1252: look at letters with "
                "accents."
            )
        break
    else:
        raise LatentbookError(f"{path.name} is neither in UTF-8 nor in Windows-1252: {_SAVE}")
    if "\0" in text[:SAMPLE]:
        raise LatentbookError(f"{path.name} is not text: {_SAVE}")
    if not text[:SAMPLE].strip():
        raise LatentbookError(f"{path.name} is empty: give a table with a header and rows")
    try:
        layout = _layout(text[:SAMPLE], len(text) > SAMPLE)
        _check_header(layout.names, path.name)
        del text  # it is large, and pandas reads the bytes
        frame = pd.read_csv(
            io.BytesIO(content),
            encoding=encoding,
            sep=layout.separator,
            skiprows=layout.above,
            dtype=str,
            skipinitialspace=True,
        )
    except (csv.Error, pd.errors.ParserError) as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise LatentbookError(f"{path.name} is not a regular CSV file: {reason}") from error
    if not frame.index.equals(pd.RangeIndex(len(frame))):  # pandas turned the surplus into an index
        raise LatentbookError(
            f"the rows of {path.name} have more values than its header has names: name every column"
        )
    if layout.titles:
        count, first = len(layout.titles), layout.titles[0][:60]
        lines = "One line" if count == 1 else f"{count} lines"
        remarks.append(f"{lines} above the header left out, beginning with {first!r}.")
    frame.columns = [str(column).strip() for column in frame.columns]
    first = frame.columns[0]
    steps = pd.to_numeric(frame[first], errors="coerce").diff().iloc[1:]
    if first.startswith("Unnamed") and (steps == 1).all():
        frame = frame.drop(columns=first)
    hollow = [c for c in frame if c.startswith("Unnamed") and frame[c].isna().all()]
    return frame.drop(columns=hollow), layout.separator, remarks


_SAVE = "save the table as CSV in UTF-8 (a spreadsheet offers that), or as Parquet"


def _content(path: Path) -> bytes:
    """Return the bytes of a file of text, unpacked if gzip packed them."""
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise LatentbookError(f"{path.name} is damaged ({error}): fetch it again") from error
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            raise LatentbookError(f"{path.name} is {what}, and not text: {_SAVE}")
    return content


def _encodings(content: bytes) -> tuple[str, ...]:
    return ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ENCODINGS


@dataclass(frozen=True)
class _Layout:
    """Separator, names of the columns, lines above them, and those that say something."""

    separator: str
    names: list[str]
    above: int
    titles: list[str]


def _layout(sample: str, cut: bool) -> _Layout:
    """Find separator and header.

    The separator is the one that splits the header into the most columns, and the rows into as
    many, if possible without titles. Above the header stand comments, and lines of which at most
    half of the columns are filled.
    """
    lines = sample.splitlines(keepends=True)[: -1 if cut else None][:SAMPLE_LINES] or [sample]
    above = next(i for i, line in enumerate(lines) if line.strip())
    told = re.fullmatch(r'"?sep=(.)"?\s*', lines[above], flags=re.IGNORECASE)
    if told:
        above += 1
    found: dict[str, tuple[tuple[bool, bool, int], _Layout]] = {}
    for separator in (told[1],) if told else SEPARATORS:
        comments = _comments(lines, above, separator)
        start = above + comments
        rows = list(csv.reader(lines[start:], delimiter=separator, skipinitialspace=True))
        skipped = _titles([row for row in rows if row])
        filled = [i for i, row in enumerate(rows) if row]
        table = [row for row in rows if row][skipped:]
        if not table:
            continue
        same = len(table[0]) > 1 and len({len(row) for row in table[:20]}) == 1
        before = start + (filled[skipped] if skipped else 0)
        titles = [line.strip() for line in lines[above:before] if line.strip(f"{separator} \r\n")]
        names = [name.strip() for name in table[0]]
        found[separator] = (
            (same and not skipped, same, len(names)),
            _Layout(separator, names, before, titles),
        )
    if not found:
        raise csv.Error("there are comments and no header")
    return max(found.values(), key=lambda pair: pair[0])[1]


def _comments(lines: list[str], start: int, separator: str) -> int:
    """Return how many lines are comments; a header may begin with # as well."""
    count = 0
    while start + count < len(lines) and re.match(r"\s*(#|$)", lines[start + count]):
        count += 1
    below = lines[start + count].count(separator) if start + count < len(lines) else 0
    if count and below and lines[start + count - 1].count(separator) == below:
        header = lines[start + count - 1]
        return count - 1 if header.strip() else count
    return count


def _titles(rows: list[list[str]]) -> int:
    """Return how many of the first rows are titles: at most half as full as the usual row."""
    widths = [len(row) for row in rows]
    usual = max(set(widths), key=widths.count) if widths else 0
    for i, row in enumerate(rows):
        if 2 * sum(bool(value.strip()) for value in row) > usual or usual < 2:
            return i
    return 0


def _check_header(names: list[str], file: str) -> None:
    _check_unique([name for name in names if name], file)
    if pd.to_numeric(pd.Series(names), errors="coerce").notna().all():
        raise LatentbookError(
            f"the first line of {file} holds numbers instead of names: put a header above it"
        )

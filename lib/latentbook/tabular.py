"""Any table: from a file to a matrix that a network can learn, and from scores back to reasons.

A reader's own CSV, simulated trades and network connections all become a `Dataset` here, whose
matrix never saw a test row while it was scaled, and whose every column knows what it was made of.
Networks, detectors and figures are left to `latent_anomalies`.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from latentbook import anomaly, files
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, check_matrix, choose

#: Endings of the names of Parquet files; every other file is read as CSV.
PARQUET = (".parquet", ".pq")

#: Separators that a CSV file may have.
SEPARATORS = ",;\t"

#: Characters that separator and decimal sign are recognised by.
SAMPLE = 65_536

#: Share of a text column that must be numbers (or dates) for it to be one of numbers (or dates).
PARSED_SHARE = 0.9

#: A value of a category gets a column if it is in so many training rows, and among the most
#: frequent `MAX_CATEGORIES`; all others share the column ``other``.
MIN_ROWS = 5
MAX_CATEGORIES = 100

#: Numbers are logarithmic beyond so many robust standard deviations from their median ...
REACH = 3.0

#: ... and end at so many standard deviations.
LIMIT = 10.0

#: Ratio of the standard deviation of a bell curve to its median distance from the median.
NORMAL = 1.4826

#: Numbers beyond are as far out as this: differences and squares of them stay finite.
HUGE = 1e100

#: Training rows that a class needs: a network places a class by 5, and a tenth of the training
#: rows, drawn at random, is held out from it.
CLASS_ROWS = 10

#: A label that is a number has at most so many values.
MAX_NUMBERS = 100

MISSING, OTHER = "(missing)", "other"

#: What to do with classes of fewer than `CLASS_ROWS` training rows.
RARE = ("error", "merge", "drop")


def read(path: str | Path) -> pd.DataFrame:
    """Read a CSV file with a header, or a Parquet file.

    Parameters
    ----------
    path
        CSV in UTF-8, separated by commas, semicolons or tabs, or a file that ends in
        ``.parquet``. Where the separator is no comma, the decimal sign may be one.

    Notes
    -----
    What pandas takes as missing (an empty field, ``NA``, ``null``, ``None``) is missing. A first
    column without a name that numbers the rows, as `DataFrame.to_csv` writes it, is left out.

    Raises
    ------
    LatentbookError
        If the file is missing, empty, no text or no Parquet, has no header, one column only, no
        rows, rows longer than the header or two columns of one name, or if no Parquet reader is
        installed.
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
        If it is no table, has no rows, fewer than two columns or two columns of one name.
    """
    frame = _columns(frame, name)
    if len(frame.columns) < 2:
        raise LatentbookError(
            f"{name} has {len(frame.columns)} column, but a label and something to learn from make "
            "two: separate the columns of a CSV file by commas, semicolons or tabs"
        )
    return frame


def _columns(frame: pd.DataFrame, name: str = "the table") -> pd.DataFrame:
    """Return `frame` with text as names of columns, if unique, and rows numbered from 0."""
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
                f"the column {column!r} holds values such as {values[0]!r}, which are no numbers, "
                "dates or text: take it out of the table first"
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
            raise LatentbookError(f"{path.name} is no text: {_SAVE}")
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
        raise LatentbookError(f"{path.name} is no regular CSV file: {reason}") from error
    if not frame.index.equals(pd.RangeIndex(len(frame))):  # pandas made an index of the surplus
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

    The separator is the one that makes the most columns of the header, and as many of the rows.
    """
    lines = sample.splitlines(keepends=True)[:20]
    found = {}
    for separator in SEPARATORS:
        rows = [row for row in csv.reader(lines, delimiter=separator, skipinitialspace=True) if row]
        same = len(rows[0]) > 1 and len({len(row) for row in rows}) == 1
        found[separator] = (same, len(rows[0])), rows[0]
    separator = max(found, key=lambda key: found[key][0])
    decimal = "."
    if separator != ",":
        edge = rf'[{separator}"\r\n]'
        signs = re.findall(rf"(?<={edge})[+-]?\d+([.,])\d+(?={edge})", sample)
        decimal = "," if signs.count(",") > signs.count(".") else "."
    return separator, decimal, [name.strip() for name in found[separator][1]]


def _check_header(names: list[str], file: str) -> None:
    _check_unique([name for name in names if name], file)
    if pd.to_numeric(pd.Series(names), errors="coerce").notna().all():
        raise LatentbookError(
            f"the first line of {file} holds numbers, no names of columns: put a header above it"
        )


def _with_points(column: pd.Series) -> pd.Series:
    """Write numbers with a decimal point in a column where some text kept them from being read."""
    if not types.is_string_dtype(column):
        return column
    return column.str.replace(r"^([+-]?\d+),(\d+)$", r"\1.\2", regex=True)


def _floats(values: pd.Series) -> np.ndarray:
    """Return numbers; NaN for what is missing or no number."""
    if types.is_timedelta64_dtype(values):
        values = values.dt.total_seconds()
    if not types.is_numeric_dtype(values) and not types.is_bool_dtype(values):
        values = pd.to_numeric(values.astype(object), errors="coerce")
    return values.to_numpy(np.float64, na_value=np.nan)


def _dates(values: pd.Series) -> pd.Series:
    """Return times without a zone; NaT for what is missing or no date in ISO 8601."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_localize(None)  # the hour of day is that of the place
    if types.is_datetime64_dtype(values):
        return values
    text = values.astype(object).map(str, na_action="ignore")
    return pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)


def _texts(values: pd.Series) -> np.ndarray:
    """Return text, the same for 1, 1.0 and "1"; `MISSING` for what is missing."""
    codes, distinct = pd.factorize(values.astype(object))
    names = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in distinct]
    return np.array([*(name.strip() for name in names), MISSING], dtype=object)[codes]


def _typed(values: pd.Series, kind: str) -> dict[str, np.ndarray]:
    """Return what a column is turned into: name of the part -> one value a row.

    Numbers are floats, NaN if missing or infinite; a category is text; a date is three numbers:
    the day since 1970, the day of the week (Monday is 0) and the hour of the day with its fraction.
    """
    name = str(values.name)
    if kind == "category":
        return {name: _texts(values)}
    if kind == "number":
        floats = _floats(values)
        return {name: np.where(np.isfinite(floats), floats, np.nan)}
    dates = _dates(values)
    midnight = dates.dt.normalize()
    parts = {
        "day": (midnight - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1),
        "weekday": dates.dt.day_of_week,
        "hour": (dates - midnight) / pd.Timedelta(hours=1),
    }
    return {f"{name} {part}": numbers.to_numpy(np.float64) for part, numbers in parts.items()}


_NUMERIC = (types.is_numeric_dtype, types.is_bool_dtype, types.is_timedelta64_dtype)


def _kind(values: pd.Series) -> str:
    """Return what a column holds: ``number``, ``date`` or ``category``."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "category"
    if any(holds(values) for holds in _NUMERIC):
        return "number"
    if types.is_datetime64_any_dtype(values):
        return "date"
    present = values.dropna()
    if np.mean(~np.isnan(_floats(present))) >= PARSED_SHARE:
        return "number"
    iso = present.astype(str).str.match(r"\d{4}-\d\d-\d\d([ T]|$)")
    return "date" if iso.mean() >= PARSED_SHARE <= _dates(present).notna().mean() else "category"


def _decide(values: pd.Series) -> tuple[str, str]:
    """Return what becomes of a column (``dropped``, or its kind), and a remark on it."""
    if values.isna().all():
        return "dropped", "all missing"
    kind = _kind(values)
    typed = pd.DataFrame(_typed(values, kind))
    if kind != "category":
        if typed.isna().all(axis=None):
            return "dropped", "no finite number"
        if typed.nunique().max() == 1:
            if not typed.isna().any(axis=None):
                return "dropped", "constant"
            kind, typed = "category", pd.DataFrame(_typed(values, "category"))
    if kind != "category":
        return kind, _unread(values, kind)
    counts = typed.iloc[:, 0].value_counts()
    if len(counts) == 1:
        return "dropped", "constant"
    if counts.drop(MISSING, errors="ignore").max() < MIN_ROWS:
        return "dropped", f"text of which no value is in {MIN_ROWS} rows, as in identifiers"
    return kind, ""


def _unread(values: pd.Series, kind: str) -> str:
    """Say what in a column of numbers or dates is none, and whether they look like identifiers."""
    remarks = []
    read = _dates(values).to_numpy() if kind == "date" else _floats(values)
    odd = values[values.notna() & pd.isna(read)]
    if len(odd):
        remarks.append(f"{len(odd)} no {kind} (first {str(odd.iloc[0])!r}), taken as missing")
    if kind == "number":
        infinite = int(np.isinf(read).sum())
        remarks += [f"{infinite} infinite, taken as missing"] if infinite else []
        whole = len(read) >= 20 and np.isfinite(read).all() and (read % 1 == 0).all()
        if whole and len(np.unique(read)) == len(read):
            remarks.append("all different whole numbers: drop it if it is an identifier")
    return "; ".join(remarks)


class Encoder(TransformerMixin, BaseEstimator):
    """A table as a matrix of float32: numbers of variance about 1, categories as 0 or 1 / √2.

    What becomes of a column is decided by `fit` from the training rows:

    - *Numbers*: asinh((x - m) / (3 s)), standardised and clipped at ±10, where m is the median and
      s is 1.48 times the median distance from m of the rows that differ from m (the standard
      deviation of a bell curve). This is linear within some 3 s, so bell curves keep their shape,
      and logarithmic beyond, so that a heavy tail does not flatten the rest of its column, and an
      outlier remains one. Mean and standard deviation are those of the values limited to ±10 / 3.
      A power transform by maximum likelihood would squeeze the tail of a column that is mostly
      zero into nearly one value.
    - *Missing numbers*, infinite ones, and text in a column of which 90 % are numbers: the median,
      and a column ``=(missing)`` that is 1 there, if training rows have them.
    - *Dates* (also text in ISO 8601): three numbers, see `_typed`.
    - *Categories*: one-hot over the 100 most frequent values with 5 rows or more; all others, and
      later unseen ones, are ``=other``. If there are no others in training, an unseen value is 0
      everywhere. A missing value is a value. Divided by √2, so that another category costs a
      squared error of 1: as much as a number that is one standard deviation off.
    - *Dropped*: what is all missing or constant, and text that hardly repeats. A new value in a
      constant column would be a clear anomaly, but none that a network learns to see.

    Numbers that are codes (of a branch, of a place) cannot be told from measurements: convert them
    to text first. Two-valued numbers are numbers, so that a rare 1 is far out.

    Attributes
    ----------
    report_ : DataFrame
        One row a column of the table: ``column``, ``kind`` (number, date, category or dropped),
        ``missing`` (training rows), ``columns`` (made of it) and ``remark``.
    names_ : list of str
        Name of each column of the matrix.
    source_ : vector of integers
        Position in `feature_names_in_` of the column each was made of.
    feature_names_in_ : array of str
        Columns of the table, dropped ones included.
    """

    def fit(self, frame: pd.DataFrame, y: Any = None) -> Encoder:
        """Decide what becomes of each column, and learn scales and categories.

        Raises
        ------
        LatentbookError
            If no column is left to learn from.
        """
        frame = _columns(frame)
        decisions = {name: _decide(frame[name]) for name in frame}
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.kinds_ = {name: kind for name, (kind, _) in decisions.items() if kind != "dropped"}
        self._text_given = {n for n in self.kinds_ if not types.is_numeric_dtype(frame[n])}
        if not self.kinds_:
            reasons = ", ".join(f"{name}: {remark}" for name, (_, remark) in decisions.items())
            raise LatentbookError(f"no column is left to learn from ({reasons})")
        self._numbers: list[tuple[str, str]] = []  # column, part
        self._categories = [name for name, kind in self.kinds_.items() if kind == "category"]
        for name in self.kinds_.keys() - set(self._categories):
            parts = pd.DataFrame(_typed(frame[name], self.kinds_[name]))
            self._numbers += [(name, part) for part in parts if parts[part].nunique() > 1]
        order = list(self.kinds_)
        self._numbers.sort(key=lambda pair: order.index(pair[0]))
        clipped = self._fit_numbers(self._number_parts(frame)) if self._numbers else {}
        if self._categories:
            self._one_hot = OneHotEncoder(
                min_frequency=MIN_ROWS,
                max_categories=MAX_CATEGORIES + 1,
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
            ).fit(self._category_parts(frame))
        self._name_columns()
        self.report_ = self._report(frame, decisions, clipped)
        return self

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Return `frame` as float32 matrix of shape (n_rows, len(names_)), always finite.

        Columns that `fit` did not see are ignored; the order of the columns does not matter.

        Raises
        ------
        LatentbookError
            If a column is missing, or holds text where it held numbers or dates, or numbers where
            it held text.
        """
        self._check_fitted()
        frame = _columns(frame)
        for name in self.kinds_:
            if name not in frame:
                raise LatentbookError(
                    f"the table lacks the column {name!r} that the encoder was fitted on; it has "
                    f"{', '.join(frame.columns)}"
                )
            self._check_kind(frame[name])
        blocks = []
        if self._numbers:
            blocks.append(self._imputer.transform(self._standard(self._number_parts(frame))))
        if self._categories:
            blocks.append(self._one_hot.transform(self._category_parts(frame)) / math.sqrt(2))
        return np.hstack(blocks).astype(np.float32)

    def inverse_transform(self, matrix: np.ndarray) -> pd.DataFrame:
        """Return the table a matrix stands for, with the columns that were not dropped.

        Numbers are kept within the range of the training rows, a category is the value with the
        largest entry, and a date is a day. So what a network reconstructs can be read.
        """
        self._check_fitted()
        self._check_width(matrix, "matrix")
        found: dict[str, Any] = {}
        if self._numbers:
            standard = np.asarray(matrix[:, : len(self._numbers)], np.float64)
            with np.errstate(over="ignore"):
                values = self._centre + self._width * np.sinh(
                    self._scaler.inverse_transform(standard)
                )
            values = np.clip(values, self._low, self._high)
            for (name, part), column in zip(self._numbers, values.T, strict=True):
                if self.kinds_[name] == "number":
                    found[name] = column
                elif part.endswith(" day"):
                    found[name] = pd.to_datetime(column.round(), unit="D", errors="coerce")
        for name in self._categories:
            where = np.flatnonzero(
                (self.source_ == self._position(name)) & (np.arange(len(self.names_)) >= self._hot)
            )
            values = np.array([self.names_[i].removeprefix(f"{name}=") for i in where], object)
            found[name] = values[matrix[:, where].argmax(axis=1)]
        return pd.DataFrame({name: found[name] for name in self.kinds_ if name in found})

    def column_errors(self, x: np.ndarray, reconstruction: np.ndarray) -> pd.DataFrame:
        """Return the squared error of every row, by the column of the table that it arose in.

        Parameters
        ----------
        x, reconstruction : arrays of shape (n_rows, len(names_))

        Returns
        -------
        DataFrame of shape (n_rows, columns not dropped)
            Its sum over a row is the squared error of that row.
        """
        self._check_fitted()
        self._check_width(x, "x")
        self._check_width(reconstruction, "reconstruction")
        if len(x) != len(reconstruction):
            raise LatentbookError(
                f"x has {len(x)} rows, but reconstruction has {len(reconstruction)}"
            )
        squared = (np.asarray(x, np.float64) - reconstruction) ** 2
        positions = [self._position(name) for name in self.kinds_]
        belongs = self.source_[:, None] == np.array(positions)[None]
        return pd.DataFrame(squared @ belongs, columns=list(self.kinds_))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return `names_` as an array, as scikit-learn's transformers do."""
        self._check_fitted()
        return np.array(self.names_, dtype=object)

    def _check_fitted(self) -> None:
        if not hasattr(self, "report_"):
            raise LatentbookError("the encoder knows no table yet: call fit first")

    def _check_width(self, matrix: np.ndarray, what: str) -> None:
        check_matrix(matrix, what)
        if matrix.shape[1] != len(self.names_):
            raise LatentbookError(
                f"{what} has {matrix.shape[1]} columns, but the table was made into "
                f"{len(self.names_)}"
            )

    def _position(self, name: str) -> int:
        return list(self.feature_names_in_).index(name)

    def _check_kind(self, values: pd.Series) -> None:
        """Raise if hardly any value is of the kind the column had when fitted."""
        name, kind, present = str(values.name), self.kinds_[str(values.name)], values.dropna()
        if present.empty:
            return
        if kind == "category":
            known = self._one_hot.categories_[self._categories.index(name)]
            changed = types.is_numeric_dtype(values) and name in self._text_given
            if changed and not np.isin(_texts(present), known).any():
                raise LatentbookError(
                    f"column {name!r} was fitted on text such as {known[0]!r}, but now holds "
                    f"numbers such as {present.iloc[0]}: give the same columns"
                )
            return
        read = _dates(present).to_numpy() if kind == "date" else _floats(present)
        if pd.isna(read).mean() > 0.5:
            example = str(present[pd.isna(read)].iloc[0])
            raise LatentbookError(
                f"column {name!r} was fitted on {kind}s, but now holds {values.dtype} such as "
                f"{example!r}: give the same columns"
            )

    def _number_parts(self, frame: pd.DataFrame) -> np.ndarray:
        names = dict.fromkeys(name for name, _ in self._numbers)
        typed = {name: _typed(frame[name], self.kinds_[name]) for name in names}
        return np.column_stack([typed[name][part] for name, part in self._numbers])

    def _category_parts(self, frame: pd.DataFrame) -> np.ndarray:
        return np.column_stack([_texts(frame[name]) for name in self._categories])

    def _fit_numbers(self, values: np.ndarray) -> dict[str, int]:
        """Learn how numbers are scaled; return for each column how many rows are clipped."""
        self._low, self._high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        bounded = np.clip(values, -HUGE, HUGE)
        self._centre = np.nanmedian(bounded, axis=0)
        distance = np.abs(bounded - self._centre)
        distance[distance == 0] = np.nan  # else a column that is mostly zero has no width
        with np.errstate(under="ignore"):
            self._width = REACH * NORMAL * np.nan_to_num(_median(distance), nan=1.0)
        # a few values far out must not set the scale of all others
        near = np.clip(self._softened(values), -LIMIT / REACH, LIMIT / REACH)
        self._scaler = StandardScaler().fit(near)
        self._imputer = SimpleImputer(strategy="median", add_indicator=True)
        self._imputer.fit(self._standard(values))
        beyond = np.abs(self._scaler.transform(self._softened(values))) > LIMIT
        counts = dict.fromkeys((name for name, _ in self._numbers), 0)
        for (name, _), count in zip(self._numbers, beyond.sum(axis=0), strict=True):
            counts[name] += int(count)
        return counts

    def _softened(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            ratio = (np.clip(values, -HUGE, HUGE) - self._centre) / self._width
        return np.arcsinh(np.clip(ratio, -HUGE, HUGE))

    def _standard(self, values: np.ndarray) -> np.ndarray:
        return np.clip(self._scaler.transform(self._softened(values)), -LIMIT, LIMIT)

    def _name_columns(self) -> None:
        """Name the columns of the matrix: numbers, then what is missing, then categories."""
        pairs = [(name, part) for name, part in self._numbers]
        if self._numbers:
            missing = self._imputer.indicator_.features_
            pairs += [(self._numbers[i][0], f"{self._numbers[i][1]}={MISSING}") for i in missing]
        self._hot = len(pairs)
        for i, name in enumerate(self._categories):
            others = self._one_hot.infrequent_categories_[i]
            hidden = set() if others is None else set(others)
            values = [v for v in self._one_hot.categories_[i] if v not in hidden]
            values += [OTHER] if hidden else []
            pairs += [(name, f"{name}={value}") for value in values]
        self.names_ = [made for _, made in pairs]
        self.source_ = np.array([self._position(name) for name, _ in pairs])

    def _report(
        self, frame: pd.DataFrame, decisions: dict[str, tuple[str, str]], clipped: dict[str, int]
    ) -> pd.DataFrame:
        rows = []
        for i, (name, (kind, remark)) in enumerate(decisions.items()):
            values = frame[name]
            missing = values.isna()
            if kind in ("number", "date"):
                first = next(iter(_typed(values, kind).values()))
                missing = pd.Series(np.isnan(first))
            remarks = [remark, self._others(name) if kind == "category" else ""]
            if clipped.get(name):
                remarks.append(f"{clipped[name]} clipped at {LIMIT:g} standard deviations")
            rows.append(
                {
                    "column": name,
                    "kind": kind,
                    "missing": int(missing.sum()),
                    "columns": int((self.source_ == i).sum()),
                    "remark": "; ".join(filter(None, remarks)),
                }
            )
        return pd.DataFrame(rows)

    def _others(self, name: str) -> str:
        """Say how many values of a category share one column."""
        i = self._categories.index(name)
        others, all_values = (
            kept[i] for kept in (self._one_hot.infrequent_categories_, self._one_hot.categories_)
        )
        if others is None:
            return ""
        return f"{len(others)} of {len(all_values)} values share {OTHER!r}"


def _median(distance: np.ndarray) -> np.ndarray:
    """Return the median of each column that is not NaN; NaN, without a warning, if all are."""
    empty = np.isnan(distance).all(axis=0)
    return np.where(empty, np.nan, np.nanmedian(np.where(empty, 0.0, distance), axis=0))


@dataclass(frozen=True)
class Table:
    """A table, ready to learn: training rows first, each part in the order of the file.

    Attributes
    ----------
    data
        The matrix, the classes, and in `index` the row of the table given (from 0). Its likelihood
        is the Gaussian one.
    encoder
        Fitted on the training rows.
    frame
        All columns of the table given, in the order of `data`.
    label
        Columns that the classes are made of.
    truth
        True for known anomalies, or None; no network sees it.
    unlabelled
        Number of rows left out because their label is missing.
    rare
        Class -> number of rows, of classes too small: merged into ``other``, or dropped.
    rare_are
        ``merge`` or ``drop``: which of the two (``error`` if there are none).
    """

    data: Dataset
    encoder: Encoder
    frame: pd.DataFrame
    label: tuple[str, ...]
    truth: np.ndarray | None
    unlabelled: int
    rare: dict[str, int]
    rare_are: str

    @property
    def remarks(self) -> list[str]:
        """Sentences that say which rows and classes are not as in the file."""
        found = []
        if self.unlabelled:
            found.append(f"{self.unlabelled:,} rows without a label are left out.")
        if self.rare:
            done = f"merged into {OTHER!r}" if self.rare_are == "merge" else "left out"
            found.append(
                f"{len(self.rare)} classes with fewer than {CLASS_ROWS} training rows, "
                f"{sum(self.rare.values()):,} rows in all, are {done}."
            )
        return found


def dataset(
    frame: pd.DataFrame,
    label: str | Sequence[str],
    *,
    seed: int,
    name: str,
    drop: Sequence[str] = (),
    truth: str | None = None,
    n_train: int | None = None,
    split: str | None = None,
    rare: str = "error",
) -> Table:
    """Make a table into a `Dataset` whose classes are the values of `label`.

    Parameters
    ----------
    frame
        As from `read`.
    label
        The column to condition on, or several, whose combinations are the classes.
    seed
        Of the rows drawn for training: two thirds of each class.
    name
        In records and figures.
    drop
        Columns that the network must not see.
    truth
        A column of 0 and 1 (or False and True) that marks known anomalies; the network does not
        see it.
    n_train
        Take the first `n_train` rows of `frame` for training instead.
    split
        Or take those where this column is ``train``; it must be ``test`` elsewhere.
    rare
        What to do with classes of fewer than 10 training rows: ``error``, ``merge`` them into the
        class ``other``, or ``drop`` their rows.

    Raises
    ------
    LatentbookError
        For a column that does not exist, a label that is a number with more than 100 values, one
        class only, a class that is too small, a truth that is not 0 and 1, no rows for training or
        testing, or no column to learn from.
    """
    frame = check_table(frame)
    labels = (label,) if isinstance(label, str) else tuple(label)
    if not labels:
        raise LatentbookError("label names no column: choose one to condition on")
    others = [column for column in (truth, split) if column is not None]
    for column in (*labels, *drop, *others):
        choose("column", column, frame.columns)
    choose("treatment of rare classes", rare, RARE)
    if n_train is not None and split is not None:
        raise LatentbookError("n_train and split both name the training rows: give one of them")
    known = np.flatnonzero(frame[list(labels)].notna().all(axis=1))
    classes, y = _classes(frame.iloc[known], labels)
    training = _training(frame, known, y, seed, n_train, split)
    classes, y, small = _without_rare(classes, y, training, rare, " + ".join(labels))
    kept = np.flatnonzero(y >= 0)
    order = np.concatenate([kept[training[kept]], kept[~training[kept]]])
    rows, n_fit = known[order], int(training[kept].sum())
    ordered = frame.iloc[rows].reset_index(drop=True)
    features = ordered.drop(columns=[*dict.fromkeys([*labels, *drop, *others])])
    if features.shape[1] == 0:
        raise LatentbookError("no column is left to learn from: drop fewer")
    encoder = Encoder().fit(features.iloc[:n_fit])
    data = Dataset(
        name=name,
        x=encoder.transform(features),
        y=y[order],
        classes=classes,
        n_train=n_fit,
        sha256=_digest(frame),
        index=rows,
        complete=len(rows) == len(frame),
        source=f"the table {name}",
        frame=ordered,
    )
    marks = None if truth is None else _truth(frame[truth])[rows]
    return Table(
        data, encoder, ordered, labels, marks, len(frame) - len(known), small, rare if small else ""
    )


def _classes(frame: pd.DataFrame, labels: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the classes, in the order of their values, and the class of each row."""
    for label in labels:
        values = frame[label]
        plain_number = types.is_numeric_dtype(values) and not types.is_bool_dtype(values)
        if plain_number and values.nunique() > MAX_NUMBERS:
            raise LatentbookError(
                f"the label {label!r} is a number with {values.nunique():,} different values: "
                f"choose a column of categories, or of at most {MAX_NUMBERS} numbers"
            )
    texts = _texts(frame[labels[0]])
    for label in labels[1:]:
        texts = texts + " + " + _texts(frame[label])
    first = frame[list(labels)][~pd.Series(texts, frame.index).duplicated()]
    try:
        order = first.sort_values(list(labels), kind="stable").index
    except TypeError:  # text among numbers has no order
        order = first.astype(str).sort_values(list(labels)).index
    names = tuple(pd.Series(texts, frame.index)[order])
    if len(names) < 2:
        raise LatentbookError(
            f"the label {' + '.join(labels)!r} has {len(names)} class in the rows that have one: "
            "choose a column with two or more"
        )
    return names, pd.Categorical(texts, categories=list(names)).codes.astype(np.int64)


def _training(
    frame: pd.DataFrame,
    known: np.ndarray,
    y: np.ndarray,
    seed: int,
    n_train: int | None,
    split: str | None,
) -> np.ndarray:
    """Return True for the training rows among the rows `known`."""
    if split is not None:
        words = set(frame[split].dropna().astype(str))
        if words != {"train", "test"} or frame[split].isna().any():
            raise LatentbookError(
                f"the column {split!r} must be 'train' or 'test' in every row, and have both, but "
                f"holds {', '.join(sorted(words)[:5]) or 'nothing'}"
            )
        training = (frame[split].astype(str) == "train").to_numpy()[known]
    elif n_train is not None:
        check_between("n_train", n_train, 1, len(frame) - 1)
        training = known < n_train
    else:
        rng = np.random.default_rng(seed)
        training = np.zeros(len(known), dtype=bool)
        for c in range(y.max(initial=-1) + 1):
            rows = rng.permutation(np.flatnonzero(y == c))
            training[rows[: math.ceil(2 * len(rows) / 3)]] = True
    if training.all():
        raise LatentbookError("no row with a label is left to test: train on fewer rows")
    return training


def _without_rare(
    classes: tuple[str, ...], y: np.ndarray, training: np.ndarray, rare: str, label: str
) -> tuple[tuple[str, ...], np.ndarray, dict[str, int]]:
    """Return classes, class of each row (-1: dropped), and the rows of each class too small."""
    counts, fitted = (np.bincount(part, minlength=len(classes)) for part in (y, y[training]))
    few = fitted < CLASS_ROWS
    if not few.any():
        return classes, y, {}
    worst = int(np.argmin(fitted))
    if rare == "error":
        raise LatentbookError(
            f"class {classes[worst]!r} of {label!r} has {counts[worst]} rows, {fitted[worst]} of "
            f"them for training, but needs {CLASS_ROWS} ({few.sum()} of {len(classes)} classes "
            'have too few): merge or drop such classes, with rare="merge" or rare="drop"'
        )
    small = {classes[c]: int(counts[c]) for c in np.flatnonzero(few)}
    names = [name for name in classes if name not in small and name != OTHER]
    into = {name: i for i, name in enumerate(names)}
    if rare == "merge":
        names.append(OTHER)
    elif OTHER in classes and OTHER not in small:
        into[OTHER] = len(names)
        names.append(OTHER)
    rest = names.index(OTHER) if rare == "merge" else -1
    y = np.array([into.get(name, rest) for name in classes])[y]
    if len(names) < 2:
        raise LatentbookError(
            f"of the classes of {label!r} only {len(names)} is left once those with fewer than "
            f"{CLASS_ROWS} training rows are treated by {rare}: choose another label"
        )
    merged = int((y[training] == rest).sum())
    if rare == "merge" and merged < CLASS_ROWS:
        raise LatentbookError(
            f"the rare classes of {label!r} make {merged} training rows together, but a class "
            f'needs {CLASS_ROWS}: drop them with rare="drop"'
        )
    return tuple(names), y, small


def _truth(values: pd.Series) -> np.ndarray:
    numbers = _floats(values)
    if not np.isin(numbers, [0, 1]).all():
        bad = values[~np.isin(numbers, [0, 1])].iloc[0]
        raise LatentbookError(
            f"the column {values.name!r} marks known anomalies, so it must be 0 or 1 in every row, "
            f"but holds {bad!r}"
        )
    return numbers == 1


def _digest(frame: pd.DataFrame) -> str:
    """Return the sha256 digest of names and values, the same for every seed."""
    plain = frame.apply(lambda column: pd.Series(_texts(column)))
    sha = hashlib.sha256("\0".join(frame.columns).encode())
    sha.update(pd.util.hash_pandas_object(plain, index=False).to_numpy().astype("<u8").tobytes())
    return sha.hexdigest()


def reasons(
    table: Table,
    rows: np.ndarray,
    *,
    scores: np.ndarray,
    z: np.ndarray,
    means: np.ndarray,
    reconstruction: np.ndarray,
) -> pd.DataFrame:
    """Return rows of a table from the most anomalous to the most normal, with what is odd in each.

    Parameters
    ----------
    rows : vector of n positions in ``table.data``
        The rows that were scored.
    scores : vector of length n
        Higher for more normal rows, as from `anomaly.Detector.score`.
    z : array of shape (n, n_latent)
        Codes of the rows.
    means : array of shape (n_classes, n_latent)
        Means of the classes' priors; of a model without them, of the codes of each class.
    reconstruction : array of shape (n, number of columns of the matrix)

    Returns
    -------
    DataFrame
        ``rank`` from 1; ``row`` in the file (the first below the header is 0); ``score``;
        ``class`` and ``nearest class`` in the latent space, with the distance to the mean of each;
        ``reconstruction error`` (squared, summed); ``worst column`` of the table, its ``value``,
        the value ``expected`` by the network and the ``share`` of the error that is there; then
        the columns of the table, with " (table)" after a name that is already taken.

    Raises
    ------
    LatentbookError
        If numbers of rows, classes or columns do not fit together, or for NaN.
    """
    rows = np.asarray(rows)
    order = anomaly.ranking(scores)
    x, classes = table.data.x[rows], np.array(table.data.classes, dtype=object)
    check_matrix(z, "z")
    check_matrix(means, "means")
    if not len(rows) == len(scores) == len(z) == len(reconstruction):
        raise LatentbookError(
            f"there are {len(rows)} rows, but {len(scores)} scores, {len(z)} codes and "
            f"{len(reconstruction)} reconstructions"
        )
    if means.shape != (len(classes), z.shape[1]):
        raise LatentbookError(
            f"means must have shape (n_classes, n_latent) = {(len(classes), z.shape[1])}, but have "
            f"{means.shape}: without priors of classes, take the mean code of each class"
        )
    distances = np.linalg.norm(z[:, None].astype(np.float64) - means[None], axis=2)
    own, nearest = table.data.y[rows], distances.argmin(axis=1)
    errors = table.encoder.column_errors(x, reconstruction)
    total, worst = errors.sum(axis=1).to_numpy(), errors.to_numpy().argmax(axis=1)
    each = np.arange(len(rows))
    frame = table.frame.iloc[rows].reset_index(drop=True)
    expected = table.encoder.inverse_transform(reconstruction)
    columns = errors.columns.to_numpy()[worst]
    found = pd.DataFrame(
        {
            "row": table.data.index[rows],
            "score": scores,
            "class": classes[own],
            "nearest class": classes[nearest],
            "distance to class": distances[each, own],
            "distance to nearest": distances[each, nearest],
            "reconstruction error": total,
            "worst column": columns,
            "value": _looked_up(frame, columns),
            "expected": _looked_up(expected, columns),
            "share": errors.to_numpy()[each, worst] / np.where(total > 0, total, 1),
        }
    )
    frame = frame.rename(columns={c: f"{c} (table)" for c in ("rank", *found) if c in frame})
    found = pd.concat([found, frame], axis=1).iloc[order].reset_index(drop=True)
    found.insert(0, "rank", np.arange(1, len(found) + 1))
    return found


def _looked_up(frame: pd.DataFrame, columns: np.ndarray) -> np.ndarray:
    """Return the value of each row in the column named for it; None where there is no such."""
    values = np.full(len(frame), None, dtype=object)
    for name in set(columns) & set(frame.columns):
        where = columns == name
        values[where] = frame[name].astype(object).to_numpy()[where]
    return values


def write_ranking(ranked: pd.DataFrame, path: str | Path) -> None:
    """Write the rows of `reasons` as CSV in UTF-8, all or nothing.

    Raises
    ------
    LatentbookError
        If the folder cannot be written.
    """
    with files.atomic(Path(path)) as scratch:
        ranked.to_csv(scratch, index=False, encoding="utf-8", lineterminator="\n")

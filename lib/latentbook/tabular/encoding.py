"""The encoder: columns of any kind to a matrix that a network can learn, and back.

It is fitted on training rows only. Every column of the matrix names the column it was made of.
Reading files is left to `reading`, classes and training rows to `table`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from latentbook.errors import LatentbookError, check_matrix
from latentbook.tabular.columns import (
    MIN_ROWS,
    MISSING,
    OTHER,
    as_dates,
    as_floats,
    as_texts,
    as_typed,
    decide,
)
from latentbook.tabular.reading import named_columns

#: Largest number of values of a category that get a column; the most frequent ones do.
MAX_CATEGORIES = 100

#: Numbers are logarithmic beyond this many robust standard deviations from their median.
REACH = 3.0

#: Numbers are clipped at this many standard deviations.
LIMIT = 10.0

#: Ratio of the standard deviation of a bell curve to its median distance from the median.
NORMAL = 1.4826

#: Squared error of a value that training has not seen, against any that it has.
UNSEEN_COSTS = 2.0

#: Numbers are clipped here first, so that their differences and squares stay finite.
HUGE = 1e100


class Encoder(TransformerMixin, BaseEstimator):
    """A table as a matrix of float32: numbers of variance about 1, categories as 0 or 1 / √2.

    `fit` decides from the training rows how each column is encoded:

    - *Numbers*: asinh((x - m) / (3 s)), standardised and clipped at ±10, where m is the median and
      s is 1.48 times the median distance from m of the rows that differ from m (the standard
      deviation of a bell curve). This is linear within some 3 s, so bell curves keep their shape.
      It is logarithmic beyond: a heavy tail does not flatten the rest of its column, and an
      outlier stays an outlier. Mean and standard deviation are those of the values limited to
      ±10 / 3. A power transform by maximum likelihood would squeeze the tail of a column that is
      mostly zero into nearly one value.
    - *Missing numbers*, infinite ones, and text in a column of which 90 % are numbers: the median.
      If training rows have such values, a column ``=(missing)`` is 1 in these rows.
    - *Dates* (also text in ISO 8601): three numbers, see `columns.as_typed`.
    - *Categories*: one-hot over the 100 most frequent values with 5 rows or more. All other values,
      and values not seen in training, are ``=other``. If no other value is in training, an unseen
      value is 0 everywhere. A missing value counts as a value. The entries are divided by √2: a
      wrong category then costs a squared error of 1, as much as a number that is one standard
      deviation off.
    - With `even_costs`, columns of two values are categories, be they numbers, truth values or
      text, so that the rarer of two values costs the same however it is written; and a value that
      training has not seen has the same entry for every value, which costs a squared error of 2
      against any of them (1.1 in a column of two values, because no entry is above 1).
    - *Dropped*: columns that are all missing or constant, and text that hardly repeats. A new value
      in a constant column would be a clear anomaly, but a network cannot learn to see it.

    Numbers that are codes (of a branch, of a place) look like measurements: convert them to text
    first. Without `even_costs`, numbers with two values stay numbers, so that a rare 1 is far from
    the median.

    Parameters
    ----------
    even_costs : bool, default=False
        Whether rare values of any kind cost the same, and values that training has not seen cost
        more. The tables of the book were measured without it.

    Attributes
    ----------
    report_ : DataFrame
        One row for each column of the table: ``column``, ``kind`` (number, date, category or
        dropped), ``missing`` (training rows), ``columns`` (of the matrix) and ``remark``.
    names_ : list of str
        Name of each column of the matrix.
    source_ : vector of integers
        For each column of the matrix, the position in `feature_names_in_` of its origin.
    feature_names_in_ : array of str
        Columns of the table, dropped ones included.

    Examples
    --------
    >>> frame = pd.DataFrame({"height": np.arange(20.0), "colour": ["red", "blue"] * 10})
    >>> encoder = Encoder().fit(frame)
    >>> encoder.names_
    ['height', 'colour=blue', 'colour=red']
    >>> encoder.transform(frame).shape
    (20, 3)
    """

    def __init__(self, *, even_costs: bool = False) -> None:
        self.even_costs = even_costs

    def fit(self, frame: pd.DataFrame, y: Any = None) -> Encoder:
        """Decide how each column is encoded, and learn scales and categories.

        Raises
        ------
        LatentbookError
            If no column is left to learn from.
        """
        frame = named_columns(frame)
        decisions = {name: decide(frame[name], pairs=self.even_costs) for name in frame}
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.kinds_ = {name: kind for name, (kind, _) in decisions.items() if kind != "dropped"}
        self._text_given = {n for n in self.kinds_ if not types.is_numeric_dtype(frame[n])}
        if not self.kinds_:
            reasons = ", ".join(f"{name}: {remark}" for name, (_, remark) in decisions.items())
            raise LatentbookError(f"no column is left to learn from ({reasons})")
        self._numbers: list[tuple[str, str]] = []  # column, part
        self._categories = [name for name, kind in self.kinds_.items() if kind == "category"]
        for name in self.kinds_.keys() - set(self._categories):
            parts = pd.DataFrame(as_typed(frame[name], self.kinds_[name]))
            self._numbers += [(name, part) for part in parts if parts[part].nunique() > 1]
        order = list(self.kinds_)
        self._numbers.sort(key=lambda pair: order.index(pair[0]))
        clipped = self._fit_numbers(self._number_parts(frame)) if self._numbers else {}
        if self._categories:
            self._one_hot = OneHotEncoder(
                min_frequency=MIN_ROWS,
                max_categories=MAX_CATEGORIES + 1,
                handle_unknown="infrequent_if_exist",
            ).fit(self._category_parts(frame))
        self._name_columns()
        self.report_ = self._report(frame, decisions, clipped)
        return self

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Return `frame` as a finite float32 matrix with one column for each of `names_`.

        Columns that `fit` did not see are ignored; the order of the columns does not matter.

        Raises
        ------
        LatentbookError
            As `transform_sparse`.
        """
        return self.transform_sparse(frame).toarray()

    def transform_sparse(self, frame: pd.DataFrame) -> sparse.csr_array:
        """Return what `transform` returns as a sparse matrix, which holds no zeros of categories.

        A table of 200 columns with 50 values each has 10,000 columns here, nearly all of them 0 in
        every row.

        Raises
        ------
        LatentbookError
            If a column is missing, or if it holds text instead of numbers or dates, or numbers
            instead of text.
        """
        self._check_fitted()
        frame = named_columns(frame)
        for name in self.kinds_:
            if name not in frame:
                raise LatentbookError(
                    f"the table lacks the column {name!r} that the encoder was fitted on; it has "
                    f"{', '.join(frame.columns)}"
                )
            self._check_kind(frame[name])
        blocks = []
        if self._numbers:
            numbers = self._imputer.transform(self._standard(self._number_parts(frame)))
            blocks.append(sparse.csr_array(numbers.astype(np.float32)))
        if self._categories:
            parts = self._category_parts(frame)
            hot = sparse.csr_array(self._one_hot.transform(parts)) / math.sqrt(2)
            hot = self._with_unseen(hot, parts) if self.even_costs else hot
            blocks.append(hot.astype(np.float32))
        return sparse.csr_array(sparse.hstack(blocks, format="csr"))

    def inverse_transform(self, matrix: np.ndarray) -> pd.DataFrame:
        """Return the table that a matrix stands for, with the columns that were not dropped.

        With it the reconstruction of a network can be read. Numbers are limited to the range of the
        training rows, a category is the value with the largest entry, and a date is a day.
        """
        self._check_fitted()
        self._check_width(matrix, "matrix")
        columns: dict[str, Any] = {}
        if self._numbers:
            standard = np.asarray(matrix[:, : len(self._numbers)], np.float64)
            with np.errstate(over="ignore"):
                values = self._centre + self._width * np.sinh(
                    self._scaler.inverse_transform(standard)
                )
            values = np.clip(values, self._low, self._high)
            for (name, part), column in zip(self._numbers, values.T, strict=True):
                if self.kinds_[name] == "number":
                    columns[name] = column
                elif part.endswith(" day"):
                    columns[name] = pd.to_datetime(column.round(), unit="D", errors="coerce")
        for name in self._categories:
            where = np.flatnonzero(
                (self.source_ == self._position(name)) & (np.arange(len(self.names_)) >= self._hot)
            )
            values = np.array([self.names_[i].removeprefix(f"{name}=") for i in where], object)
            columns[name] = values[matrix[:, where].argmax(axis=1)]
        return pd.DataFrame({name: columns[name] for name in self.kinds_ if name in columns})

    def column_errors(self, x: np.ndarray, reconstruction: np.ndarray) -> pd.DataFrame:
        """Return the squared error of every row, split among the columns of the table.

        Parameters
        ----------
        x, reconstruction : arrays with one column for each of `names_`

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
        """Raise if hardly any value is of the kind that the column had in `fit`."""
        name, kind, present = str(values.name), self.kinds_[str(values.name)], values.dropna()
        if present.empty:
            return
        if kind == "category":
            known = self._one_hot.categories_[self._categories.index(name)]
            changed = types.is_numeric_dtype(values) and name in self._text_given
            if changed and not np.isin(as_texts(present), known).any():
                raise LatentbookError(
                    f"column {name!r} was fitted on text such as {known[0]!r}, but now holds "
                    f"numbers such as {present.iloc[0]}: give the same columns"
                )
            return
        read = as_dates(present).to_numpy() if kind == "date" else as_floats(present)
        if pd.isna(read).mean() > 0.5:
            example = str(present[pd.isna(read)].iloc[0])
            raise LatentbookError(
                f"column {name!r} was fitted on {kind}s, but now holds {values.dtype} such as "
                f"{example!r}: give the same columns"
            )

    def _number_parts(self, frame: pd.DataFrame) -> np.ndarray:
        names = dict.fromkeys(name for name, _ in self._numbers)
        typed = {name: as_typed(frame[name], self.kinds_[name]) for name in names}
        return np.column_stack([typed[name][part] for name, part in self._numbers])

    def _category_parts(self, frame: pd.DataFrame) -> np.ndarray:
        return np.column_stack([as_texts(frame[name]) for name in self._categories])

    def _with_unseen(self, hot: sparse.csr_array, parts: np.ndarray) -> sparse.csr_array:
        """Put one entry for all values where a row has a value that training has not seen."""
        for i, name in enumerate(self._categories):
            known = pd.Index(self._one_hot.categories_[i])
            unseen = np.flatnonzero(known.get_indexer(pd.Index(parts[:, i])) < 0)
            if not len(unseen):
                continue
            where = np.flatnonzero(self.source_[self._hot :] == self._position(name))
            # the distance to a corner 1 / √2 is k a² - √2 a + 1/2 for k entries a
            k = len(where)
            entry = min(1.0, (math.sqrt(2) + math.sqrt(2 + 4 * k * (UNSEEN_COSTS - 0.5))) / (2 * k))
            missing = entry - hot[unseen][:, where].toarray()
            at = np.repeat(unseen, k), np.tile(where, len(unseen))
            hot = hot + sparse.csr_array((missing.ravel(), at), shape=hot.shape)
        return hot

    def _fit_numbers(self, values: np.ndarray) -> dict[str, int]:
        """Learn how numbers are scaled; return for each column how many rows are clipped."""
        self._low, self._high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        bounded = np.clip(values, -HUGE, HUGE)
        self._centre = np.nanmedian(bounded, axis=0)
        distance = np.abs(bounded - self._centre)
        distance[distance == 0] = np.nan  # otherwise a column that is mostly zero has no width
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
        self.names_ = [column for _, column in pairs]
        self.source_ = np.array([self._position(name) for name, _ in pairs])

    def _report(
        self, frame: pd.DataFrame, decisions: dict[str, tuple[str, str]], clipped: dict[str, int]
    ) -> pd.DataFrame:
        rows = []
        for i, (name, (kind, remark)) in enumerate(decisions.items()):
            values = frame[name]
            missing = values.isna()
            if kind in ("number", "date"):
                first = next(iter(as_typed(values, kind).values()))
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
        if len(others) == 1:
            return f"the rare value {others[0]!r} counts as {OTHER!r}"
        return f"{len(others)} of {len(all_values)} values share {OTHER!r}"


def _median(distance: np.ndarray) -> np.ndarray:
    """Return the median of each column that is not NaN; NaN, without a warning, if all are."""
    empty = np.isnan(distance).all(axis=0)
    return np.where(empty, np.nan, np.nanmedian(np.where(empty, 0.0, distance), axis=0))

"""The kind of a column of a table (numbers, dates or categories), and its values, read leniently.

Scaling and one-hot columns are left to `encoding`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api import types

from latentbook.tabular.dates_as_written import without_zone
from latentbook.tabular.numbers_as_written import PARSED_SHARE

#: A value of a category gets a column of its own if at least this many training rows have it.
MIN_ROWS = 5

#: Names of a missing value of a category, and of all values without a column of their own.
MISSING, OTHER = "(missing)", "other"


def as_floats(values: pd.Series) -> np.ndarray:
    """Return floats; NaN for values that are missing or not numbers."""
    if types.is_timedelta64_dtype(values):
        values = values.dt.total_seconds()
    if not types.is_numeric_dtype(values) and not types.is_bool_dtype(values):
        values = pd.to_numeric(values.astype(object), errors="coerce")
    return values.to_numpy(np.float64, na_value=np.nan)


def as_dates(values: pd.Series) -> pd.Series:
    """Return the local times, without a zone; NaT for what is missing or no date in ISO 8601."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_localize(None)  # keeps the local hour of the day
    if types.is_datetime64_dtype(values):
        return values
    text = values.astype(object).map(str, na_action="ignore")
    return pd.to_datetime(without_zone(text), errors="coerce", format="ISO8601")


def as_texts(values: pd.Series) -> np.ndarray:
    """Return text, the same for 1, 1.0 and "1"; `MISSING` for missing values."""
    codes, distinct = pd.factorize(values.astype(object))
    names = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in distinct]
    return np.array([*(name.strip() for name in names), MISSING], dtype=object)[codes]


def as_typed(values: pd.Series, kind: str) -> dict[str, np.ndarray]:
    """Return the parts that a column is turned into: name of the part -> one value a row.

    Numbers become floats, NaN if missing or infinite. Categories become text. A date becomes three
    numbers: the day since 1970, the day of the week (Monday is 0), and the hour with its fraction.
    """
    name = str(values.name)
    if kind == "category":
        return {name: as_texts(values)}
    if kind == "number":
        floats = as_floats(values)
        return {name: np.where(np.isfinite(floats), floats, np.nan)}
    dates = as_dates(values)
    midnight = dates.dt.normalize()
    parts = {
        "day": (midnight - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1),
        "weekday": dates.dt.day_of_week,
        "hour": (dates - midnight) / pd.Timedelta(hours=1),
    }
    return {f"{name} {part}": numbers.to_numpy(np.float64) for part, numbers in parts.items()}


_NUMERIC = (types.is_numeric_dtype, types.is_bool_dtype, types.is_timedelta64_dtype)


def kind_of(values: pd.Series) -> str:
    """Return the kind of a column: ``number``, ``date`` or ``category``."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "category"
    if any(holds(values) for holds in _NUMERIC):
        return "number"
    if types.is_datetime64_any_dtype(values):
        return "date"
    present = values.dropna()
    if np.mean(~np.isnan(as_floats(present))) >= PARSED_SHARE:
        return "number"
    iso = present.astype(str).str.match(r"\d{4}-\d\d-\d\d([ T]|$)")
    return "date" if iso.mean() >= PARSED_SHARE <= as_dates(present).notna().mean() else "category"


def decide(values: pd.Series, *, pairs: bool = False) -> tuple[str, str]:
    """Return the kind of a column, or ``dropped``, and a remark on it.

    With `pairs`, numbers of two different values are a category.
    """
    if values.isna().all():
        return "dropped", "all missing"
    kind = kind_of(values)
    typed = pd.DataFrame(as_typed(values, kind))
    if kind != "category":
        if typed.isna().all(axis=None):
            return "dropped", "no finite number"
        if typed.nunique().max() == 1:
            if not typed.isna().any(axis=None):
                return "dropped", "constant"
            kind, typed = "category", pd.DataFrame(as_typed(values, "category"))
        elif pairs and kind == "number" and typed.nunique().max() == 2:
            odd = values.notna() & typed.isna().any(axis=1).to_numpy()
            if not odd.any():
                kind, typed = "category", pd.DataFrame(as_typed(values, "category"))
    if kind != "category":
        return kind, unread(values, kind)
    counts = typed.iloc[:, 0].value_counts()
    if len(counts) == 1:
        return "dropped", "constant"
    if counts.drop(MISSING, errors="ignore").max() < MIN_ROWS:
        return "dropped", _reason(values)
    return kind, ""


#: What looks like a number or a date: figures and at most one word of up to nine letters.
_FIGURES = r"[^A-Za-z]*(?:[A-Za-z]{1,9}\.?[^A-Za-z]*)?"


def _reason(values: pd.Series) -> str:
    """Say why text that hardly repeats is dropped, and what else it may have been."""
    text = values.dropna().astype(str).str.strip()
    figures = text.str.fullmatch(_FIGURES) & text.str.match(r"[^A-Za-z]{0,3}\d")
    if figures.mean() >= 0.5:
        return (
            f"text such as {text.iloc[0]!r}, which was understood neither as numbers nor as dates, "
            f"and of which no value is in {MIN_ROWS} rows: write numbers as 1234.5 and dates as "
            "2023-12-31 to keep it"
        )
    return f"text of which no value is in {MIN_ROWS} rows, as in identifiers"


def unread(values: pd.Series, kind: str) -> str:
    """Return remarks on a column: values of another kind, and whether it looks like identifiers."""
    remarks = []
    read = as_dates(values).to_numpy() if kind == "date" else as_floats(values)
    odd = values[values.notna() & pd.isna(read)]
    if len(odd):
        remarks.append(f"{len(odd)} no {kind} (first {str(odd.iloc[0])!r}), taken as missing")
    if kind == "number":
        infinite = int(np.isinf(read).sum())
        remarks += [f"{infinite} infinite, taken as missing"] if infinite else []
        whole = len(read) >= 20 and np.isfinite(read).all() and (read % 1 == 0).all()
        if whole and len(np.unique(read)) == len(read):
            remarks.append("all different whole numbers: drop the column if it is an identifier")
    return "; ".join(remarks)

"""The kind of a column of a table (numbers, dates or categories), and its values, read leniently.

Scaling and one-hot columns are left to `encoding`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api import types

#: A text column is a column of numbers (or dates) if this share of its values are numbers (dates).
PARSED_SHARE = 0.9

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
    """Return times without a zone; NaT for values that are missing or not dates in ISO 8601."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_localize(None)  # keeps the local hour of the day
    if types.is_datetime64_dtype(values):
        return values
    text = values.astype(object).map(str, na_action="ignore")
    return pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)


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


def decide(values: pd.Series) -> tuple[str, str]:
    """Return the kind of a column, or ``dropped``, and a remark on it."""
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
    if kind != "category":
        return kind, unread(values, kind)
    counts = typed.iloc[:, 0].value_counts()
    if len(counts) == 1:
        return "dropped", "constant"
    if counts.drop(MISSING, errors="ignore").max() < MIN_ROWS:
        return "dropped", f"text of which no value is in {MIN_ROWS} rows, as in identifiers"
    return kind, ""


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
            remarks.append("all different whole numbers: drop it if it is an identifier")
    return "; ".join(remarks)

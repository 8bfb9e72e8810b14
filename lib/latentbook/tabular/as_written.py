"""The columns of a text table as what people meant by them, and what was made of each in words.

The numbers of a column follow from `numbers_as_written`, its dates from `dates_as_written`; here
the columns of one file are compared, because one decimal sign serves a file.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

from latentbook.errors import LatentbookError
from latentbook.tabular import dates_as_written, numbers_as_written
from latentbook.tabular.numbers_as_written import GAPS, PARSED_SHARE, Written

#: Rows in which the decimal sign is looked for before all of them are taken apart.
SAMPLE_ROWS = 5000

_ISO = r"\d{4}-\d\d-\d\d([ T]|$)"


@dataclass(frozen=True)
class Understood:
    """A table whose text columns were read as numbers, dates and truth values.

    Attributes
    ----------
    frame : DataFrame
    remarks : dict
        Column -> how its values were read, where that is not plain from the file.
    """

    frame: pd.DataFrame
    remarks: dict[str, str]


def understood(
    frame: pd.DataFrame, *, separator: str, as_text: Collection[str] = (), file: str = "the table"
) -> Understood:
    """Return the table that a text table stands for.

    Parameters
    ----------
    frame : DataFrame
        Columns of text, and others, which are left as they are.
    separator : str
        What separates the columns of the file; commas go with decimal points.
    as_text : collection of str
        Columns that stay as they are written.
    file : str
        How messages name the table.

    Raises
    ------
    LatentbookError
        For a column of numbers such as 1.219 of which nothing in the file says whether they are
        thousands, and for dates whose day and month could change places in every value.
    """
    texts = [c for c in frame if c not in as_text and _is_text(frame[c])]
    columns: dict[str, pd.Series] = {}
    apart: dict[str, Written] = {}
    signs: set[str] = set()
    for name in texts:
        plain, proved = _plain(frame[name])
        if plain is not None:
            columns[name] = plain
            signs |= proved
            continue
        written = numbers_as_written.take_apart(frame[name])
        if written.looks_numeric:
            apart[name] = written
            signs |= numbers_as_written.decimal_signs(written)
    remarks: dict[str, str] = {}
    for name in texts:
        if name not in columns:
            columns[name], remark = _column(
                frame[name], apart.get(name), signs, separator, f"{name!r} of {file}"
            )
            remarks[name] = remark
        columns[name], remark = _without_sentinels(columns[name])
        remarks[name] = "; ".join(filter(None, [remarks.get(name, ""), remark]))
    data = {name: columns.get(name, frame[name]) for name in frame}
    return Understood(
        pd.DataFrame(data, index=frame.index), {k: v for k, v in remarks.items() if v}
    )


def _is_text(values: pd.Series) -> bool:
    if types.is_object_dtype(values):
        return values.dropna().map(type).eq(str).all()
    return types.is_string_dtype(values) and not isinstance(values.dtype, pd.CategoricalDtype)


def _plain(values: pd.Series) -> tuple[pd.Series | None, set[str]]:
    """Return a column that needs no doubt: numbers with a proved point, truth values, no value."""
    words = set(values.dropna().head(SAMPLE_ROWS).str.strip().str.lower())
    if words and words <= {"true", "false"}:
        truth = values.str.strip().str.lower().map({"true": True, "false": False})
        if truth.notna().equals(values.notna()):
            return (truth.astype(bool) if truth.notna().all() else truth.astype(object)), set()
    numbers = pd.to_numeric(values.astype(object), errors="coerce")
    if not numbers.notna().equals(values.notna()) or types.is_object_dtype(numbers):
        return None, set()
    if types.is_integer_dtype(numbers) or values.isna().all():
        return numbers, set()
    proved = numbers_as_written.decimal_signs(
        numbers_as_written.take_apart(values.dropna().head(SAMPLE_ROWS))
    )
    return (numbers, proved) if proved == {"."} else (None, set())


def _column(
    values: pd.Series, written: Written | None, signs: set[str], separator: str, name: str
) -> tuple[pd.Series, str]:
    """Return a text column as numbers, dates or text, and how it was read."""
    remark = ""
    if written is not None:
        remark = numbers_as_written.mixed_units(written)
        if not remark:
            decimal = _decimal(written, signs, separator, name)
            read = numbers_as_written.floats(written, decimal)
            if _mostly(read, values, written):
                return _numbers(values, written, read)
            if len(numbers_as_written.decimal_signs(written)) > 1:
                remark = "numbers with decimal points and with decimal commas"
    text = values.astype(object).str.strip()
    present = text.where(~text.str.lower().isin(GAPS)).dropna()
    if len(present) and present.str.match(_ISO).mean() >= PARSED_SHARE:
        return _with_gaps(values, present)
    hours = dates_as_written.hours(values)
    if hours is not None:
        first = present[np.isfinite(hours[present.index])].iloc[0]
        number = hours[values[values == first].index[0]] if first in set(values) else np.nan
        shown = f"times of day, read as hours ({first!r} as {number:.5g})"
        return _merged(values, present, pd.Series(hours, values.index, dtype=object), shown)
    dates = dates_as_written.times(values, name)
    if dates is not None:
        moments, order = dates
        read_dates = pd.Series(moments, values.index)
        return _merged(values, present, read_dates, f"dates, in the order {order}")
    if remark:
        return values, f"{remark}: write all of them alike"
    return values, _half_numbers(present)


def _mostly(read: np.ndarray, values: pd.Series, written: Written) -> bool:
    gap = np.append(written.gap, True)[written.rows]
    there = values.notna().to_numpy() & ~gap
    return bool(there.any()) and (~np.isnan(read[there])).mean() >= PARSED_SHARE


def _decimal(written: Written, signs: set[str], separator: str, name: str) -> str:
    """Return the decimal sign of a column of numbers.

    In this order: what its own values prove, what the other columns of the file prove, and the
    habits that go with separators.
    """
    proved = numbers_as_written.decimal_signs(written)
    if len(proved) == 1:
        return next(iter(proved))
    if len(proved) > 1:
        points, commas = (
            np.isfinite(numbers_as_written.floats(written, sign)).sum() for sign in ".,"
        )
        return "." if points >= commas else ","
    sign = numbers_as_written.open_sign(written)
    if not sign:
        return "."
    if len(signs) == 1:
        return next(iter(signs))
    thousands = numbers_as_written.groups_thousands(written)
    other = "," if sign == "." else "."
    if not signs and separator == "," and (sign == "," or not thousands):
        return "."
    if not signs and separator != "," and thousands:
        return other
    example = written.text[written.number.str.match(rf"^[1-9]\d{{0,2}}\{sign}\d{{3}}$")].iloc[0]
    raise LatentbookError(
        f"the column {name} holds numbers such as {example!r}, and nothing in the file tells "
        f"whether {sign!r} is the decimal sign or groups thousands: write them without thousands "
        "signs, or drop the column"
    )


def _numbers(values: pd.Series, written: Written, read: np.ndarray) -> tuple[pd.Series, str]:
    """Return a column of numbers, in which text that is no number stays, and how it was read."""
    text = written.text.reindex(written.rows).to_numpy(object)
    gap = np.append(written.gap, False)[written.rows]
    present = values.notna().to_numpy() & ~gap
    remarks = []
    plain = pd.to_numeric(written.text, errors="coerce").to_numpy(np.float64)
    plain = np.append(plain, np.nan)[written.rows]
    changed = np.flatnonzero(present & np.isfinite(read) & (plain != read))
    if len(changed):
        remarks.append(f"{text[changed[0]]!r} read as {read[changed[0]]:.12g}")
    if gap.any():
        words = sorted(set(text[gap]))
        remarks.append(f"{int(gap.sum())} missing, written {' and '.join(map(repr, words[:3]))}")
    odd = present & np.isnan(read)
    if odd.any():
        mixed = np.where(odd, values.to_numpy(object), read.astype(object))
        return pd.Series(mixed, values.index, dtype=object), "; ".join(remarks)
    whole = np.isfinite(read).all() and (np.abs(read) < 2**53).all() and (read % 1 == 0).all()
    return pd.Series(read.astype(np.int64) if whole else read, values.index), "; ".join(remarks)


def _with_gaps(values: pd.Series, present: pd.Series) -> tuple[pd.Series, str]:
    gaps = int(values.notna().sum()) - len(present)
    kept = values.where(values.index.isin(present.index))
    return kept, f"{gaps} missing, as written" if gaps else ""


def _merged(
    values: pd.Series, present: pd.Series, read: pd.Series, remark: str
) -> tuple[pd.Series, str]:
    """Return what was read of a column, with its text where a value could not be read."""
    gaps = int(values.notna().sum()) - len(present)
    remark += f"; {gaps} missing, as written" if gaps else ""
    odd = present.index[read[present.index].isna()]
    if len(odd) == 0:
        return read.infer_objects(), remark
    if types.is_datetime64_dtype(read):
        read = read.dt.strftime("%Y-%m-%d %H:%M:%S").astype(object)
    read = read.astype(object).where(read.notna(), None)
    read[odd] = values[odd]
    return read, remark


def _half_numbers(present: pd.Series) -> str:
    """Say that half of the values are numbers, though too few for a column of numbers."""
    number = pd.to_numeric(present, errors="coerce").notna()
    if not 0.5 <= number.mean() < PARSED_SHARE:
        return ""
    odd = present[~number]
    return (
        f"{len(odd):,} of {len(present):,} values are no numbers (first {odd.iloc[0]!r}), taken as "
        "text"
    )


def _without_sentinels(values: pd.Series) -> tuple[pd.Series, str]:
    if not types.is_numeric_dtype(values) or types.is_bool_dtype(values):
        return values, ""
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    codes = numbers_as_written.sentinels(numbers)
    if not codes:
        return values, ""
    counts = [f"{code:g} in {int((numbers == code).sum()):,} rows" for code in codes]
    return (
        pd.Series(np.where(np.isin(numbers, codes), np.nan, numbers), values.index),
        f"{' and '.join(counts)}, far from all others: taken as missing",
    )

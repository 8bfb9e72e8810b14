"""Dates as people write them: 31.12.2023, 12/31/2023, 31 Dec 2023, with or without a time of day.

One format serves a whole column. Day and month that every value leaves open are refused.
One rule for time zones: the local time that is written counts, and the zone is left out.
Numbers are left to `numbers_as_written`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentbook.errors import LatentbookError
from latentbook.tabular.numbers_as_written import GAPS, PARSED_SHARE

#: Different values on which a format is tried before all of them.
SAMPLE_VALUES = 1000

_ZONE = r"(?<=\d)(?:\s?Z|\s?[+-]\d\d:?\d\d|\s?UTC|\s?GMT)$"
_TIME = r"(?:[T,]?\s*(?P<time>\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[AaPp]\.?[Mm]\.?)?))?"
#: Name of an order -> format of the date once its separators are blanks. Two figures of the year
#: are the nearest century, as the C library reads them.
FORMATS = {
    "year, month, day": ("%Y %m %d",),
    "day, month, year": ("%d %m %Y", "%d %m %y"),
    "month, day, year": ("%m %d %Y", "%m %d %y"),
    "day, name of the month, year": ("%d %b %Y", "%d %B %Y", "%d %b %y"),
    "name of the month, day, year": ("%b %d %Y", "%B %d %Y"),
}


def without_zone(text: pd.Series) -> pd.Series:
    """Return texts of times without the zone at their end: the local time stays.

    Examples
    --------
    >>> without_zone(pd.Series(["2023-01-01T09:00+09:00", "2023-01-01 09:00Z"])).tolist()
    ['2023-01-01T09:00', '2023-01-01 09:00']
    """
    timed = text.str.contains(r"\d:\d\d", regex=True, na=False)
    return text.mask(timed, text.str.replace(_ZONE, "", regex=True))


def times(values: pd.Series, name: str) -> tuple[np.ndarray, str] | None:
    """Return the times of a text column, NaT where a value is none, and the order in words.

    Parameters
    ----------
    values : Series of str
    name : str
        How messages name the column, with quotes.

    Returns
    -------
    tuple or None
        None if nine tenths of the values follow none of `FORMATS`.

    Raises
    ------
    LatentbookError
        If day and month could change places in every value.

    Examples
    --------
    >>> moments, order = times(pd.Series(["31.12.2023", "1.2.2024"]), "day")
    >>> order
    'day, month, year'
    >>> moments.astype("datetime64[D]").astype(str).tolist()
    ['2023-12-31', '2024-02-01']
    """
    rows, distinct = pd.factorize(values.astype(object).map(str, na_action="ignore"))
    text = pd.Series(distinct, dtype=object).str.strip()
    counts = np.bincount(rows[rows >= 0], minlength=len(text))
    counts = np.where(text.str.lower().isin(GAPS), 0, counts)
    if not counts.sum():
        return None
    parts = without_zone(text).str.extract(rf"^(?P<date>\S.*?\S){_TIME}$")
    dotted = parts["date"].str.match(r"\d{1,2}\.\d{1,2}\.", na=False).to_numpy()
    dates = parts["date"].str.replace(r"[\s./,-]+", " ", regex=True).str.strip()
    clock = _clock(parts["time"])
    found = {}
    for order, formats in FORMATS.items():
        if not _any(dates.head(SAMPLE_VALUES), formats):
            continue
        moments = pd.Series(pd.NaT, dates.index, dtype="datetime64[us]")
        for form in formats:
            read = pd.to_datetime(dates, format=form, errors="coerce").astype("datetime64[us]")
            moments = moments.fillna(read)
        if counts[moments.notna()].sum() >= PARSED_SHARE * counts.sum():
            found[order] = moments
    if "day, month, year" in found and "month, day, year" in found:
        _decide(found, counts, dotted, text, name)
    if not found:
        return None
    order, moments = next(iter(found.items()))
    complete = (moments + clock).to_numpy("datetime64[us]")
    return np.append(complete, np.datetime64("NaT"))[rows], order


def _clock(text: pd.Series) -> pd.Series:
    """Return times of day as durations since midnight, 0 where there is none."""
    codes, distinct = pd.factorize(text.fillna("00:00"))
    plain = pd.Series(distinct, dtype=object).str.replace(",", ".").str.replace("m.", "m")
    moments = pd.to_datetime("1970-01-01 " + plain, format="mixed", errors="coerce")
    return (moments - pd.Timestamp("1970-01-01")).iloc[codes].set_axis(text.index)


def _any(dates: pd.Series, formats: tuple[str, ...]) -> bool:
    """Whether the formats together read half of some dates."""
    read = [pd.to_datetime(dates, format=form, errors="coerce").notna() for form in formats]
    return bool(np.any(read, axis=0).mean() >= 0.5)


def _decide(
    found: dict[str, pd.Series], counts: np.ndarray, dotted: np.ndarray, text: pd.Series, name: str
) -> None:
    """Leave one of the two orders of day and month in `found`."""
    read = {order: int(counts[found[order].notna()].sum()) for order in list(found)}
    first, second = "day, month, year", "month, day, year"
    if dotted[counts > 0].mean() >= PARSED_SHARE:  # nobody writes the month before the first point
        del found[second]
    elif read[first] != read[second]:
        del found[first if read[first] < read[second] else second]
    elif found[first].equals(found[second]):
        del found[second]
    else:
        differ = np.flatnonzero((found[first] != found[second]) & (counts > 0))
        raise LatentbookError(
            f"the column {name} holds dates such as {text[differ[0]]!r}, and no value tells the "
            "day from the month: write them as YYYY-MM-DD, or drop the column"
        )


def hours(values: pd.Series) -> np.ndarray | None:
    """Return times of day such as 14:05:00 as hours, NaN where a value is none.

    Returns
    -------
    vector or None
        None if nine tenths of the values are no times of day.

    Examples
    --------
    >>> hours(pd.Series(["14:30", "00:45:00"]))
    array([14.5 ,  0.75])
    """
    head = values.dropna().head(SAMPLE_VALUES).astype(str)
    if not head.str.contains(r"^\s*\d{1,2}:[0-5]\d").mean() >= 0.5:
        return None
    text = values.astype(object).map(str, na_action="ignore").str.strip()
    there = text.notna() & ~text.str.lower().isin(GAPS)
    clock = text.str.extract(r"^(\d{1,2}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?$").astype(np.float64)
    hour = clock[0] + clock[1] / 60 + clock[2].fillna(0) / 3600
    hour = hour.where(hour < 24)
    if not there.any() or hour[there].notna().mean() < PARSED_SHARE:
        return None
    return hour.to_numpy()

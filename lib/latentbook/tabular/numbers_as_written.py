"""Numbers as people write them: 1.234,56 and 1,234.50, 12.5 %, currencies, gaps, Unicode minus.

Which sign is the decimal sign is decided by a whole column, and where its values leave it open, by
the other columns of the file. What stays open is refused and never guessed.
Dates are left to `dates_as_written`, files to `reading`.
"""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: A text column is a column of numbers (or dates) if this share of its values are numbers (dates).
PARSED_SHARE = 0.9

_GAPS = """
    - -- – — ? ?? . .. n/a na n.a. k.a. nan <na> null nil #n/a #na #div/0! #value! #ref! #num!
    #null! #name?
"""
#: What people write for a missing number or date, in small letters.
GAPS = frozenset(_GAPS.split())

_CURRENCIES = """
    EUR USD GBP CHF SEK NOK DKK ISK PLN CZK HUF RON TRY RUB UAH JPY CNY INR KRW AUD NZD CAD BRL MXN
    ZAR SGD HKD kr Kr zł Kč Ft Fr.
"""
#: Written codes and signs of currencies; every currency sign of Unicode is understood as well.
CURRENCIES = tuple(_CURRENCIES.split())

#: Numbers that stand for a missing one if they lie far from all others.
SENTINELS = (-99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, 1e15, 1e20, -1e20)

#: Rows in which a sentinel must stand to be one.
SENTINEL_ROWS = 2

_SIGNS = "".join(c for c in map(chr, range(sys.maxunicode)) if unicodedata.category(c) == "Sc")
_SPACES = " \u00a0\u202f\u2009"
_MINUS = dict.fromkeys(map(ord, "\u2212\u2013\u2014\ufe63\uff0d"), "-")
_UNIT = rf"[{_SIGNS}]|" + "|".join(word.replace(".", r"\.") for word in CURRENCIES) + "|%"
#: Minus may stand before or after a sign of currency; brackets are the minus of accountants.
_SHAPE = (
    rf"^(?P<open>\()?(?P<m1>[+-]?)[{_SPACES}]*(?P<before>{_UNIT})?[{_SPACES}]*(?P<m2>[+-]?)"
    rf"(?P<number>[\d.,'’{_SPACES}]*\d[\d.,]*(?:[eE][+-]?\d+)?|\.\d+|(?i:inf(?:inity)?))[{_SPACES}]*(?P<after>{_UNIT})?"
    r"(?P<close>\))?$"
)
_GROUPED = {
    ".": rf"^\d{{1,3}}(?:[,'’{_SPACES}]\d{{3}})+(?:\.\d*)?$",
    ",": rf"^\d{{1,3}}(?:[.'’{_SPACES}]\d{{3}})+(?:,\d*)?$",
}
_PLAIN = {
    ".": r"^(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf(?:inity)?))$",
    ",": r"^(?:(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?|(?i:inf(?:inity)?))$",
}


@dataclass(frozen=True)
class Written:
    """The values of one text column, taken apart but not yet understood.

    Attributes
    ----------
    rows : vector of int
        For each row the position in the vectors below; -1 for a missing value.
    text : Series of str
        The different values as they are written, without blanks around them.
    number : Series of str
        Their digits with decimal and thousands signs; "" if a value is no number.
    negative : vector of bool
    unit : Series of str
        Currency or ``%``; "" for none.
    gap : vector of bool
        Whether a value is one of `GAPS`.
    """

    rows: np.ndarray
    text: pd.Series
    number: pd.Series
    negative: np.ndarray
    unit: pd.Series
    gap: np.ndarray

    @property
    def looks_numeric(self) -> bool:
        """Whether nearly all values that are there look like numbers, of whatever kind."""
        counts = self._counts
        there = counts[~self.gap].sum()
        shaped = (self.number != "").to_numpy() & ~self.gap
        return bool(there) and counts[shaped].sum() >= PARSED_SHARE * there

    @property
    def _counts(self) -> np.ndarray:
        return np.bincount(self.rows[self.rows >= 0], minlength=len(self.text))


def take_apart(values: pd.Series) -> Written:
    """Return a text column taken apart into sign, number, unit and gaps.

    Parameters
    ----------
    values : Series
        Text; numbers among it are taken as Python writes them.
    """
    rows, distinct = pd.factorize(values.astype(object).map(str, na_action="ignore"))
    text = pd.Series(distinct, dtype=object).str.strip()
    gap = text.str.lower().isin(GAPS).to_numpy(bool)
    parts = text.str.translate(_MINUS).str.extract(_SHAPE).fillna("")
    both_units = (parts["before"] != "") & (parts["after"] != "")
    brackets = (parts["open"] != "") != (parts["close"] != "")
    signs = (parts["m1"] != "").astype(int) + (parts["m2"] != "") + (parts["open"] != "")
    parts.loc[both_units | brackets | (signs > 1)] = ""
    minus = (parts["m1"] + parts["m2"]).str.contains("-") | (parts["open"] != "")
    return Written(
        rows=np.asarray(rows),
        text=text,
        number=parts["number"].str.strip(_SPACES),
        negative=minus.to_numpy(bool),
        unit=parts["before"] + parts["after"],
        gap=gap,
    )


def decimal_signs(written: Written) -> set[str]:
    """Return the decimal signs that the values prove: none, ``.``, ``,``, or both in conflict.

    A sign is proved to be the decimal sign by what follows it (not exactly three digits), by what
    stands before it (nothing, a 0, or more than three digits), or by the other sign before it in
    groups of three.

    Examples
    --------
    >>> sorted(decimal_signs(take_apart(pd.Series(["1.234,50", "12"]))))
    [',']
    >>> decimal_signs(take_apart(pd.Series(["1.219", "12.500"])))
    set()
    """
    number = written.number
    proved = set()
    for sign, other in (".,", ",."):
        plain = number.str.match(_PLAIN[sign]) & number.str.contains(sign, regex=False)
        open_ = number.str.match(rf"^[1-9]\d{{0,2}}\{sign}\d{{3}}$")
        grouped = number.str.match(_GROUPED[sign])
        last = grouped & number.str.contains(sign, regex=False)
        twice = grouped & (number.str.count(rf"\{other}") > 1)
        if ((plain & ~open_) | last | twice).any():
            proved.add(sign)
    return proved


def open_sign(written: Written) -> str:
    """Return the sign that may be decimal or thousands in all values that have one, else ""."""
    for sign in ".,":
        if written.number.str.match(rf"^[1-9]\d{{0,2}}\{sign}\d{{3}}$").any():
            return sign
    return ""


def groups_thousands(written: Written) -> bool:
    """Whether values such as 1.219, 12.500 and 987 can only have thousands signs.

    A value without the sign shows that decimals are not written out; then one that ends in 0 after
    the sign would have been shortened if the sign were a decimal one.
    """
    number = written.number[written.number != ""]
    whole = number.str.fullmatch(r"\d{1,3}")
    longer = number.str.fullmatch(r"\d{4,}")
    return bool(whole.any() and not longer.any() and number.str.match(r".*[.,]\d\d0$").any())


def floats(written: Written, decimal: str) -> np.ndarray:
    """Return one float a row, read with the given decimal sign; NaN for all that is no number.

    Parameters
    ----------
    decimal : {".", ","}

    Examples
    --------
    >>> floats(take_apart(pd.Series(["1.234,50", "−7", "12 %", "x"])), ",")
    array([1234.5,   -7. ,   12. ,    nan])
    """
    number = written.number
    fits = number.str.match(_PLAIN[decimal]) | number.str.match(_GROUPED[decimal])
    groups = "." if decimal == "," else ","
    plain = number.str.replace(rf"[{groups}'’{_SPACES}]", "", regex=True)
    plain = plain.str.replace(",", ".", regex=False).where(fits)
    values = plain.astype(np.float64).to_numpy()
    values = np.where(written.negative, -values, values)
    return np.append(values, np.nan)[written.rows]


def mixed_units(written: Written) -> str:
    """Return why the units of a column cannot be one number, or "".

    A column has one currency or none, and percent in every value that is not 0 or in none.
    """
    counted = (written.number != "").to_numpy() & ~written.gap
    units = written.unit[counted]
    nothing = written.number[counted].str.fullmatch(r"[0.,]+")
    found = set(units[(units != "") | ~nothing])
    if len(found - {""}) > 1:
        return f"numbers in {' and '.join(sorted(found - {''}))}"
    if "%" in found and "" in found:
        return "numbers with and without %"
    return ""


def sentinels(values: np.ndarray) -> list[float]:
    """Return the values that stand for missing ones: usual codes, repeated, far from all others.

    Far is further from every other value than these lie from each other.

    Examples
    --------
    >>> sentinels(np.array([20.5, 19.0, -999.0, 22.0, -999.0]))
    [-999.0]
    >>> sentinels(np.array([1.0, -999.0, -999.0, -500.0, 100.0]))
    []
    """
    present = values[np.isfinite(values)]
    codes = [code for code in SENTINELS if (present == code).sum() >= SENTINEL_ROWS]
    others = present[~np.isin(present, codes)]
    if not codes or len(np.unique(others)) < 3:
        return []
    low, high = others.min(), others.max()
    return [c for c in codes if max(low - c, c - high) > high - low]

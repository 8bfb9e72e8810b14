"""One hundred thousand simulated trades of forty traders, with every planted fault recorded.

The trades of norlander2019 (section 4.3) belong to a bank and are not available.
This model has the columns and the defects that the paper names.
A trader sits at a desk and has habits drawn around those of the desk. Ordinary trades are drawn
first; then values are removed, anomalies are planted, and rows get the wrong trader.
The numeric coding is left to `tables`, the digest to the registry.

References
----------
- norlander2019: Erik Norlander, Alexandros Sopasakis. Latent space conditioning for improved
  classification and anomaly detection. 2019. https://arxiv.org/abs/1911.10599
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

SEED = 2019
N_TRADES = 100_000
FEWEST, MOST = 40, 13_860  # trades of the smallest and of the largest trader, before mislabelling
MISSING = np.iinfo(np.int64).min
ANOMALIES_A_KIND = 143  # seven kinds: 1,001 trades
MISLABELLED = 500


class Instrument(NamedTuple):
    """Usual values of an instrument: nominal, spread of its logarithm, and margin."""

    nominal: float  # median, millions of euros
    spread: float  # standard deviation of the natural logarithm of the nominal
    margin: float  # basis points of the nominal


INSTRUMENTS = {
    "share": Instrument(0.05, 1.2, 8.0),
    "equity future": Instrument(0.4, 0.9, 1.0),
    "equity option": Instrument(0.15, 1.1, 25.0),
    "equity swap": Instrument(1.0, 0.9, 15.0),
    "government bond": Instrument(5.0, 1.0, 1.2),
    "interest rate swap": Instrument(20.0, 1.0, 0.6),
    "rate future": Instrument(8.0, 0.8, 0.2),
    "repo": Instrument(25.0, 0.8, 0.3),
    "swaption": Instrument(12.0, 0.9, 4.0),
    "fx spot": Instrument(1.0, 1.3, 1.5),
    "fx forward": Instrument(2.0, 1.1, 3.0),
    "fx swap": Instrument(10.0, 1.0, 0.8),
    "fx option": Instrument(3.0, 1.0, 12.0),
    "corporate bond": Instrument(1.5, 0.9, 12.0),
    "covered bond": Instrument(6.0, 0.9, 3.0),
    "credit default swap": Instrument(5.0, 0.7, 6.0),
    "commodity future": Instrument(0.6, 0.9, 1.5),
    "commodity swap": Instrument(1.2, 0.9, 20.0),
    "commodity option": Instrument(0.4, 1.0, 35.0),
}
#: Units of each currency that make about one euro.
CURRENCIES = {
    "SEK": 11.0,
    "EUR": 1.0,
    "USD": 1.1,
    "NOK": 11.5,
    "DKK": 7.5,
    "GBP": 0.86,
    "CHF": 0.95,
    "JPY": 160.0,
    "PLN": 4.3,
    "CAD": 1.5,
}


class Desk(NamedTuple):
    """Number of traders of a desk, and the proportions of its instruments and currencies."""

    traders: int
    instruments: dict[str, float]
    currencies: dict[str, float]


DESKS = {
    "EQ": Desk(
        10,
        {"share": 10, "equity future": 4, "equity option": 4, "equity swap": 2, "fx spot": 1},
        {"SEK": 10, "USD": 4, "EUR": 4, "NOK": 2, "DKK": 2, "GBP": 1},
    ),
    "IR": Desk(
        10,
        {
            "government bond": 7,
            "interest rate swap": 6,
            "rate future": 4,
            "repo": 4,
            "swaption": 1,
            "covered bond": 1,
        },
        {"SEK": 10, "EUR": 6, "USD": 3, "NOK": 2, "DKK": 1},
    ),
    "FX": Desk(
        8,
        {"fx spot": 10, "fx forward": 6, "fx swap": 5, "fx option": 2},
        {"EUR": 8, "USD": 7, "SEK": 4, "NOK": 3, "GBP": 3, "JPY": 2, "CHF": 2, "PLN": 1},
    ),
    "CR": Desk(
        6,
        {"corporate bond": 8, "covered bond": 5, "credit default swap": 4, "rate future": 2},
        {"SEK": 7, "EUR": 7, "NOK": 3, "USD": 2},
    ),
    "CO": Desk(
        6,
        {"commodity future": 8, "commodity swap": 4, "commodity option": 2, "fx forward": 1},
        {"USD": 10, "EUR": 4, "SEK": 2, "CAD": 2, "GBP": 1},
    ),
}
BOOKS = 5  # portfolios of each desk

TRADERS = tuple(f"T{number:02d}" for number in range(1, 41))
COUNTERPARTIES = tuple(f"C{number:02d}" for number in range(1, 61))
PORTFOLIOS = tuple(f"{desk}{book}" for desk in DESKS for book in range(1, BOOKS + 1))
ANOMALIES = (
    "",
    "fat finger",
    "thousands",
    "off-market margin",
    "unused currency",
    "unused instrument",
    "unused counterparty",
    "wrong book",
)
#: The columns of `simulate`, each with its categories; a column holds positions in them.
CATEGORIES: dict[str, tuple[str, ...]] = {
    "trader": TRADERS,
    "instrument": tuple(INSTRUMENTS),
    "currency": tuple(CURRENCIES),
    "nominal": (),
    "margin": (),
    "counterparty": COUNTERPARTIES,
    "portfolio": PORTFOLIOS,
    "anomaly": ANOMALIES,
    "true_trader": TRADERS,
}

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Habits:
    """Habits of the traders; matrices hold a row of proportions for each of the 40 traders."""

    desk: np.ndarray  # (40,), position in DESKS
    trades: np.ndarray  # (40,), number of trades
    shares: dict[str, np.ndarray]  # column: proportions of its categories
    size: np.ndarray  # (40,), factor on nominals
    margin: np.ndarray  # (40,), factor on margins
    forgetful: np.ndarray  # (40,), share of trades without counterparty, and without portfolio
    counterparty_margin: np.ndarray  # (60,), factor on margins


def simulate(seed: int) -> np.ndarray:
    """Return the trades as whole numbers, in random order: a row a trade, columns `CATEGORIES`.

    Parameters
    ----------
    seed : int
        Seed of all draws; that of the data set is `SEED`.

    Returns
    -------
    ndarray of int64, shape (100000, 9)
        Categories by position, nominal in units of the currency (whole thousands before anything
        is planted), margin in hundredths of a basis point; `MISSING` where there is no value.

    Notes
    -----
    Values are rounded so coarsely that the result is the same where exponentials differ in the
    last bit.
    """
    rng = np.random.default_rng(seed)
    habits = draw_habits(rng)
    columns = draw_trades(rng, habits)
    remove_values(rng, habits, columns)
    plant_anomalies(rng, habits, columns)
    mislabel(rng, habits, columns)
    return np.column_stack([columns[name] for name in CATEGORIES])


def frame(rows: np.ndarray) -> pd.DataFrame:
    """Return the `rows` of `simulate` typed: categories, floats with NaN, margin in basis points.

    ``anomaly`` and ``true_trader`` are the truth: no method may use them. ``trade_id`` only counts
    the rows.
    """
    table = pd.DataFrame({"trade_id": np.arange(1, len(rows) + 1)})
    for (name, categories), values in zip(CATEGORIES.items(), rows.T, strict=True):
        missing = values == MISSING
        if categories:
            table[name] = pd.Categorical.from_codes(np.where(missing, -1, values), categories)
        else:
            table[name] = np.where(missing, np.nan, values / (100 if name == "margin" else 1))
    return table


def draw_habits(rng: np.random.Generator) -> Habits:
    """Draw the traders: proportions are Dirichlet around the desk's, factors are log-normal."""
    desks = list(DESKS.values())
    desk = np.repeat(np.arange(len(desks)), [row.traders for row in desks])
    trades = np.geomspace(FEWEST, MOST, len(desk)).astype(np.int64)
    trades[-1] += N_TRADES - trades.sum()
    instruments = [[row.instruments.get(name, 0) for name in INSTRUMENTS] for row in desks]
    currencies = [[row.currencies.get(name, 0) for name in CURRENCIES] for row in desks]
    counterparties = rng.standard_gamma(0.3, (len(desks), len(COUNTERPARTIES)))
    books = np.kron(np.eye(len(desks)), np.ones(BOOKS))
    return Habits(
        desk=desk,
        trades=rng.permutation(trades),
        shares={
            "instrument": _around(rng, np.array(instruments)[desk], 8),
            "currency": _around(rng, np.array(currencies)[desk], 6),
            "counterparty": _around(rng, counterparties[desk], 15),
            "portfolio": _around(rng, books[desk], 2),
        },
        size=np.exp(0.6 * rng.standard_normal(len(desk))),
        margin=np.exp(0.3 * rng.standard_normal(len(desk))),
        forgetful=0.06 * rng.random(len(desk)),
        counterparty_margin=np.exp(0.5 * rng.standard_normal(len(COUNTERPARTIES))),
    )


def _around(rng: np.random.Generator, weights: np.ndarray, concentration: float) -> np.ndarray:
    """Draw a row of proportions around each row of `weights`; those below 2 % become 0."""
    mean = weights / weights.sum(axis=1, keepdims=True)
    gamma = rng.standard_gamma(concentration * mean)  # normalised: Dirichlet
    shares = gamma / gamma.sum(axis=1, keepdims=True)
    return np.where(shares < 0.02, 0, shares)


def draw(rng: np.random.Generator, weights: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Draw a column of `weights` (m, k) for each entry of `row`, in proportion to that row."""
    cumulative = np.cumsum(weights, axis=1, dtype=np.float64)
    cumulative /= cumulative[:, -1:]
    return (rng.random(len(row))[:, np.newaxis] >= cumulative[row]).sum(axis=1)


def draw_trades(rng: np.random.Generator, habits: Habits) -> Columns:
    """Draw complete trades without faults, in random order.

    Nominals are log-normal. Margins shrink slowly with the nominal. They scatter around the usual
    value of instrument, counterparty and trader as Student's t with four degrees of freedom.
    """
    trader = rng.permutation(np.repeat(np.arange(len(TRADERS)), habits.trades))
    columns = {name: draw(rng, shares, trader) for name, shares in habits.shares.items()}
    usual = np.array(list(INSTRUMENTS.values()))[columns["instrument"]]
    size = usual[:, 1] * rng.standard_normal(N_TRADES)  # logarithm, relative to the median
    units = np.array(list(CURRENCIES.values()))[columns["currency"]]
    thousands = 1000 * usual[:, 0] * units * habits.size[trader] * np.exp(size)
    columns["nominal"] = 1000 * np.maximum(np.rint(thousands), 1).astype(np.int64)
    level = habits.margin[trader] * habits.counterparty_margin[columns["counterparty"]]
    scatter = 0.4 * rng.standard_t(4, N_TRADES)
    columns["margin"] = _hundredths(usual[:, 2] * (level * np.exp(-0.1 * size) + scatter))
    nothing = np.zeros(N_TRADES, np.int64)
    return columns | {"trader": trader, "true_trader": trader, "anomaly": nothing}


def _hundredths(values: np.ndarray) -> np.ndarray:
    """Return `values` in whole hundredths."""
    return np.rint(100 * values).astype(np.int64)


def remove_values(rng: np.random.Generator, habits: Habits, columns: Columns) -> None:
    """Remove values; whether a value is removed never depends on the value itself.

    Margins are missing at random given the instrument, mostly of futures. Counterparties and
    portfolios are missing at random given the trader. Nominals are missing completely at random.
    """
    futures = np.array([name.endswith("future") for name in INSTRUMENTS])
    chances = {
        "margin": np.where(futures, 0.15, 0.01)[columns["instrument"]],
        "counterparty": habits.forgetful[columns["trader"]],
        "portfolio": habits.forgetful[columns["trader"]],
        "nominal": np.full(N_TRADES, 0.005),
    }
    for name, chance in chances.items():
        columns[name] = np.where(rng.random(N_TRADES) < chance, MISSING, columns[name])


def plant_anomalies(rng: np.random.Generator, habits: Habits, columns: Columns) -> None:
    """Spoil one value in each of some trades and record the kind, `ANOMALIES_A_KIND` of each.

    No trade is spoilt twice, and no missing value is spoilt. All other values stay as drawn.
    """
    margins = np.array([instrument.margin for instrument in INSTRUMENTS.values()])
    desk_of_portfolio = np.repeat(np.arange(len(DESKS)), BOOKS)
    elsewhere = habits.desk[:, np.newaxis] != desk_of_portfolio
    never = {name: shares == 0 for name, shares in habits.shares.items()}

    def margin(rows: np.ndarray) -> np.ndarray:
        far = rng.uniform(15, 40, len(rows)) * rng.choice([-1, 1], len(rows))
        return columns["margin"][rows] + _hundredths(far * margins[columns["instrument"][rows]])

    def other(name: str, weights: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda rows: draw(rng, weights, columns["trader"][rows])

    spoil: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
        "fat finger": (
            "nominal",
            lambda rows: columns["nominal"][rows] * rng.integers(100, 1001, len(rows)),
        ),
        "thousands": ("nominal", lambda rows: columns["nominal"][rows] // 1000),
        "off-market margin": ("margin", margin),
        "unused currency": ("currency", other("currency", never["currency"])),
        "unused instrument": ("instrument", other("instrument", never["instrument"])),
        "unused counterparty": ("counterparty", other("counterparty", never["counterparty"])),
        "wrong book": ("portfolio", other("portfolio", elsewhere)),
    }
    for kind, (name, values) in spoil.items():
        sound = (columns["anomaly"] == 0) & (columns[name] != MISSING)
        rows = rng.choice(np.flatnonzero(sound), ANOMALIES_A_KIND, replace=False)
        columns[name][rows] = values(rows)
        columns["anomaly"][rows] = ANOMALIES.index(kind)


def mislabel(rng: np.random.Generator, habits: Habits, columns: Columns) -> None:
    """Book some trades that are not spoilt under another trader, mostly one of the same desk.

    Busy traders get more of the wrong trades, so that most trades of a small trader stay right.
    """
    colleagues = np.where(habits.desk[:, np.newaxis] == habits.desk, 1.0, 0.1) * habits.trades
    np.fill_diagonal(colleagues, 0)
    rows = rng.choice(np.flatnonzero(columns["anomaly"] == 0), MISLABELLED, replace=False)
    columns["trader"] = columns["true_trader"].copy()
    columns["trader"][rows] = draw(rng, colleagues, columns["true_trader"][rows])

"""Tables of the weather patterns chapter about test windows: judge, code sizes, time, regimes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from latentbook.chapters.weather_patterns.queue import FORTY
from latentbook.study.method import Method
from latentbook.study.tables import NOT_RUN, markdown, number
from latentbook.study.weather_labels import TITLES

#: Names of the tables that `generated` returns.
FILES = (
    "05-judge.md",
    "05-sizes.md",
    "05-time.md",
    "05-more-data.md",
    "05-shifts.md",
    "05-classifiability.md",
    "05-regimes.md",
    "05-years.md",
)
VARIABLES = {"t850": "T850", "msl": "MSLP", "wind900": "wind at 900 hPa"}
#: Representations of equal code sizes in the order of the figure "Does time help?".
ORDER = (
    "raw-first",
    "raw-mean",
    "raw-shuffled",
    "pca16",
    "pca16-first",
    "pca16-whitened",
    "conv-single",
    "conv",
    "fc-lstm",
    "cnn-lstm",
    "conv-lstm",
    "conv-lstm-composite",
    "conv-lstm-shuffled",
    "cnn-lstm-shuffled",
)
COMPONENTS = {"pca": "components", "pca-whitened": "components, whitened"}
WORDS = {
    "raw": "raw windows",
    "raw-first": "first field",
    "raw-mean": "mean field",
    "raw-shuffled": "shuffled fields",
    "conv-single": "single-field network",
    "conv": "fields as channels",
    "conv-lstm": "ConvLSTM",
    "conv-lstm-composite": "ConvLSTM, composite",
    "conv-lstm-shuffled": "ConvLSTM, shuffled",
    "cnn-lstm": "CNN-LSTM",
    "cnn-lstm-shuffled": "CNN-LSTM, shuffled",
    "fc-lstm": "FC-LSTM",
    "fc-lstm-shuffled": "FC-LSTM, shuffled",
}


def flat(records: pd.DataFrame, use: str = "judged") -> pd.DataFrame:
    """Return the records of one use as one row each, with what tells them apart as columns.

    Columns: ``dataset``, ``codes``, ``learner``, ``n_codes`` (0 for raw windows), ``years`` (NaN
    for all), ``coarse``, ``seed``, ``params``, and every metric.
    """
    rows: list[dict[str, Any]] = []
    for record in records.to_dict("records"):
        method = Method.parse(record["method"])
        if method.use != use:
            continue
        params = record["params"]
        rows.append(
            {
                "dataset": record["dataset"],
                "codes": method.representation,
                "learner": method.learner,
                "n_codes": params.get("n_codes", 0),
                "years": params.get("years", np.nan),
                "coarse": params.get("coarse", 1),
                "seed": record["seed"],
                "params": params,
                **{k: v for k, v in record["metrics"].items() if k != "years"},
                "n_years": record["metrics"].get("years", np.nan),
            }
        )
    return pd.DataFrame(rows)


def title(codes: str) -> str:
    """Return what tables and figures call a representation.

    Examples
    --------
    >>> title("raw-first"), title("pca16-first"), title("cnn-lstm-3d")
    ('first field', '16 components of the first field', 'cnn-lstm-3d')
    """
    if codes in WORDS:
        return WORDS[codes]
    size, _, kind = codes.removeprefix("pca").partition("-")
    if codes.startswith("pca") and size.isdecimal():
        end = {"first": " of the first field", "whitened": ", whitened"}
        return f"{size} components{end.get(kind, '')}"
    return codes


def generated(records: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text, of the records of chapter 05."""
    judged = flat(records)
    made = dict.fromkeys(FILES, NOT_RUN)
    if len(judged):
        made["05-judge.md"] = _judge(judged)
        made["05-sizes.md"] = _sizes(judged)
        made["05-time.md"] = _time(judged)
        made["05-more-data.md"] = _more_data(judged)
        made["05-shifts.md"] = _shifts(judged)
    for name, use, table in (
        ("05-classifiability.md", "classifiability", _classifiability),
        ("05-regimes.md", "regimes", _regimes),
        ("05-years.md", "years", _years),
    ):
        part = flat(records, use)
        if len(part):
            made[name] = table(part)
    return made


def _present(rows: pd.DataFrame) -> list[str]:
    names = [f"explained_{name}" for name in VARIABLES]
    return [v for v, n in zip(VARIABLES, names, strict=True) if n in rows and rows[n].notna().any()]


def _mean(rows: pd.DataFrame, metric: str, digits: int = 3) -> str:
    if metric not in rows or not rows[metric].notna().any():
        return number(None)
    text = number(float(rows[metric].mean()), digits)
    return f"{text}\u00a0±\u00a0{rows[metric].std():.3f}" if len(rows) > 1 and digits else text


def _judge(judged: pd.DataFrame) -> str:
    """Return what the clusters of the longer codes explain, a table a data set."""
    tables = []
    kept = judged[judged["coarse"] == 1]
    for dataset in [d for d in TITLES if d in set(kept["dataset"])]:
        rows = kept[kept["dataset"] == dataset]
        variables = _present(rows)
        if not variables:
            continue
        head = [x for v in variables for x in (VARIABLES[v], "without season")]
        body = []
        for codes, group in _in_order(rows):
            cells = [
                _mean(group, f"explained_{v}{suffix}")
                for v in variables
                for suffix in ("", "_weather")
            ]
            index = _mean(group, "calinski_harabasz_raw", 0)
            body.append([title(codes), *cells, index, str(len(group))])
        tables.append(
            markdown(
                ["codes", *head, "CH test", "seeds"],
                body,
                caption="Share of the variance of fields that were not clustered, which patterns "
                f"explain on test windows: {TITLES[dataset]}; *without season* is what is left of "
                "the variable without its annual cycle; *CH test* is the Calinski-Harabasz index "
                "of the test windows; ± is the spread of seeds",
                name=f"tbl-05-judge-{dataset}",
            )
        )
    return "\n".join(tables) or NOT_RUN


def _in_order(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    families = ("raw", "pca", "conv", "fc-lstm", "cnn-lstm")

    def rank(codes: str) -> tuple[int, str]:
        return next((i for i, f in enumerate(families) if codes.startswith(f)), 9), codes

    return [(c, rows[rows["codes"] == c]) for c in sorted(rows["codes"].unique(), key=rank)]


def _sizes(judged: pd.DataFrame) -> str:
    """Return what is explained and restored for each size of the code."""
    rows = judged[(judged["coarse"] > 1) & (judged["n_codes"] > 0)]
    rows = rows[~rows["codes"].str.contains("first|single|shuffled|composite")]
    tables = []
    for dataset, years in ((FORTY, np.nan), (FORTY, 5.0), ("weather-eraint", np.nan)):
        here = rows[(rows["dataset"] == dataset) & _same(rows["years"], years)]
        here = here.assign(family=[re.sub("[0-9]+", "", c) for c in here["codes"]])
        if here["n_codes"].nunique() < 2:
            continue
        variables = _present(here)
        head = [VARIABLES[v] for v in variables]
        body = []
        for (family, size), group in here.groupby(["family", "n_codes"], sort=True):
            cells = [_mean(group, f"explained_{v}_weather") for v in variables]
            index = _mean(group, "calinski_harabasz_raw", 0)
            error = _mean(group, "rmse_metres")
            name = COMPONENTS.get(str(family)) or WORDS.get(str(family), str(family))
            body.append([name, str(size), *cells, index, error, str(len(group))])
        span = "" if np.isnan(years) else f", trained on {years:g} years"
        tables.append(
            markdown(
                ["codes", "numbers", *head, "CH test", "error, m", "seeds"],
                body,
                caption="Size of the code: what patterns explain without season on test windows, "
                f"{TITLES[dataset]}, fields of 16 x 16 cells{span}",
                name=f"tbl-05-sizes-{dataset}{'' if np.isnan(years) else '-some'}",
            )
        )
    return "\n".join(tables) or NOT_RUN


def _same(values: pd.Series, wanted: float) -> pd.Series:
    return values.isna() if np.isnan(wanted) else values == wanted


def of_time(judged: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Return the runs of `ORDER` on fields of 16 x 16 cells that "Does time help?" compares."""
    years = 5.0 if dataset == FORTY else np.nan
    rows = judged[(judged["dataset"] == dataset) & (judged["coarse"] > 1)]
    rows = rows[_same(rows["years"], years) & (rows["learner"] == "k-means")]
    return rows[rows["codes"].isin(["raw", *ORDER]) & rows["n_codes"].isin([0, 16])]


def _time(judged: pd.DataFrame) -> str:
    tables = []
    for dataset in (FORTY, "weather-eraint"):
        rows = of_time(judged, dataset)
        variables = _present(rows)
        if not variables:
            continue
        body = []
        for codes in ("raw", *ORDER):
            group = rows[rows["codes"] == codes]
            if not len(group):
                continue
            cells = []
            for v in variables:
                cells.append(_mean(group, f"explained_{v}_weather"))
                cells.append(number(None) if codes == "raw" else _lead(group, f"lead_{v}_weather"))
            epochs = _mean(group, "epochs", 0) if "epochs" in group else number(None)
            body.append([title(codes), *cells, epochs, str(len(group))])
        head = [x for v in variables for x in (VARIABLES[v], "less raw")]
        tables.append(
            markdown(
                ["what is clustered", *head, "epochs", "seeds"],
                body,
                caption="Does time help? Variance without season that fifteen patterns explain on "
                "test windows, and how much more than those of the raw windows: "
                f"{TITLES[dataset]}, fields of 16 x 16 cells, codes of 16 numbers; in brackets "
                "95 % by blocks of two weeks, mean over seeds",
                name=f"tbl-05-time-{dataset}",
            )
        )
    return "\n".join(tables) or NOT_RUN


def _lead(rows: pd.DataFrame, metric: str) -> str:
    mean, low, high = (float(rows[f"{metric}{end}"].mean()) for end in ("", "_low", "_high"))
    signed = [("+" if value > 0 else "") + number(value) for value in (mean, low, high)]
    return f"{signed[0]}\u00a0[{signed[1]},\u00a0{signed[2]}]"


def _more_data(judged: pd.DataFrame) -> str:
    rows = judged[(judged["dataset"] == FORTY) & (judged["coarse"] > 1) & (judged["n_codes"] == 16)]
    rows = rows[rows["codes"].isin(["pca16", "fc-lstm"])]
    if rows["years"].nunique() < 2:
        return NOT_RUN
    body = []
    for codes in ("pca16", "fc-lstm"):
        for years, group in rows[rows["codes"] == codes].fillna({"years": 36.0}).groupby("years"):
            body.append(
                [
                    title(codes),
                    number(float(years)),
                    _mean(group, "explained_wind900_weather"),
                    _mean(group, "calinski_harabasz_raw", 0),
                    _mean(group, "rmse_metres"),
                    str(len(group)),
                ]
            )
    return markdown(
        ["codes", "years", "wind at 900 hPa", "CH test", "error, m", "seeds"],
        body,
        caption="More years of training: explained variance without the season, index and error of "
        "reconstruction on four years of another run; codes of 16 numbers",
        name="tbl-05-more-data",
    )


def _shifts(judged: pd.DataFrame) -> str:
    if "catalogue_z" not in judged:
        return NOT_RUN
    rows = judged[judged["catalogue_z"].notna()]
    body = []
    for dataset in [d for d in TITLES if d in set(rows["dataset"])]:
        for codes, group in _in_order(rows[rows["dataset"] == dataset]):
            body.append(
                [
                    f"{TITLES[dataset]}: {title(codes)}",
                    _mean(group, "catalogue_ami"),
                    _mean(group, "catalogue_shifted"),
                    number(float(group["catalogue_z"].mean()), 1),
                    number(float(group["catalogue_days"].max())),
                    str(len(group)),
                ]
            )
    return markdown(
        ["data, codes", "AMI", "AMI shifted", "z", "days", "seeds"],
        body,
        caption="Agreement with the Hess-Brezowsky catalogue against circular shifts: *z* is how "
        "many standard deviations of the shifts the agreement lies above their mean",
        name="tbl-05-shifts",
    )


def _classifiability(rows: pd.DataFrame) -> str:
    names = {
        "weather-ncep-atlantic": "NCEP/NCAR pressure, Atlantic",
        "weather-eraint": "ERA-Interim heights, western Europe",
        "weather-simulated-long": "simulated heights, Atlantic and Europe",
    }
    body = []
    for dataset, words in names.items():
        for row in rows[rows["dataset"] == dataset].to_dict("records"):
            band = f"{number(row['noise_low'])} to {number(row['noise_high'])}"
            body.append(
                [
                    words,
                    str(row["params"]["k"]),
                    number(row["classifiability"]),
                    band,
                    number(row["p"]),
                ]
            )
    return markdown(
        ["winters of", "k", "index", "red noise, 90 %", "p"],
        body,
        caption="Classifiability (Michelangeli 1995) of winter anomalies among twelve components: "
        "how alike partitions from different starts are, beside red noise",
        name="tbl-05-classifiability",
    )


def _regimes(rows: pd.DataFrame) -> str:
    metrics = rows.iloc[-1]
    body = [
        [
            name,
            f"{100 * metrics[f'share {name}']:.0f}%",
            number(metrics[f"with_heights {name}"]),
            number(metrics[f"first_half {name}"]),
            number(metrics[f"second_half {name}"]),
        ]
        for name in ("NAO+", "NAO-", "blocking", "ridge")
    ]
    return markdown(
        ["regime", "days", "with monthly heights", "first half", "second half"],
        body,
        caption="Four regimes of daily winter pressure: share of days; correlation with four "
        "clusters of monthly heights of MERRA-2, and with the regimes of half of the winters",
        name="tbl-05-regimes",
    )


def _years(rows: pd.DataFrame) -> str:
    body = []
    for (dataset, detrended), group in rows.assign(
        detrended=[bool(p.get("detrend")) for p in rows["params"]]
    ).groupby(["dataset", "detrended"], sort=False):
        body.append(
            [
                f"{TITLES[str(dataset)]}{', without trend' if detrended else ''}",
                number(float(group["n_years"].iloc[0])),
                number(float(group["chi_square"].mean()), 1),
                number(float(group["chi_square_chance"].mean()), 1),
                number(float(group["years_p"].max())),
                number(float(group["with_trend"].mean()), 1),
                str(len(group)),
            ]
        )
    return markdown(
        ["data", "years", "chi-square", "by chance", "largest p", "clusters with a trend", "seeds"],
        body,
        caption="Do clusters belong to certain years? Chi-square of fifteen clusters by years, and "
        "its mean where blocks of a week or two are exchanged between years; clusters whose share "
        "has a trend (Mann-Kendall, corrected for fifteen tests)",
        name="tbl-05-years",
    )

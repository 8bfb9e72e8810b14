"""Published against reproduced: the verdicts, and the pages and tables written from records.

The rule of the verdicts is `verdict`; everything else here is layout.
``python -m latentbook.study.tables`` writes all generated pages.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentbook import files, paths
from latentbook.book import cards
from latentbook.chapters.two_stage_clustering import figures
from latentbook.study import records

PUBLISHED_COLUMNS = (
    "source",
    "table",
    "page",
    "dataset",
    "method",
    "metric",
    "value",
    "params",
    "not_comparable",
    "note",
)
#: Column headings of the scores that `score_table` shows.
HEADINGS = {
    "acc": "ACC",
    "nmi": "NMI",
    "ari": "ARI",
    "ami": "AMI",
    "nmi_kept": "NMI kept",
    "silhouette": "SIL",
}
#: Source -> the smallest limit of epochs that it states for its networks (0 where it states none);
#: a training of ours that ended at its limit is too short only below that.
STATED_EPOCHS = {"fernandez2020": 150, "norlander2019": 0}
#: Published data set -> ours beside it, where the published one cannot be had.
STAND_INS = {"weather": "weather-simulated"}
#: How a cell begins that holds a number (or – for none), and not a date, a version or a name.
_NUMBER = re.compile(r"([-−+]?\d[\d,]*(\.\d+)?%?|–)(\s|$)")
VERDICTS = ("reproduced", "higher", "lower", "not comparable", "not run")


def verdict(published: float, mean: float, spread: float) -> str:
    """Judge a reproduced mean by the published value.

    With ``t = max(0.02, 2 * spread)`` (for values beyond 1, such as counts: 2 % of the value
    instead of 0.02): ``reproduced`` if ``|mean - published| <= t``, else ``higher`` or ``lower``.

    Parameters
    ----------
    published
        The value the source prints.
    mean, spread
        Mean and standard deviation over our seeds (0 for a single one).
    """
    tolerance = max(0.02 * max(1.0, abs(published)), 2 * spread)
    if abs(mean - published) <= tolerance + 1e-12:
        return "reproduced"
    return "higher" if mean > published else "lower"


def published() -> pd.DataFrame:
    """Return every published number, one row each, `params` as a dictionary."""
    tables = [
        pd.read_csv(source, keep_default_na=False, dtype={"page": str, "table": str})
        for source in sorted(paths.published().glob("*.csv"))
    ]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    rows = rows.reindex(columns=list(PUBLISHED_COLUMNS))
    rows["params"] = [json.loads(text) if text else {} for text in rows["params"]]
    return rows


def summarise(rows: pd.DataFrame, metric: str) -> dict[str, Any] | None:
    """Return mean, spread, number of seeds, samples and coverage of `metric` over `rows`."""
    if metric == "coverage":
        values = list(rows["coverage"])
    else:
        values = [m[metric] for m in rows["metrics"] if metric in m]
    if not values:
        return None
    series = pd.Series(values, dtype=float)
    return {
        "mean": series.mean(),
        "spread": series.std(ddof=1) if len(series) > 1 else 0.0,
        "n": len(series),
        "n_samples": int(rows["n_samples"].max()),
        "coverage": float(rows["coverage"].mean()),
    }


def counterparts(found: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Return the records in `found` that measure what the published `row` states.

    Where networks were trained with several limits of epochs, those of the longest count; where
    parts of the samples were scored apart, all samples, unless the row names a part.
    """
    dataset = STAND_INS.get(row["dataset"], row["dataset"])
    same = found[(found["dataset"] == dataset) & (found["method"] == row["method"])]
    whole = {"evaluated_on": "all"}
    wanted = (whole | row["params"]).items()
    return longest(keep(same, (wanted <= (whole | p).items() for p in same["params"])))


def longest(found: pd.DataFrame) -> pd.DataFrame:
    """Return the records whose limit of epochs is the largest of their data set and method."""
    limits = found.assign(limit=[p.get("max_epochs", 0) for p in found["params"]])
    largest = limits.groupby(["dataset", "method"])["limit"].transform("max")
    return found[limits["limit"] == largest]


def keep(rows: pd.DataFrame, chosen: Iterable[bool]) -> pd.DataFrame:
    """Return the rows that are chosen; unlike plain indexing this keeps the columns of no rows."""
    return rows.loc[np.fromiter(chosen, dtype=bool, count=len(rows))]


def compare(numbers: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Set every published number beside the mean of its records.

    Parameters
    ----------
    numbers
        As returned by `published`.
    found
        As returned by `records.read`.

    Returns
    -------
    DataFrame
        `numbers` with mean, spread, n, n_samples, coverage (missing where nothing ran) and verdict.
    """
    compared = []
    for _, row in numbers.iterrows():
        rows = counterparts(found, row)
        summary = summarise(rows, row["metric"])
        row["not_comparable"] = row["not_comparable"] or _unfinished(rows, row)
        if row["not_comparable"]:
            judged = "not comparable"
        elif summary is None:
            judged = "not run"
        else:
            judged = verdict(row["value"], summary["mean"], summary["spread"])
        compared.append({**row, **(summary or {}), "verdict": judged})
    columns = [*numbers.columns, "mean", "spread", "n", "n_samples", "coverage", "verdict"]
    return pd.DataFrame(compared).reindex(columns=columns)


def _unfinished(rows: pd.DataFrame, row: pd.Series) -> str:
    """Say why scores of a network are not comparable: its training ended at the limit of epochs."""
    if row["metric"].startswith("parameters"):
        return ""
    epochs = [(m.get("epochs"), p.get("max_epochs")) for m, p in _metrics_and_params(rows)]
    enough = STATED_EPOCHS.get(row["source"], math.inf)
    cut = [limit for n, limit in epochs if limit and n == limit < enough]
    return f"trained {cut[0]} epochs here, and not until its loss had settled" if cut else ""


def _metrics_and_params(rows: pd.DataFrame) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
    return zip(rows["metrics"], rows["params"], strict=True)


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with a true minus sign and `digits` decimals; ``–`` if it is missing.

    One decimal fewer from 10 on, and none from 100 on or for a whole number.
    """
    if value is None or pd.isna(value):
        return "–"
    return f"{value:,.{_decimals(value, digits)}f}".replace("-", "−")


def _decimals(value: float, digits: int) -> int:
    if abs(value) >= 100 or (float(value).is_integer() and abs(value) > 1):
        return 0
    return max(0, digits - 1) if abs(value) >= 10 else digits


def mean_and_spread(summary: dict[str, Any] | pd.Series | None) -> str:
    """Format ``mean ± spread (n)``, both with as many decimals; a single run has no spread."""
    if summary is None or pd.isna(summary.get("mean")):
        return "–"
    if summary["n"] == 1:
        return f"{number(summary['mean'])} (1)"
    spread = f"{summary['spread']:,.{_decimals(summary['mean'], 3)}f}"
    # non-breaking spaces keep a number and its spread on one line
    return f"{number(summary['mean'])}\u00a0±\u00a0{spread} ({int(summary['n'])})"


def markdown(
    header: Sequence[str], rows: Iterable[Sequence[Any]], *, caption: str, name: str
) -> str:
    """Return a numbered MyST table; the first column and those of words are aligned left.

    Parameters
    ----------
    header, rows
        Cells as text.
    caption
        Shown above the table.
    name
        Target for cross references.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    others = list(zip(*cells, strict=True))[1:]
    numeric = [all(map(_NUMBER.match, column)) for column in others] or [True] * len(header[1:])
    rules = [":--", *["--:" if is_number else ":--" for is_number in numeric]]
    body = [f"| {' | '.join(row)} |" for row in (header, rules, *cells)]
    return "\n".join([f":::{{table}} {caption}", f":name: {name}", "", *body, ":::", ""])


def score_table(
    found: pd.DataFrame, dataset: str, scores: Sequence[str], *, caption: str, name: str
) -> str:
    """Return a table of all methods that `found` scores on `dataset`, best first score on top.

    One row a method (and part of the images): mean ± spread of each score, coverage, seconds of
    all stages together, number of runs.
    """
    pairs = zip(found["dataset"], found["metrics"], strict=True)
    chosen = keep(found, (d == dataset and scores[0] in m for d, m in pairs))
    rows = []
    for label, group in chosen.groupby(_labels(chosen), sort=False):
        summaries = [summarise(group, score) for score in scores]
        seconds = pd.Series([sum(s.values()) for s in group["seconds"]]).mean()
        cells = [mean_and_spread(summary).partition(" (")[0] for summary in summaries]
        best = summaries[0]["mean"] if summaries[0] else 0.0
        ends = [number(group["coverage"].mean()), number(seconds, 0), str(len(group))]
        rows.append((best, [label, *cells, *ends]))
    rows.sort(key=lambda row: -row[0])
    header = ["method", *[HEADINGS[score] for score in scores]]
    return markdown(
        [*header, "coverage", "seconds", "runs"],
        [cells for _, cells in rows],
        caption=caption,
        name=name,
    )


def _labels(found: pd.DataFrame) -> list[str]:
    """Name each record's method, with gamma, training, and the part of the images if not all."""
    labels = []
    for method, (metrics, params) in zip(found["method"], _metrics_and_params(found), strict=True):
        part, limit = params.get("evaluated_on", "all"), params.get("max_epochs")
        remarks = [f"γ = {params['gamma']:g}"] if method.startswith("dcec") else []
        if limit:
            stopped = metrics.get("epochs", limit) < limit
            remarks.append("early stopping" if stopped else f"{limit} epochs")
        remarks += [f"{part} images"] if part != "all" else []
        labels.append(method + (f" ({', '.join(remarks)})" if remarks else ""))
    return labels


def two_stage_tables() -> dict[str, str]:
    """Return the generated tables of the two-stage chapter, file name -> text."""
    found = records.read("03-two-stage-clustering")
    scores = [
        score_table(
            longest(found),
            dataset,
            tuple(HEADINGS),
            caption=f"Clustering of {_size(found, dataset)}, best accuracy first",
            name=f"tbl-03-{dataset}",
        )
        for dataset in sorted(found["dataset"].unique())
    ]
    compared = compare(published(), records.read())
    twelve = compared[compared["table"].isin(["table 12.1", "table 12.2"])]
    return {
        "03-scores.md": "\n".join(scores) or "No full-scale record yet: not run.\n",
        "03-training.md": _training(found),
        "03-choice-of-k.md": _choice_of_k(found),
        "03-verdicts.md": markdown(
            ["data set, method", "metric", "published", "reproduced", "coverage", "verdict"],
            [published_row(row) for _, row in twelve.iterrows()],
            caption="Tables 12.1 and 12.2 of the thesis, published and reproduced",
            name="tbl-03-verdicts",
        ),
    }


def _size(found: pd.DataFrame, dataset: str) -> str:
    samples = found.loc[found["dataset"] == dataset, "n_samples"].max()
    return f"{dataset}, {samples:,} images"


def _training(found: pd.DataFrame) -> str:
    """Return how long each autoencoder was trained, and what clustering made of its codes."""
    codes = keep(
        found, (p.get("evaluated_on") == "all" and "max_epochs" in p for p in found["params"])
    )
    codes = codes.assign(
        network=[method.partition(" + ")[0] for method in codes["method"]],
        limit=[p["max_epochs"] for p in codes["params"]],
    )
    rows = []
    for (dataset, network, limit), group in codes.groupby(["dataset", "network", "limit"]):
        one = group.drop_duplicates("seed")
        epochs = sorted({int(m["epochs"]) for m in one["metrics"]})
        loss = "bce" if network == "cae10" else "mse"
        scores = [
            summarise(group[group["method"] == f"{network} + {stage}"], "acc")
            for stage in ("k-means", "mixture")
        ]
        rows.append(
            [
                f"{dataset}: {network}",
                str(limit),
                "–".join(dict.fromkeys([str(epochs[0]), str(epochs[-1])])),
                mean_and_spread(summarise(one, loss)).partition(" (")[0],
                *[mean_and_spread(summary).partition(" (")[0] for summary in scores],
                str(len(one)),
            ]
        )
    return markdown(
        ["data set, network", "limit", "epochs", "loss", "k-means", "mixture", "seeds"],
        rows,
        caption="Autoencoders by length of training: limit of epochs, epochs run, loss of the test "
        "images, and accuracy of both second stages over all images",
        name="tbl-03-training",
    )


def _choice_of_k(found: pd.DataFrame) -> str:
    chosen = found[found["method"].str.endswith("choice of k")]
    rows = []
    for (dataset, method), group in chosen.groupby(["dataset", "method"]):
        cells = []
        for criterion in ("silhouette", "bic"):
            values = sorted({int(m[f"k_by_{criterion}"]) for m in group["metrics"]})
            cells.append(", ".join(map(str, values)))
            cells.append(mean_and_spread(summarise(group, f"acc_by_{criterion}")))
        rows.append([f"{dataset}, {method.split(' + ')[0]}", *cells, str(len(group))])
    return markdown(
        [
            "data set, representation",
            "k by silhouette",
            "ACC of k-means with it",
            "k by BIC",
            "ACC of a mixture with it",
            "seeds",
        ],
        rows,
        caption="Number of clusters that each criterion would have chosen (all that occurred)",
        name="tbl-03-choice-of-k",
    )


def published_page() -> str:
    """Return the page "Published and reproduced": every row of every table, with its verdict."""
    compared = compare(published(), records.read())
    counts = compared["verdict"].value_counts()
    text = [
        "# Published and reproduced",
        "",
        "Every number that the sources print, beside the mean of our full-scale records.",
        "A reproduced value reads mean ± standard deviation (number of seeds).",
        "The rule of the verdicts is stated in [](../how-we-judge.md).",
        "",
        markdown(
            ["verdict", "numbers"],
            [[v, str(counts.get(v, 0))] for v in VERDICTS],
            caption="Verdicts over all published numbers",
            name="tbl-verdicts",
        ),
    ]
    compared = compared.sort_values("table", key=lambda t: t.map(_reading_order), kind="stable")
    for (source, table), rows in compared.groupby(["source", "table"], sort=False):
        slug = f"{source}-{table}".lower().replace(" ", "-").replace(".", "-")
        text += [
            f"## {table.capitalize()}",
            "",
            f"From {{cite}}`{source}`, {_pages(rows['page'])}.",
            "",
            markdown(
                ["data set, method", "metric", "published", "reproduced", "coverage", "verdict"],
                [published_row(row) for _, row in rows.iterrows()],
                caption=f"{table.capitalize()}, published and reproduced",
                name=f"tbl-{slug}",
            ),
            *_notes(rows),
        ]
    return "\n".join(text)


def _reading_order(table: str) -> tuple[int, str]:
    """Sort tables before figures, listings and sections, and these before the appendix."""
    kind = table.split()[0]
    return (["table", "figure", "listing", "section", "appendix"].index(kind), table)


def _notes(rows: pd.DataFrame) -> list[str]:
    """Return a folded list of the notes on `rows`, each said once."""
    notes: dict[str, list[str]] = {}
    for _, row in rows[rows["note"] != ""].iterrows():
        about = f"{row['dataset']}: {row['method']}, {row['metric']}"
        notes.setdefault(row["note"], []).append(about)
    if not notes:
        return []
    lines = [f"- {note} ({'; '.join(about)})" for note, about in notes.items()]
    return ["::::{dropdown} Notes on these numbers", *lines, "::::", ""]


def _pages(pages: pd.Series) -> str:
    unique = list(dict.fromkeys(page for page in pages if page))
    if not unique:
        return "which has no page numbers"
    return ("page " if len(unique) == 1 else "pages ") + ", ".join(unique)


def published_row(row: pd.Series) -> list[str]:
    """Return the cells of a published number: what, metric, published, reproduced, verdict."""
    params = ", ".join(f"{k} {v}" for k, v in row["params"].items())
    label = f"{row['dataset']}: {row['method']}" + (f" ({params})" if params else "")
    digits = min(4, max(3, len(str(row["value"]).partition(".")[2])))
    why = f": {row['not_comparable']}" if row["verdict"] == "not comparable" else ""
    return [
        label,
        row["metric"],
        number(row["value"], digits),
        mean_and_spread(row),
        number(row["coverage"]),
        styled(row["verdict"]) + why,
    ]


def _beyond() -> pd.DataFrame:
    """Return our accuracies of the methods that the thesis does not have, for the home picture."""
    found = records.read()
    representations = ("umap2", "umap10", "umap30", "cae10-guo")
    rows = [
        {"dataset": dataset, "method": method, "metric": "acc", "table": "ours", "params": {}}
        | summary
        for dataset in found["dataset"].unique()
        for method in [f"{name} + mixture" for name in representations]
        if (summary := summarise(over_all(found, dataset, method), "acc"))
    ]
    return pd.DataFrame(rows)


def over_all(found: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    """Return the records of a method over all images, those of the longest training."""
    wanted = {"dataset": dataset, "method": method, "params": {"evaluated_on": "all"}}
    return counterparts(found, pd.Series(wanted))


def styled(judged: str) -> str:
    """Return a verdict with the class that gives it its colour (the word alone says it too)."""
    return f"[{judged}]{{.verdict-{judged.replace(' ', '-')}}}"


def findings() -> str:
    """Return the home page's findings in words, every number from records."""
    found, numbers = records.read(), published()
    counts = compare(numbers, found)["verdict"].value_counts()
    judged = sum(counts.get(v, 0) for v in VERDICTS[:3])
    text = [
        f"Of {len(numbers)} numbers that the sources print, {judged} have a counterpart here: "
        f"{counts.get('reproduced', 0)} reproduce, {counts.get('higher', 0)} come out higher and "
        f"{counts.get('lower', 0)} lower; {counts.get('not comparable', 0)} are not comparable "
        f"and {counts.get('not run', 0)} were not run.",
    ]
    for dataset in ("mnist", "fashion_mnist"):
        ranked = _best(found, dataset)
        if ranked:
            method, summary = ranked
            same = (numbers["dataset"] == dataset) & (numbers["metric"] == "acc")
            printed = numbers[same & (numbers["source"] == "fernandez2020")]
            text.append(
                f"On {dataset} the most accurate method over all images, of those with three "
                f"seeds or more, is {method}, with "
                f"{mean_and_spread(summary)}; the highest accuracy that the thesis prints is "
                f"{number(printed['value'].max())}."
            )
    return "\n".join(text) + "\n"


def _best(found: pd.DataFrame, dataset: str) -> tuple[str, dict[str, Any]] | None:
    """Return the method with the highest mean accuracy over all images and at least three seeds."""
    everything = keep(found, ("sample" not in p for p in found["params"]))
    ranked = [
        (method, summary)
        for method in everything["method"].unique()
        if (summary := summarise(over_all(everything, dataset, method), "acc"))
        and summary["n"] >= 3
    ]
    return max(ranked, key=lambda pair: pair[1]["mean"]) if ranked else None


def status_page() -> str:
    """Return the status page: per chapter and profile what ran where, how long, and when."""
    profiles = sorted(path.stem for path in paths.profiles().glob("*.yml"))
    found = [(profile, records.read(profile=profile)) for profile in profiles]
    every = pd.concat([rows for _, rows in found if len(rows)] or [found[0][1]])
    rows = []
    for (chapter, profile), group in every.groupby(["chapter", "profile"]):
        rows.append(
            [
                chapter,
                profile,
                str(len(group)),
                ", ".join(sorted(group["dataset"].unique())),
                str(group["seed"].nunique()),
                ", ".join(sorted(group["device"].unique())),
                number(_hours(group), 2),
                " to ".join(dict.fromkeys([group["date"].min(), group["date"].max()])),
            ]
        )
    text = [
        "# Status",
        "",
        "What ran, where, and when; read from the records at the moment the book was built.",
        "Hours are summed wall times of all recorded stages, most of them on one core;",
        "an embedding or a network that several records share counts once.",
        "",
        markdown(
            ["chapter", "profile", "records", "data sets", "seeds", "device", "hours", "dates"],
            rows,
            caption="Runs by chapter and profile",
            name="tbl-status",
        ),
        _cost_of_a_seed(records.read()),
        _verdicts_by_table(),
        _versions(every),
    ]
    return "\n".join(text)


def _hours(rows: pd.DataFrame) -> float:
    """Return the wall time of all stages of `rows`, those that records share counted once.

    Shared is what one data set and seed have with the same name and, to a hundredth, time; and a
    shorter training is the beginning of a longer one.
    """
    rows = pd.concat(longest(seed) for _, seed in rows.groupby("seed"))
    stages = {
        (dataset, seed, stage, seconds)
        for dataset, seed, times in zip(rows["dataset"], rows["seed"], rows["seconds"], strict=True)
        for stage, seconds in times.items()
    }
    return sum(seconds for *_, seconds in stages) / 3600


def _cost_of_a_seed(found: pd.DataFrame) -> str:
    rows = []
    for (chapter, dataset), group in found.groupby(["chapter", "dataset"]):
        devices = ", ".join(sorted(group["device"].unique()))
        hours = max(_hours(seed) for _, seed in group.groupby("seed"))
        rows.append([chapter, dataset, number(hours, 2), devices])
    return markdown(
        ["chapter", "data set", "hours", "device"],
        rows,
        caption="What one seed costs at full scale: hours of the seed for which most was run, "
        "experiments included",
        name="tbl-cost",
    )


def _verdicts_by_table() -> str:
    compared = compare(published(), records.read())
    rows = []
    for (source, table), group in compared.groupby(["source", "table"], sort=False):
        counts = group["verdict"].value_counts()
        rows.append([f"{source}, {table}", *[str(counts.get(v, 0)) for v in VERDICTS]])
    return markdown(
        ["table", *VERDICTS], rows, caption="Verdicts by published table", name="tbl-by-table"
    )


def _versions(every: pd.DataFrame) -> str:
    used: dict[str, set[str]] = {}
    for versions in every["versions"]:
        for library, found in versions.items():
            used.setdefault(library, set()).add(found)
    return markdown(
        ["library", "versions"],
        [[library, ", ".join(sorted(found))] for library, found in used.items()],
        caption="Versions that the records were made with",
        name="tbl-versions",
    )


def write_all() -> None:
    """Write all generated pages and tables into ``book/generated``."""
    # which build on this module
    from latentbook.chapters.autoencoders import tables as autoencoder_tables
    from latentbook.chapters.deep_clustering import tables as deep_tables
    from latentbook.chapters.latent_anomalies import tables as latent_tables
    from latentbook.chapters.weather_patterns import tables as weather_tables

    pages = {
        "published-and-reproduced.md": published_page(),
        "status.md": status_page(),
        "home-findings.md": findings(),
        **two_stage_tables(),
        **autoencoder_tables.generated(),
        **deep_tables.generated(),
        **latent_tables.generated(),
        **weather_tables.generated(),
    }
    for name, text in pages.items():
        with files.atomic(paths.generated() / name) as scratch:
            scratch.write_text(text)
    cards.write()
    draw_home(paths.generated() / "home.png")


def draw_home(target: Path) -> None:
    """Write the picture of the home page and the README; its description digests the numbers."""
    compared = pd.concat([compare(published(), records.read()), _beyond()])
    numbers = compared[["dataset", "method", "metric", "value", "mean", "spread", "verdict"]]
    description = hashlib.sha256(numbers.round(4).to_csv(index=False).encode()).hexdigest()
    with files.atomic(target) as scratch:
        figure = figures.draw_home(compared)
        figure.savefig(scratch, dpi=150, metadata={"Description": description})


if __name__ == "__main__":
    write_all()

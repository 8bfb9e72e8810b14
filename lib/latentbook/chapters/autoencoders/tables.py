"""Tables of chapter 02: every use on its own, and all uses with their verdicts.

`generated` returns those of the full scale, `live` and `live_summary` those of one run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from latentbook.chapters.autoencoders import CHAPTER
from latentbook.chapters.autoencoders.judgement import USES, judge, of_use
from latentbook.study.judge import select
from latentbook.study.result import arrays_name
from latentbook.study.tables import NOT_RUN, gain_cell, markdown, score_cell, without_n

#: Metric -> heading, with an arrow to the better side.
HEADINGS = {
    "mse": "MSE ↓",
    "mse_noisy": "MSE of noisy rows ↓",
    "largest_angle_degrees": "largest angle, ° ↓",
    "knn_acc": "k-NN accuracy ↑",
    "ari": "ARI of k-means ↑",
    "nmi": "NMI of k-means ↑",
    "psnr": "PSNR, dB ↑",
    "ssim": "SSIM ↑",
    "acc": "accuracy ↑",
    "auc": "ROC AUC ↑",
    "ap": "average precision ↑",
    "frechet": "Fréchet distance ↓",
    "rmse_m": "height error, m ↓",
    "volume_error_percent": "volume error, % ↓",
    "dimension": "intrinsic dimension",
    "bpp": "bits a pixel",
    "psnr_at_0.15": "PSNR at 0.15, dB ↑",
}
#: What a training cost, and what was chosen on the way: no conditions of a comparison.
COSTS = (
    *("epochs", "batch_size", "rows", "n_train", "n_test", "n_fit", "steps", "share"),
    *("strength", "optimizer"),
)
#: Use -> how many samples a caption names, where a use takes a part of the data: the largest of
#: each param, and ``n_samples``. The first text counts whose params the records have.
SIZES = {
    "denoising": ("{rows:,} training and {n_test:,} test images",),
    "inpainting": (
        "{rows:,} training and {n_test:,} test images",
        "{rows:,} training windows and {holes:,} holes of one map",
    ),
    "compression": ("{rows:,} training crops, {n_samples:,} images in all",),
    "anomalies": ("{n_fit:,} normal training rows, {n_samples:,} rows in all",),
    "new categories": ("{n_train:,} training and {n_test:,} test images",),
}


def page(use: str) -> str:
    """Return the name of a use in names of pages: ``02-few-labels``."""
    return arrays_name(CHAPTER, "", use)


def generated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the tables of the full scale, file name -> text.

    Parameters
    ----------
    every : DataFrame
        The full-scale records of all chapters.
    compared : DataFrame
        Every published number beside ours, as `judge.compare` returns it. The lectures print
        none, so that no table of this chapter needs it.
    """
    records = every[every["chapter"] == CHAPTER]
    texts = {
        f"{page(use)}.md": _use_tables(records, use, "At full scale", f"tbl-{page(use)}") or NOT_RUN
        for use in USES
    }
    caption = "What autoencoders are good for, at full scale"
    summary = summary_table(records, caption=caption, name="tbl-02-summary")
    return texts | {"02-summary.md": summary if len(records) else NOT_RUN}


def live(made: Sequence[dict[str, Any]], use: str) -> str:
    """Return the tables of a use from the records of this run, one a data set."""
    if not made:
        return ""
    what = f"This run, profile {made[0]['profile']}"
    return _use_tables(pd.DataFrame(made), use, what, f"tbl-{page(use)}-live")


def live_summary(made: Sequence[dict[str, Any]]) -> str:
    """Return all uses of this run beside their best baselines."""
    caption = f"This run, profile {made[0]['profile']}, seed {made[0]['seed']}"
    return summary_table(pd.DataFrame(made), caption=caption, name="tbl-02-summary-live")


def _use_tables(records: pd.DataFrame, use: str, what: str, name: str) -> str:
    """Return the tables of a use, one a data set; `what` begins their captions."""
    return "\n".join(
        use_table(
            rows,
            use,
            caption=f"{what}: {use}, {dataset}, {sizes(rows, use)}",
            name=f"{name}-{dataset}",
        )
        for dataset, rows in of_use(records, use).groupby("dataset")
    )


def sizes(rows: pd.DataFrame, use: str) -> str:
    """Return how many samples the records of a use are about, in words.

    Parameters
    ----------
    rows : DataFrame
        Records of one data set.
    """
    numbers = {"n_samples": int(rows["n_samples"].max())}
    for params in rows["params"]:
        for name, value in params.items():
            if isinstance(value, int):
                numbers[name] = max(value, numbers.get(name, 0))
    for text in (*SIZES.get(use, ()), "{n_samples:,} samples"):
        try:
            return text.format(**numbers)
        except KeyError:
            continue
    raise AssertionError("every record has n_samples")


def use_table(rows: pd.DataFrame, use: str, *, caption: str, name: str) -> str:
    """Return every method of a use under every condition: mean ± standard deviation over seeds.

    Parameters
    ----------
    rows : DataFrame
        Records of one data set, as `judgement.of_use` returns them.
    """
    varied = _varied(rows)
    metrics = [m for m in HEADINGS if any(m in scores for scores in rows["metrics"])]
    groups = _groups(rows, varied)
    if len(metrics) == 1 and len(varied) == 1:
        return _wide(groups, metrics[0], varied.pop(), caption=caption, name=name)
    body = []
    for (method, conditions), group in groups.items():
        title = ", ".join([method, *(f"{key.replace('_', ' ')} {v}" for key, v in conditions)])
        cells = [score_cell(group, metric) for metric in metrics]
        body.append([title, *cells, str(group["seed"].nunique())])
    header = ["method", *(HEADINGS[m] for m in metrics), "seeds"]
    return markdown(header, body, caption=caption, name=name)


Conditions = tuple[tuple[str, Any], ...]


def _groups(rows: pd.DataFrame, varied: set[str]) -> dict[tuple[str, Conditions], pd.DataFrame]:
    """Return the records of each method under each condition, numbers in their order."""
    keys = [
        (method, tuple((k, p[k]) for k in sorted(varied & set(p))))
        for method, p in zip(rows["method"], rows["params"], strict=True)
    ]
    order = sorted(set(keys), key=lambda key: (key[0], [_number_first(v) for _, v in key[1]]))
    return {key: select(rows, (one == key for one in keys)) for key in order}


def _number_first(value: Any) -> tuple[bool, float, str]:
    number_like = isinstance(value, int | float)
    return (not number_like, float(value) if number_like else 0.0, str(value))


def _wide(
    groups: dict[tuple[str, Conditions], pd.DataFrame],
    metric: str,
    condition: str,
    *,
    caption: str,
    name: str,
) -> str:
    """Return one row a method and one column a value of its only condition."""
    values = sorted({v for _, pairs in groups for _, v in pairs}, key=_number_first)
    methods = dict.fromkeys(method for method, _ in groups)
    empty = pd.DataFrame(columns=["metrics", "seed"])
    body = []
    for method in methods:
        cells = [groups.get((method, ((condition, value),)), empty) for value in values]
        cells = [groups.get((method, ()), empty) if one.empty else one for one in cells]
        seeds = max(one["seed"].nunique() for one in cells)
        body.append([method, *(score_cell(one, metric) for one in cells), str(seeds)])
    first = f"{HEADINGS[metric]}, by {condition.replace('_', ' ')}"
    return markdown([first, *map(str, values), "seeds"], body, caption=caption, name=name)


def _varied(rows: pd.DataFrame) -> set[str]:
    """Return the params that take more than one value, but those that only say what it cost."""
    values: dict[str, set[str]] = {}
    for params in rows["params"]:
        for name, value in params.items():
            values.setdefault(name, set()).add(str(value))
    return {name for name, seen in values.items() if len(seen) > 1 and name not in COSTS}


def summary_table(records: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return every use and data set: the autoencoder, its best baseline, and the verdict."""
    body = []
    for key, use in USES.items():
        for dataset, rows in records.groupby("dataset"):
            judged = judge(rows, key)
            if judged is None:
                continue
            cells = [
                f"{use.method}: {_mean(judged.scores)}",
                f"{judged.baseline}: {_mean(judged.baseline_scores)}",
                HEADINGS.get(use.metric, use.metric),
                gain_cell(judged.gain),
                judged.verdict,
                str(judged.gain.n),
            ]
            body.append([f"{use.task} ({dataset})", *cells])
    header = ["use (data)", "autoencoder", "best alternative", "measured by"]
    header += ["gain [95 %]", "verdict", "seeds"]
    return markdown(header, body, caption=caption, name=name)


def _mean(values: pd.Series) -> str:
    """Format mean ± standard deviation as in all other tables."""
    n = len(values)
    return without_n(
        {"mean": values.mean(), "spread": values.std(ddof=1) if n > 1 else 0.0, "n": n}
    )

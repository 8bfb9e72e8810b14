"""Tables of the chapter on autoencoders: every use on its own, and what autoencoders are good for.

`generated` returns the generated pages from the records at full scale; the chapter shows the same
tables for its own run.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from latentbook.chapters.autoencoders import CHAPTER, study
from latentbook.chapters.autoencoders.judgement import USES, judge
from latentbook.study.judge import select, summarise
from latentbook.study.tables import markdown, mean_and_spread, number

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
NOT_RUN = "No full-scale record yet: not run.\n"


def use_table(found: pd.DataFrame, use: str, *, caption: str, name: str) -> str:
    """Return every method of a use under every condition: mean ± spread over seeds.

    Parameters
    ----------
    found
        Records of one data set.
    """
    rows = select(found, (method.startswith(f"{use}: ") for method in found["method"]))
    varied = _varied(rows)
    metrics = [m for m in HEADINGS if any(m in scores for scores in rows["metrics"])]
    groups = _groups(rows, use, varied)
    if len(metrics) == 1 and len(varied) == 1:
        return _wide(groups, metrics[0], varied.pop(), caption=caption, name=name)
    body = []
    for (method, conditions), group in groups.items():
        title = ", ".join([method, *(f"{key.replace('_', ' ')} {v}" for key, v in conditions)])
        cells = [_cell(group, metric) for metric in metrics]
        body.append([title, *cells, str(group["seed"].nunique())])
    header = ["method", *(HEADINGS[m] for m in metrics), "seeds"]
    return markdown(header, body, caption=caption, name=name)


Conditions = tuple[tuple[str, Any], ...]


def _groups(
    rows: pd.DataFrame, use: str, varied: set[str]
) -> dict[tuple[str, Conditions], pd.DataFrame]:
    """Return the records of each method under each condition, numbers in their order."""
    keys = [
        (method.removeprefix(f"{use}: "), tuple((k, p[k]) for k in sorted(varied & set(p))))
        for method, p in zip(rows["method"], rows["params"], strict=True)
    ]
    order = sorted(set(keys), key=lambda key: (key[0], [_number_first(v) for _, v in key[1]]))
    return {key: select(rows, (one == key for one in keys)) for key in order}


def _number_first(value: Any) -> tuple[bool, float, str]:
    number_like = isinstance(value, int | float)
    return (not number_like, float(value) if number_like else 0.0, str(value))


def _cell(group: pd.DataFrame, metric: str) -> str:
    return mean_and_spread(summarise(group, metric)).partition(" (")[0]


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
        found = [groups.get((method, ((condition, value),)), empty) for value in values]
        found = [groups.get((method, ()), empty) if one.empty else one for one in found]
        seeds = max(one["seed"].nunique() for one in found)
        body.append([method, *(_cell(one, metric) for one in found), str(seeds)])
    first = f"{HEADINGS[metric]}, by {condition.replace('_', ' ')}"
    return markdown(
        [first, *map(str, values), "seeds"],
        body,
        caption=caption,
        name=name,
    )


def _varied(rows: pd.DataFrame) -> set[str]:
    """Return the params that take more than one value, but those that only say what it cost."""
    values: dict[str, set[str]] = {}
    for params in rows["params"]:
        for name, value in params.items():
            values.setdefault(name, set()).add(str(value))
    return {name for name, seen in values.items() if len(seen) > 1 and name not in COSTS}


def summary_table(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return what autoencoders are good for: score, best simple alternative and verdict a use."""
    body = []
    for use, how in USES.items():
        for dataset, rows in found.groupby("dataset"):
            judged = judge(rows, use)
            if judged is None:
                continue
            digits = 1 if judged.method.abs().mean() > 10 else 3
            cells = [
                f"{how.method}: {_spread(judged.method, digits)}",
                f"{judged.best}: {_spread(judged.baseline, digits)}",
                HEADINGS.get(how.metric, how.metric),
                judged.verdict,
                str(len(judged.method)),
            ]
            body.append([f"{how.question} ({dataset})", *cells])
    header = ["use (data)", "autoencoder", "best alternative", "measured by", "verdict", "seeds"]
    return markdown(header, body, caption=caption, name=name)


def _spread(values: pd.Series, digits: int) -> str:
    text = number(values.mean(), digits)
    return f"{text} ± {number(values.std(ddof=1), digits)}" if len(values) > 1 else text


def generated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text.

    Parameters
    ----------
    every
        The full-scale records of all chapters.
    compared
        Every published number beside ours, as `judge.compare` returns it.
    """
    found = every[every["chapter"] == CHAPTER]
    written = {}
    for use in USES:
        page = study.page(use)
        rows = select(found, (method.startswith(f"{use}: ") for method in found["method"]))
        parts = [
            use_table(
                group,
                use,
                caption=f"At full scale: {use}, {dataset}, {group['n_samples'].max():,} samples",
                name=f"tbl-{page}-{dataset}",
            )
            for dataset, group in rows.groupby("dataset")
        ]
        written[f"{page}.md"] = "\n".join(parts) or NOT_RUN
    caption = "What autoencoders are good for, at full scale"
    summary = summary_table(found, caption=caption, name="tbl-02-summary")
    return written | {"02-summary.md": summary if len(found) else NOT_RUN}


def live(made: list[dict[str, Any]], use: str, profile: str) -> str:
    """Return the table of a use from the records that this run has made, one a data set."""
    found = pd.DataFrame(made)
    rows = select(found, (method.startswith(f"{use}: ") for method in found["method"]))
    return "\n".join(
        use_table(
            group,
            use,
            caption=f"This run, profile {profile}: {use}, {dataset}, "
            f"{group['n_samples'].max():,} samples",
            name=f"tbl-{study.page(use)}-live-{dataset}",
        )
        for dataset, group in rows.groupby("dataset")
    )

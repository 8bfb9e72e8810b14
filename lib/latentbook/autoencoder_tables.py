"""Tables of the chapter on autoencoders: every use on its own, and what autoencoders are good for.

`generated` returns the generated pages from the records at full scale; the chapter shows the same
tables for its own run.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from latentbook import records
from latentbook.tables import keep, markdown, mean_and_spread, number, summarise
from latentbook.uses.study import CHAPTER, USES, judge, word

#: Metric -> heading, with an arrow to the better side.
HEADINGS = {
    "mse": "MSE ↓",
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
    "bpp": "bits a pixel",
    "psnr_at_0.15": "PSNR at 0.15, dB ↑",
}
#: What a training cost, and what was chosen on the way: no conditions of a comparison.
COSTS = ("epochs", "batch_size", "rows", "n_train", "n_test", "steps", "strength", "optimizer")
NOT_RUN = "No full-scale record yet: not run.\n"


def label(params: dict[str, Any], varied: set[str]) -> str:
    """Return the conditions of a score that differ within its use: ``noise 0.2``."""
    shown = [f"{name.replace('_', ' ')} {params[name]}" for name in sorted(varied & set(params))]
    return ", ".join(shown)


def use_table(found: pd.DataFrame, use: str, *, caption: str, name: str) -> str:
    """Return every method of a use under every condition: mean ± spread over seeds.

    Parameters
    ----------
    found
        Records of one data set.
    """
    rows = keep(found, (method.startswith(f"{use}: ") for method in found["method"]))
    varied = _varied(rows)
    labels = [
        ", ".join(part for part in (method.removeprefix(f"{use}: "), label(params, varied)) if part)
        for method, params in zip(rows["method"], rows["params"], strict=True)
    ]
    metrics = [m for m in HEADINGS if any(m in scores for scores in rows["metrics"])]
    body = []
    for title, group in rows.groupby(pd.Series(labels, index=rows.index, dtype=object), sort=False):
        cells = [mean_and_spread(summarise(group, m)).partition(" (")[0] for m in metrics]
        body.append([str(title), *cells, str(group["seed"].nunique())])
    return markdown(
        ["method", *(HEADINGS[m] for m in metrics), "seeds"], body, caption=caption, name=name
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


def generated() -> dict[str, str]:
    """Return the generated tables of the chapter, file name -> text."""
    found = records.read(CHAPTER)
    written = {}
    for use in USES:
        page = word(use)
        rows = keep(found, (method.startswith(f"{use}: ") for method in found["method"]))
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
    rows = keep(found, (method.startswith(f"{use}: ") for method in found["method"]))
    return "\n".join(
        use_table(
            group,
            use,
            caption=f"This run, profile {profile}: {use}, {dataset}, "
            f"{group['n_samples'].max():,} samples",
            name=f"tbl-{word(use)}-live-{dataset}",
        )
        for dataset, group in rows.groupby("dataset")
    )

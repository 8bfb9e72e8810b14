"""Tables of the source estimation chapter: of the records of one run, or of the full scale."""

from __future__ import annotations

import pandas as pd

from latentbook.chapters.source_estimation import CHAPTER
from latentbook.study.judge import select, summarise
from latentbook.study.tables import NOT_RUN, markdown, number, score_cell, verdict_table
from latentbook.study.weather_labels import TITLES, by_method, codes_title, datasets_in_order

#: Order of the methods of source estimation that use no cluster.
BOUNDS = ("mean plume", "true weather")


def generated(every: pd.DataFrame, compared: pd.DataFrame) -> dict[str, str]:
    """Return the generated tables, file name -> text.

    Parameters
    ----------
    every
        The full-scale records of all chapters.
    compared
        Every published number beside ours, as `judge.compare` returns it.
    """
    estimated = every[every["chapter"] == CHAPTER]
    pages = dict.fromkeys(("06-accuracy.md", "06-variations.md"), NOT_RUN)
    if len(estimated):
        pages = {
            "06-accuracy.md": "\n".join(
                accuracy(
                    estimated[estimated["dataset"] == dataset],
                    caption=f"Share of test releases with the true site first / among the first "
                    f"three, {TITLES.get(dataset, dataset)}, mean over seeds",
                    name=f"tbl-06-{dataset}",
                )
                for dataset in datasets_in_order(estimated)
            ),
            "06-variations.md": _variations(estimated),
        }
    pages["06-verdicts.md"] = verdict_table(
        compared[compared["table"] == "figure 20"],
        caption="Figure 20 of the thesis, published and reproduced",
        name="tbl-06-verdicts",
    )
    return pages


def accuracy(found: pd.DataFrame, *, caption: str, name: str) -> str:
    """Return the table of figure 20: one column for each descriptor and number of readings.

    Cells read top-1 / top-3, mean over seeds; chance stands in the last row.
    """
    plain = found[~found["method"].str.contains(",")]
    keys = sorted({(p["readings"], p["descriptor"]) for p in plain["params"]})
    methods = [m for m, _ in by_method(plain) if m not in BOUNDS] + list(BOUNDS)
    rows = []
    for method in methods:
        group = plain[plain["method"] == method]
        cells = []
        for readings, descriptor in keys:
            fits = (
                (p["readings"], p["descriptor"]) == (readings, descriptor) for p in group["params"]
            )
            cell = select(group, fits)
            tops = [summarise(cell, f"top{top}") for top in (1, 3)]
            cells.append(" / ".join(number(t["mean"] if t else None) for t in tops))
        rows.append([codes_title(method), *cells, str(group["seed"].nunique())])
    rows.append(["chance", *[f"{1 / 20:.3f} / {3 / 20:.3f}"] * len(keys), "–"])
    header = [f"{d}@{r}pts" for r, d in keys]
    return markdown(["weather from", *header, "seeds"], rows, caption=caption, name=name)


def _variations(found: pd.DataFrame) -> str:
    """Return top-1 accuracy with one thing changed (rows) of each method (columns)."""
    varied = found[found["method"].str.contains(",")]
    base, remark = varied["method"].str.partition(", ")[[0, 2]].to_numpy().T
    words, values = pd.Series(remark).str.rsplit(n=1, expand=True).to_numpy().T
    order = [pd.to_numeric(v, errors="coerce") for v in values]
    varied = varied.assign(base=base, remark=remark, word=words, value=order)
    methods = [m for m, _ in by_method(varied.assign(method=base)) if m not in BOUNDS] + list(
        BOUNDS
    )
    rows = []
    for (_, _, changed), group in varied.groupby(["word", "value", "remark"], dropna=False):
        cells = [score_cell(group[group["base"] == method], "top1") for method in methods]
        rows.append([str(changed), *cells, str(group["seed"].nunique())])
    return markdown(
        ["changed", *map(codes_title, methods), "seeds"],
        rows,
        caption="Share of sites that come first with one thing changed, else 10 readings and 10 "
        "descriptor windows",
        name="tbl-06-variations",
    )

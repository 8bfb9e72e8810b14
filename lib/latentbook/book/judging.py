"""The pages about verdicts: the rule beside two others, and orders and effects of methods."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentbook.study import editions, effects, judge
from latentbook.study.gains import Gain
from latentbook.study.tables import gain_cell, markdown, mean_and_spread, number, styled

#: Column of `editions.under_three_rules` -> what the rule is called on the page.
RULES = {"by first": "first edition", "by second": "second edition", "by digits": "printed digits"}
#: Caps of the width that the page tries.
CAPS = (judge.CAP, 0.1, 0.2)


def rules_page(compared: pd.DataFrame) -> str:
    """Return the page "Judge the judge": every verdict under three rules, and how the rule changed.

    Parameters
    ----------
    compared : DataFrame
        As `judge.compare` returns it.
    """
    three = editions.under_three_rules(compared)
    text = [
        "# Judge the judge",
        "",
        "A verdict is worth as much as its rule, and the rule of this book was changed while its "
        "results were known.",
        "This page shows every verdict under three rules, on the same records, so that nobody has "
        "to trust one of them:",
        "",
        "- *first edition*: the mean is within max(0.02, 2 standard deviations);",
        "- *second edition*: the rule of the book, stated in [](../how-we-judge.md);",
        "- *printed digits*: the mean is within the rounding of the printed number, three decimals "
        "at most.",
        "",
        "None of them is right.",
        "The first lets a method that scatters be reproduced by anything, and a single run as "
        "easily as ten.",
        "The last takes the one run of a source for an exact value, which no method with chance in "
        "it repeats.",
        "",
        _counts(three),
        _switched(three),
        _caps(three),
        _then_and_now(compared),
        _changes(),
        "## Every verdict",
        "",
        "Numbers that are not comparable, were not run, or count parameters have no verdict under "
        "any rule.",
        "",
        _every(three),
    ]
    return "\n".join(text)


def _counts(three: pd.DataFrame) -> str:
    """Return how many numbers get each verdict under each rule, all rows and each number once."""
    once = three[three["statement"] == three.index]
    rows = []
    for name in judge.VERDICTS:
        counts = [(rows_[rule] == name).sum() for rows_ in (three, once) for rule in RULES]
        if any(counts):
            rows.append([name, *map(str, counts)])
    return markdown(
        ["verdict", *RULES.values(), *[f"{rule}, once" for rule in RULES.values()]],
        rows,
        caption=f"Verdicts on {len(three)} printed numbers under three rules, and on the "
        f"{len(once)} different ones of them",
        name="tbl-three-rules",
    )


def _switched(three: pd.DataFrame) -> str:
    """Return what became of the verdicts of the first rule under the second."""
    pairs = three.groupby(["by first", "by second"]).size()
    rows = [[one, other, str(n)] for (one, other), n in pairs.items()]
    return markdown(
        ["first edition", "second edition", "numbers"],
        rows,
        caption="What became of each verdict",
        name="tbl-switched",
    )


def _caps(three: pd.DataFrame) -> str:
    """Return the verdicts of the second edition under other caps."""
    scale = np.maximum(1.0, three["value"].abs())
    rows = []
    for cap in CAPS:
        inside = three["by second"].isin(["reproduced", "undecided"])
        wide = three["half_width"] > cap * scale
        rows.append([f"{cap:g}", str((inside & ~wide).sum()), str((inside & wide).sum())])
    return markdown(
        ["cap", "reproduced", "undecided"],
        rows,
        caption="The cap on the half width of the prediction interval is a choice; it moves "
        "verdicts between two words only",
        name="tbl-caps",
    )


def _then_and_now(compared: pd.DataFrame) -> str:
    """Return the verdicts of both editions over all rows, those of the first as they were kept."""
    first = editions.kept()["verdict"].value_counts()
    second = compared["verdict"].value_counts()
    rows = [[v, str(first.get(v, 0)), str(second.get(v, 0))] for v in judge.VERDICTS]
    return markdown(
        ["verdict", "first edition", "second edition"],
        rows,
        caption="All printed numbers, duplicates and counts included: the last verdicts of the "
        "first edition, kept as they were, and those of today",
        name="tbl-editions",
    )


def _changes() -> str:
    """Return the change log of the rule."""
    lines = [f"- **{when}.** {what}" for when, what in editions.CHANGES.items()]
    return "\n".join(["## What changed in the rule, and when", "", *lines, ""])


def _every(three: pd.DataFrame) -> str:
    rows = []
    for row in three.to_dict("records"):
        rows.append(
            [
                f"{row['table']}, {row['dataset']}: {row['method']}",
                row["metric"].replace("_", " "),
                number(row["value"], 4),
                mean_and_spread(pd.Series(row)),
                number(row["half_width"]),
                f"{row['hits']:.0f} of {row['n']:.0f}",
                row["by first"],
                styled(row["by second"]),
                row["by digits"],
            ]
        )
    head = ["table, data set: method", "metric", "printed", "ours", "half width", "hits"]
    return markdown(
        [*head, *RULES.values()],
        rows,
        caption="Every judged number under three rules; half width is that of the prediction "
        "interval for one more run, hits are the runs that give the printed value within its "
        "rounding",
        name="tbl-every-verdict",
    )


def effects_page(judged: pd.DataFrame) -> str:
    """Return the page "Orders and effects".

    Parameters
    ----------
    judged : DataFrame
        As `effects.judged` returns it.
    """
    text = [
        "# Orders and effects",
        "",
        "Readers of a table of methods want to know which is ahead, and by how much.",
        "That can be compared even where the numbers cannot, because other data, another network "
        "or another scale shift all methods alike.",
        "Below, each difference between two printed numbers stands beside the gain of our runs, "
        "positive where the first method is better, with its 95 % interval: run by run where runs "
        "share a network, an embedding or readings, and by Welch's interval otherwise.",
        "The words are explained in [](../how-we-judge.md).",
        "Where our networks stopped at their limit of epochs the order may still change with "
        "longer training.",
        "",
        _by_question(judged),
    ]
    for i, (question, rows) in enumerate(judged.groupby("question", sort=False)):
        text += [
            f"## {question[0].upper()}{question[1:]}",
            "",
            _effects(rows, str(question), f"tbl-effects-{i}"),
        ]
    return "\n".join(text)


def _by_question(judged: pd.DataFrame) -> str:
    counts = pd.crosstab(judged["question"], judged["order"], dropna=False)
    shown = [order for order in effects.ORDERS if order in counts]
    sources = judged.drop_duplicates("question").set_index("question")["source"]
    rows = [
        [f"{question} ({source})", *[str(counts.loc[question, order]) for order in shown]]
        for question, source in sources.items()
    ]
    rows.append(["all", *[str(counts[order].sum()) for order in shown]])
    return markdown(
        ["comparison (source)", *shown],
        rows,
        caption="Printed orders of two methods, and ours",
        name="tbl-orders",
    )


def _effects(rows: pd.DataFrame, caption: str, name: str) -> str:
    cells = []
    for row in rows.to_dict("records"):
        ran = row["order"] != "not run"
        word = "one run" if row["n"] == 1 else ""
        gain = Gain(row["mean"], row["low"], row["high"], row["n"], word, row["paired"])
        cells.append(
            [
                f"{row['dataset']}: {row['first']} over {row['second']}",
                row["metric"].replace("_", " "),
                f"{row['printed']:+.3f}".replace("-", "−"),
                gain_cell(gain) if ran else "–",
                f"{row['n']}{'' if row['paired'] else ', unpaired'}",
                styled(row["order"]),
                row["size"],
            ]
        )
    return markdown(
        ["data set: methods", "metric", "printed gain", "our gain [95 %]", "runs", "order", "size"],
        cells,
        caption=f"{caption[0].upper()}{caption[1:]}",
        name=name,
    )

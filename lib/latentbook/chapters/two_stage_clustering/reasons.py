"""The table "Why it missed": what was changed, what came of it, and whether that settles it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from latentbook.study import judge
from latentbook.study.claims import scores as by_run
from latentbook.study.method import Method
from latentbook.study.tables import NOT_RUN, markdown, number

#: Where the printed scores are taken from.
_TABLES = ("table 12.1", "table 12.2", "table 13.1")
#: Scores over all images, and those over the images that HDBSCAN keeps.
_ALL = {"nmi": "NMI", "acc": "ACC", "ari": "ARI"}
_KEPT = {"nmi_kept": "NMI kept", "acc_kept": "ACC kept", "ari_kept": "ARI kept"}


@dataclass(frozen=True)
class Case:
    """A published result that was missed, and one setting that may be the cause.

    Attributes
    ----------
    dataset : str
    method : Method
        As in the thesis, without a change.
    change : str
        Of the method in the records of the experiment.
    cause : str
        What was changed, in words.
    """

    dataset: str
    method: Method
    change: str
    cause: str

    @property
    def metrics(self) -> dict[str, str]:
        """Metric -> heading."""
        return _KEPT if self.method.learner == "hdbscan" else _ALL


_PIXELS = Method("raw", "k-means")
CASES = (
    Case(
        "fashion_mnist",
        _PIXELS,
        "starts of scikit-learn 0.22",
        "the ten starts that scikit-learn 0.22 draws with the thesis' seed 1997",
    ),
    Case(
        "mnist",
        _PIXELS,
        "starts of scikit-learn 0.22",
        "the ten starts that scikit-learn 0.22 draws with seed 1997",
    ),
    Case("fashion_mnist", _PIXELS, "single starts", "25 starts, the one of least inertia"),
    *(
        Case(
            "fashion_mnist",
            Method(name, stage),
            "neighbours 25",
            "25 neighbours and seed 1997, as in the thesis' listing",
        )
        for name in ("umap2", "umap30")
        for stage in ("k-means", "hdbscan")
    ),
    *(
        Case("mnist", Method("tsne2", "k-means"), f"iterations {n}", f"{n:,} iterations of t-SNE")
        for n in (250, 500, 2000)
    ),
)
#: State of a case without a record.
NOT_TRIED = "open, not tried"
#: What no experiment measures: data set and method, cause.
UNTRIED = (
    ("fashion_mnist: pca50 + hdbscan", "the randomised solver of PCA, without a seed"),
    ("mnist: cae10 + k-means", "the optimiser Adadelta, as in the thesis' listing"),
)


def table(every: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Return the table.

    Parameters
    ----------
    every
        Full-scale records of the chapter.
    compared
        Every published number beside ours, as `judge.compare` returns it.
    """
    rows = [_row(case, every, compared) for case in CASES]
    if all(row[-1] == NOT_TRIED for row in rows):
        return NOT_RUN
    rows += [[what, cause, "–", "–", "–", NOT_TRIED] for what, cause in UNTRIED]
    return markdown(
        [
            "data set: method",
            "changed",
            "printed",
            "the chapter's runs",
            "with the change",
            "state",
        ],
        rows,
        caption="Why it missed: NMI, ACC and ARI (of HDBSCAN over the images that it keeps). "
        "Settled means that the change gives each printed score within 0.0005",
        name="tbl-03-misses",
    )


def _row(case: Case, every: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    """Return the cells of a case."""
    faithful = judge.over_all(every, case.dataset, str(case.method))
    name = str(Method(case.method.representation, case.method.learner, case.change))
    tried = judge.of_method(every, case.dataset, name)
    printed = {m: _printed(compared, case, m) for m in case.metrics}
    return [
        f"{case.dataset}: {case.method}",
        case.cause,
        " / ".join(number(value, 4) for value in printed.values()),
        " / ".join(_range(faithful, m) for m in case.metrics),
        " / ".join(_range(tried, m) for m in case.metrics),
        state(printed.values(), [_values(tried, m) for m in case.metrics])
        if len(tried)
        else NOT_TRIED,
    ]


def state(printed: Collection[float | None], found: Sequence[Sequence[float]]) -> str:
    """Say whether a change explains a miss.

    Parameters
    ----------
    printed
        Published scores, None where there is none.
    found
        The same scores of the runs with the change.

    Returns
    -------
    str
        ``settled`` if one run gives all printed scores (`judge.hits`), otherwise ``open``.

    Examples
    --------
    >>> state([0.5284, 0.5514], [[0.52845], [0.55147]])
    'settled'
    >>> state([0.5284, 0.5514], [[0.52845], [0.473]])
    'open'
    """
    pairs = [(p, values) for p, values in zip(printed, found, strict=True) if p is not None]
    runs = zip(*(values for _, values in pairs), strict=True)
    wanted = [p for p, _ in pairs]
    good = any(
        all(judge.hits(p, [value], rounding=1e-4) for p, value in zip(wanted, run, strict=True))
        for run in runs
    )
    return "settled" if good else "open"


def _printed(compared: pd.DataFrame, case: Case, metric: str) -> float | None:
    rows = compared[
        (compared["dataset"] == case.dataset)
        & (compared["method"] == str(case.method))
        & (compared["metric"] == metric)
        & compared["table"].isin(_TABLES)
    ]
    rows = judge.select(rows, (not params for params in rows["params"]))
    return float(rows["value"].iloc[0]) if len(rows) else None


def _values(rows: pd.DataFrame, metric: str) -> list[float]:
    return list(by_run(rows, metric)) if len(rows) else []


def _range(rows: pd.DataFrame, metric: str) -> str:
    """Return the smallest and the largest value, or the only one."""
    values = _values(rows, metric)
    ends = dict.fromkeys(number(end, 4) for end in (min(values), max(values))) if values else ()
    return "–".join(ends) or number(None)

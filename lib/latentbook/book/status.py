"""The page "Status": what ran where, when and for how long, the chapters of this build included.

``python -m latentbook.book.status`` writes it to ``book/runs`` once the chapters have run.
"""

from __future__ import annotations

import pandas as pd

from latentbook import files, paths
from latentbook.study import records
from latentbook.study.judge import VERDICTS, compare, longest, published
from latentbook.study.tables import markdown, number


def page(every: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Return the status page: per chapter and profile what ran where, how long, and when."""
    profiles = sorted(path.stem for path in paths.profiles().glob("*.yml"))
    found = [every if profile == "paper" else records.read(profile=profile) for profile in profiles]
    runs = pd.concat([rows for rows in found if len(rows)] or found[:1])
    rows = []
    for (chapter, profile), group in runs.groupby(["chapter", "profile"]):
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
        _code(every),
        _cost_of_a_seed(every),
        _verdicts_by_table(compared),
        _versions(runs),
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


#: What is known of the code that made a record, as `provenance.commit` spells it.
_CODE = ("committed", "changed, with digest", "changed, without", "unknown")


def _code(found: pd.DataFrame) -> str:
    """Return how many records of each chapter were made by code that is known."""
    rows = []
    for chapter, group in found.groupby("chapter"):
        known = [_known_of(commit) for commit in group["commit"]]
        counts = [known.count(kind) for kind in _CODE]
        rows.append([chapter, *map(str, counts), f"{counts[0] / len(group):.0%}"])
    return markdown(
        ["chapter", *_CODE, "share committed"],
        rows,
        caption="Code of the full-scale records: that of a commit; changed since a commit, with or "
        "without the digest of the change; or unknown",
        name="tbl-code",
    )


def _known_of(commit: object) -> str:
    if not isinstance(commit, str):  # pandas may give NaN for null
        return _CODE[3]
    _, differs, digest = commit.partition("+")
    return _CODE[1] if digest else _CODE[2] if differs else _CODE[0]


def _cost_of_a_seed(found: pd.DataFrame) -> str:
    rows = []
    settings = [records.setting(row) for row in found.to_dict("records")]
    found = found[~pd.Index(settings).duplicated(keep="last")]  # a repeated run costs another seed
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


def _verdicts_by_table(compared: pd.DataFrame) -> str:
    occurring = [v for v in VERDICTS if v in set(compared["verdict"])]
    rows = []
    for (source, table), group in compared.groupby(["source", "table"], sort=False):
        counts = group["verdict"].value_counts()
        rows.append([f"{source}, {table}", *[str(counts.get(v, 0)) for v in occurring]])
    return markdown(
        ["table", *occurring], rows, caption="Verdicts by published table", name="tbl-by-table"
    )


def _versions(runs: pd.DataFrame) -> str:
    used: dict[str, set[str]] = {}
    for versions in runs["versions"]:
        for library, found in versions.items():
            used.setdefault(library, set()).add(found)
    return markdown(
        ["library", "versions"],
        [[library, ", ".join(sorted(found))] for library, found in used.items()],
        caption="Versions that the records were made with",
        name="tbl-versions",
    )


if __name__ == "__main__":
    every = records.read()
    with files.atomic(paths.root() / "book" / "runs" / "status.md") as scratch:
        scratch.write_text(page(every, compare(published(), every)), encoding="utf-8")

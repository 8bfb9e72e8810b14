"""``latentbook table FILE --label COLUMN``: the strangest rows of a table, with reasons."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from latentbook import files
from latentbook.errors import LatentbookError
from latentbook.outliers import analysis, report

#: Rows that are printed.
PRINTED = 5


def run(arguments: argparse.Namespace) -> int:
    """Score a table, print its strangest rows, and write what was asked for."""
    for path, ending in ((arguments.out, ".csv"), (arguments.report, ".html")):
        _check_target(path, ending, arguments.file)
    start = time.perf_counter()

    def say(words: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s  {words}", file=sys.stderr, flush=True)

    found = analysis.analyse(
        arguments.file,
        arguments.label,
        drop=[name.strip() for name in arguments.drop.split(",") if name.strip()],
        rare=arguments.rare or "error",
        truth=arguments.truth,
        sample=arguments.sample,
        network=not arguments.no_network,
        seed=arguments.seed,
        say=say,
    )
    print("\n".join(lines(found)))
    if arguments.out:
        with files.atomic(Path(arguments.out)) as scratch:
            found.ranked.to_csv(scratch, index=False, encoding="utf-8", lineterminator="\n")
        say(f"all {len(found.ranked):,} rows written to {arguments.out}")
    if arguments.report:
        report.write(found, arguments.report)
        say(f"report written to {arguments.report}")
    return 0


def _check_target(path: str | None, ending: str, table: str) -> None:
    """Refuse what could not be written, or would replace the table, before any work."""
    if path is None:
        return
    target = Path(path)
    if target.suffix.lower() != ending:
        raise LatentbookError(f"{path} must end in {ending}")
    if target.resolve() == Path(table).expanduser().resolve():
        raise LatentbookError(f"{path} is the table itself: give another file")
    if not target.resolve().parent.is_dir():
        raise LatentbookError(f"there is no folder {target.resolve().parent}: make it first")


def lines(found: analysis.Analysis) -> list[str]:
    """Return what is printed about an analysis."""
    text = [f"{found.name}: {len(found.ranked):,} rows by {found.label}"]
    text += [f"- {remark}" for remark in found.remarks]
    for name, kind, remark in found.columns[["column", "kind", "remark"]].to_numpy():
        if remark and kind != "dropped":
            text.append(f"- {name} ({kind}): {remark}")
    text += ["", found.why]
    text += [found.agreement] if found.agreement else []
    if found.known:
        one = found.known
        scored = zip(found.scores, one.auc, one.ap, strict=False)
        pair = [f"{name}: AUC {auc:.3f}, AP {ap:.3f}" for name, auc, ap in scored]
        text.append(f"On {one.n:,} marked rows: {'; '.join(pair)}.")
    text.append("")
    for row in found.top[:PRINTED]:
        text.append(f"{row.rank}. row {row.row} ({row.name})")
        reasons = [reason.text for reason in row.reasons[found.trusted]]
        text += [f"   {reason}" for reason in reasons or ["no single column stands out"]]
    limits = [
        f"{100 * one.rate:g} % above {one.score:.2f}"
        for one in found.limits
        if one.score < float("inf")
    ]
    if limits:
        text += ["", f"Of further rows of this kind, at most about {'; '.join(limits)}."]
    return text

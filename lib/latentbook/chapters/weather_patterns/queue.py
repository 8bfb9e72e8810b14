"""The long trainings of chapter 05 as a queue, for a processor core or a GPU.

``python -m latentbook.chapters.weather_patterns.queue`` runs it.
Jobs stand in the order of their value. Each measures representations by the neutral judge
(`judged`) and adds records. A run whose record exists is skipped, and an interrupted training
continues, so that the same command goes on until all is done.

``--list`` shows the jobs, ``--cpu`` runs those that a processor core can do, ``--trial`` cuts each
to seconds on the sample and keeps nothing but scratch.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from latentbook.chapters.weather_patterns import CHAPTER, judged
from latentbook.chapters.weather_patterns.study import Setting
from latentbook.errors import LatentbookError, choose
from latentbook.study import records
from latentbook.study.result import keep
from latentbook.weather import judge
from latentbook.weather.codes import Design
from latentbook.weather.dataset import Weather, open_weather
from latentbook.weather.joined import join, moved
from latentbook.weather.treatment import Treatment, treat

#: Name of the forty years: thirty-six to train on, four to test on.
FORTY = "weather-simulated-40"
LONG, SHORT, WINDS = "weather-simulated-long", "weather-simulated", "weather-simulated-winds"
SIZES = (4, 8, 16, 32, 64, 256)
#: What a window may lose, without a network.
CONTROLS = ("raw", "raw-first", "raw-mean", "raw-shuffled")
NETWORKS = ("fc-lstm", "conv", "conv-single", "cnn-lstm", "conv-lstm")
#: Widths and filters for fields of 16 x 16 cells.
SMALL = Design(epochs=25, n_codes=16, widths=(128, 64), filters=(8, 16), patience=4)
THESIS = Design(setting="thesis", epochs=300, filters=(64, 32, 16))
FULL = Design(epochs=200, filters=(64, 32, 16), patience=10)


@dataclass(frozen=True)
class Job:
    """Representations of one source, judged with several seeds.

    Attributes
    ----------
    name : str
    source : str
        `FORTY` or a registered name.
    representations : tuple of str
    designs : tuple of Design
    unseen : tuple of str
        Variables that judge, as `judge.unseen` spells them.
    seeds : tuple of int
    treatment : Treatment
    years : tuple of float or None
        Years of training, of `FORTY` only; None is all.
    minutes : float
        Expected, on one processor core where `gpu` is False, on one GPU otherwise.
    gpu : bool
    """

    name: str
    source: str
    representations: tuple[str, ...]
    designs: tuple[Design, ...]
    unseen: tuple[str, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    treatment: Treatment = field(default_factory=Treatment)
    years: tuple[float | None, ...] = (None,)
    minutes: float = 1
    gpu: bool = False


def _sizes(design: Design, sizes: Sequence[int]) -> tuple[Design, ...]:
    return tuple(replace(design, n_codes=n) for n in sizes)


_COARSE = Treatment(coarse=4)
_DAILY = ("t850", "msl")
_THREE, _FIVE = (0, 1, 2), (0, 1, 2, 3, 4)

JOBS = (
    # ---- a processor core
    Job("real-cheap", "weather-eraint", (*CONTROLS, "pca-first"), (Design(n_codes=16),), _DAILY,
        _FIVE, _COARSE, minutes=2),
    Job("real-sizes", "weather-eraint", ("pca",), _sizes(Design(), SIZES), _DAILY, _FIVE, _COARSE,
        minutes=2),
    Job("forty-cheap", FORTY, (*CONTROLS, "pca-first"), (Design(n_codes=16),), ("wind900",),
        _THREE, _COARSE, minutes=6),
    Job("forty-sizes", FORTY, ("pca",), _sizes(Design(), SIZES), ("wind900",), _THREE, _COARSE,
        minutes=4),
    Job("five-cheap", FORTY, (*CONTROLS, "pca", "pca-first"), (Design(n_codes=16),), ("wind900",),
        _THREE, _COARSE, (5.0,), minutes=2),
    Job("five-time", FORTY, NETWORKS, (SMALL,), ("wind900",), _THREE, _COARSE, (5.0,), minutes=20),
    Job("real-time", "weather-eraint", NETWORKS, (SMALL,), _DAILY, _THREE, _COARSE, minutes=20),
    Job("five-more", FORTY, ("conv-lstm-composite", "conv-lstm-shuffled", "cnn-lstm-shuffled"),
        (SMALL,), ("wind900",), (0,), _COARSE, (5.0,), minutes=8),
    Job("whitened", FORTY, ("pca-whitened",), _sizes(Design(), (4, 8, 16, 32)), ("wind900",),
        _THREE, _COARSE, (5.0,), minutes=1),
    Job("whitened-real", "weather-eraint", ("pca-whitened",), _sizes(Design(), (4, 8, 16, 32)),
        _DAILY, _FIVE, _COARSE, minutes=1),
    Job("more-data", FORTY, ("pca",), (Design(n_codes=16),), ("wind900",), _THREE, _COARSE,
        (2.0, 10.0, 20.0), minutes=2),
    Job("more-data-networks", FORTY, ("fc-lstm",), (SMALL,), ("wind900",), _THREE, _COARSE,
        (2.0, 10.0, 20.0, None), minutes=25),
    Job("five-sizes", FORTY, ("fc-lstm", "conv"), _sizes(SMALL, (4, 8, 32, 64, 256)), ("wind900",),
        (0,), _COARSE, (5.0,), minutes=8),
    # ---- a GPU, in the order of value
    Job("gpu-time", FORTY, (*NETWORKS, "conv-lstm-shuffled", "cnn-lstm-shuffled"), (FULL,),
        ("wind900",), _THREE, minutes=150, gpu=True),
    Job("gpu-thesis", FORTY, ("fc-lstm", "cnn-lstm"), (THESIS,), ("wind900",), _THREE,
        minutes=120, gpu=True),
    Job("gpu-sizes", FORTY, NETWORKS, _sizes(FULL, (4, 8, 16, 32, 64)), ("wind900",), _THREE,
        minutes=500, gpu=True),
    Job("gpu-composite", FORTY, ("conv-lstm-composite",), (FULL,), ("wind900",), _THREE,
        minutes=40, gpu=True),
    Job("gpu-more-data", FORTY, NETWORKS, (replace(FULL, n_codes=16),), ("wind900",), _THREE,
        years=(2.0, 5.0, 10.0, 20.0), minutes=200, gpu=True),
    Job("gpu-real", "weather-eraint", NETWORKS, _sizes(FULL, (16, 256)), _DAILY, _THREE,
        minutes=60, gpu=True),
)  # fmt: skip


def opened(
    job: Job, years: float | None = None
) -> tuple[Weather, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return the weather of a job, and what judges it."""
    coarse = Treatment(coarse=job.treatment.coarse)
    after = replace(job.treatment, coarse=1)
    if job.source != FORTY:
        daily = job.source != "weather-sample" and not job.source.startswith(SHORT)
        levels = [500.0] if daily else [700.0]
        weather = open_weather(job.source, levels=levels, domain="data" if daily else "europe")
        seen = {name: judge.unseen(weather, name) for name in job.unseen}
        return treat(treat(weather, coarse), after), seen
    long, short = (treat(open_weather(s, levels=[700.0]), coarse) for s in (LONG, SHORT))
    weather = join(long, short, name=FORTY, years=years)
    seen = {}
    for name in job.unseen:
        one, other = judge.unseen(long, name, WINDS), judge.unseen(short, name)
        later = other[0] + moved(weather)
        inside = one[0] < later[0]
        times = np.concatenate([one[0][inside], later])
        seen[name] = times, np.concatenate([one[1][inside], other[1]])
    return treat(weather, after), seen


def run(job: Job, *, profile: str = "paper", done: set[str] | None = None) -> int:
    """Run what is left of a job; return how many records it added.

    Parameters
    ----------
    job : Job
    profile : str, default="paper"
    done : set of str, optional
        What is measured, as `measured` names it; by default what the records hold.
    """
    done = measured(profile) if done is None else done
    added = 0
    for years in job.years:
        plan = list(product(job.seeds, job.designs, job.representations))
        left = [p for p in plan if asked(job, years, *p) not in done]
        if not left:
            continue
        weather, seen = opened(job, years)
        for seed, design, name in left:
            start = time.perf_counter()
            about = {"job": asked(job, years, seed, design, name)}
            setting = Setting(name, design)
            result = judged.run(weather, setting, seen, random_state=seed, about=about)
            keep(result, profile)
            added += 1
            found = result.scores[0].metrics
            shown = "  ".join(f"{key} {found[key]:.3f}" for key in found if key.startswith("expl"))
            print(
                f"{job.name}: {result.scores[0].method}, {design.n_codes} codes, seed {seed}, "
                f"{time.perf_counter() - start:.0f} s  {shown}",
                flush=True,
            )
    return added


def asked(job: Job, years: float | None, seed: int, design: Design, name: str) -> str:
    """Return one measurement of a job in words, as the records keep it."""
    words = [job.source, name, f"seed {seed}", f"k {design.k}"]
    if "raw" not in name:
        words.append(f"{design.n_codes} codes")
    if "raw" not in name and "pca" not in name:
        stop = "" if design.patience is None else f", patience {design.patience}"
        sizes = " ".join(map(str, design.widths if name.startswith("fc") else design.filters))
        words.append(f"{design.setting} {sizes}, {design.epochs} epochs{stop}")
    words += [f"{key} {value}" for key, value in job.treatment.params.items()]
    return ", ".join(words + ([] if years is None else [f"{years:g} years"]))


def measured(profile: str = "paper") -> set[str]:
    """Return the measurements that the records hold."""
    return {p["job"] for p in records.read(CHAPTER, profile)["params"] if "job" in p}


def trial(job: Job) -> Job:
    """Return a job cut to seconds: one seed, one epoch, narrow layers, the sample."""
    small = replace(
        job.designs[0], epochs=1, n_codes=4, widths=(8, 4), filters=(2, 2), k=4, patience=None
    )
    return replace(
        job, source="weather-sample", designs=(small,), seeds=(0,), years=(None,),
        unseen=("wind900",), treatment=replace(job.treatment, coarse=4),
    )  # fmt: skip


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="queue", description=str(__doc__).splitlines()[0])
    parser.add_argument("jobs", nargs="*", help="names; none means all of the kind")
    parser.add_argument("--list", action="store_true", help="show the jobs and what is done")
    parser.add_argument("--cpu", action="store_true", help="the jobs for a processor core")
    parser.add_argument("--trial", action="store_true", help="cut to seconds, nothing is kept")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the queue; return the exit status."""
    asked_for = parse(arguments)
    try:
        by_name = {job.name: job for job in JOBS}
        names = [choose("job of the queue", name, by_name) for name in asked_for.jobs]
        chosen = [by_name[n] for n in names] or [job for job in JOBS if job.gpu != asked_for.cpu]
        if asked_for.list:
            return _list(chosen)
        for job in chosen:
            if asked_for.trial:
                run(trial(job), profile="quick", done=set())
            else:
                run(job)
    except LatentbookError as error:
        print(f"latentbook: {error}", file=sys.stderr)
        return 2
    return 0


def _list(jobs: Sequence[Job]) -> int:
    done = measured()
    for job in jobs:
        plan: list[Any] = list(product(job.years, job.seeds, job.designs, job.representations))
        ready = sum(asked(job, *one) in done for one in plan)
        where = "GPU" if job.gpu else "core"
        print(f"{job.name:20} {ready:3} of {len(plan):3} done, {job.minutes:4g} min of a {where}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

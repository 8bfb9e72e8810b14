# The study as a graph: notebooks and profiles -> executed chapters -> pages -> book, and the sweep.
#
# make book     chapters at profile quick and the rendered book      (rule book)
# make paper    the same at profile paper, on one data set and seed  (rule book, profile=paper)
# make sweep    chapter x data set x seed at profile paper            (rule sweep)
#
# Snakemake decides what must run; latentbook.pipeline runs it; slurm/config.yaml takes it to a cluster.

import json
import os
import sys
from glob import glob

from latentbook import pipeline

# ---- the study, overridden on the command line with --config NAME=VALUE[,VALUE...]


def listed(name, default):
    """Read a configuration value that is a list, or words joined by commas."""
    value = config.get(name, default)
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else str(value).split(",")


PROFILE = str(config.get("profile", "quick"))
DATASETS = listed("datasets", ["mnist", "fashion_mnist", "usps", "cifar10"])
WEATHERS = listed("weathers", ["weather-simulated"])
SEEDS = listed("seeds", [0, 1, 2, 3, 4])

NOTEBOOKS = {path.stem: os.path.relpath(path) for path in pipeline.chapters()}
EXECUTED = [f"_build/chapters/{PROFILE}/{chapter}.ipynb" for chapter in NOTEBOOKS]
SWEPT = listed("chapters", [c for c, path in NOTEBOOKS.items() if pipeline.swept_by(path)])
LIBRARY = os.path.relpath(os.path.dirname(pipeline.__file__))
PYTHON = sys.executable


def needs(source):
    """Return the library modules that a notebook or module imports."""
    return [os.path.relpath(path) for path in pipeline.dependencies(source)]


def values(chapter, profile):
    """Return the parameters of a chapter; bad ones end the run here, before any work."""
    return json.dumps(pipeline.check(pipeline.find(chapter), profile), sort_keys=True)


def measured(chapter):
    """Return the committed records and figure arrays that a chapter shows."""
    found = glob(f"data/records/{chapter}.jsonl") + glob(f"data/records/figures/{chapter[:2]}-*")
    if f"{LIBRARY}/interactive.py" in needs(NOTEBOOKS[chapter]):
        found += glob("data/records/figures/interactive-*")
    if f"{LIBRARY}/datasets/weather/__init__.py" in needs(NOTEBOOKS[chapter]):
        found += glob("data/samples/*")
    return sorted(found)


def share():
    """Return the threads of a chapter, so that all of them together fill the machine."""
    return max(1, (workflow.cores or 4) // max(1, len(NOTEBOOKS)))


def swept_over(chapter):
    """Return the data that a chapter is swept over: data sets, or sources of weather."""
    return {"dataset": DATASETS, "weather": WEATHERS}.get(pipeline.swept_by(NOTEBOOKS[chapter]), [])


wildcard_constraints:
    chapter=r"\d[^/]*",
    profile=r"[^/]+",
    dataset=r"[^/]+",
    seed=r"\d+",


localrules: show, mathjax


# ---- the book


rule book:
    input:
        expand("book/chapters/{chapter}.ipynb", chapter=NOTEBOOKS),
        "_config.yml",
        "book/_toc.yml",
        glob("book/*.md") + glob("book/*.bib") + glob("book/_static/*"),
        "tools/build_book.py",
        "requirements.lock",
        pages="book/generated",
        embeddings="book/extra/embeddings",
        mathjax="book/extra/mathjax",
    output:
        "_build/html/.buildinfo",
    message:
        "rendering the book"
    shell:
        "{PYTHON} tools/build_book.py"


rule chapter:
    input:
        lambda w: needs(NOTEBOOKS[w.chapter]),
        lambda w: measured(w.chapter),
        "requirements.lock",
        notebook="notebooks/{chapter}.ipynb",
    output:
        "_build/chapters/{profile}/{chapter}.ipynb",
    params:
        values=lambda w: values(w.chapter, w.profile),
    threads: share()
    resources:
        mem_mb=3000,
    message:
        "running chapter {wildcards.chapter} at profile {wildcards.profile}"
    shell:
        "{PYTHON} -m latentbook.pipeline run {input.notebook} {output}"
        " --profile {wildcards.profile} --threads {threads}"


rule show:
    input:
        f"_build/chapters/{PROFILE}/{{chapter}}.ipynb",
    output:
        "book/chapters/{chapter}.ipynb",
    params:
        profile=PROFILE,
    message:
        "taking chapter {wildcards.chapter} into the book"
    shell:
        "cp {input} {output}"


rule pages:
    input:
        EXECUTED,
        glob("data/records/*.jsonl"),
        glob("data/published/*.csv"),
        glob("notebooks/profiles/*.yml"),
        f"{LIBRARY}/tables.py",
        needs(f"{LIBRARY}/tables.py"),
    output:
        directory("book/generated"),
    message:
        "writing tables from the records"
    shell:
        "mkdir -p {output} && {PYTHON} -m latentbook.tables"


rule embeddings:
    input:
        EXECUTED,
        glob("data/records/figures/interactive-*"),
        glob("data/records/figures/06-*"),
        f"{LIBRARY}/weather/event_map.py",
        needs(f"{LIBRARY}/weather/event_map.py"),
        glob(f"{LIBRARY}/study/templates/*"),
        "requirements.lock",
    output:
        directory("book/extra/embeddings"),
    message:
        "writing the interactive pages"
    shell:
        "mkdir -p {output} && {PYTHON} -m latentbook.weather.event_map"
        " && {PYTHON} -m latentbook.interactive"


rule mathjax:
    input:
        "requirements.lock",
        "tools/copy_mathjax.py",
    output:
        directory("book/extra/mathjax"),
    message:
        "copying MathJax out of its package"
    shell:
        "{PYTHON} tools/copy_mathjax.py"


# ---- the full-scale sweep: a finished run is kept until its parameters change or it is deleted


rule sweep:
    input:
        [
            f"_build/sweep/{chapter}/{dataset}-{seed}.ipynb"
            for seed in SEEDS
            for chapter in SWEPT
            for dataset in swept_over(chapter)
        ],


rule swept:
    input:
        notebook=ancient("notebooks/{chapter}.ipynb"),
    output:
        "_build/sweep/{chapter}/{dataset}-{seed}.ipynb",
    log:
        "_build/sweep/{chapter}/{dataset}-{seed}.log",
    params:
        values=lambda w: values(w.chapter, "paper"),
        over=lambda w: pipeline.swept_by(NOTEBOOKS[w.chapter]),
    threads: 1
    resources:
        mem_mb=10000,
    message:
        "chapter {wildcards.chapter} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "{PYTHON} -m latentbook.pipeline run {input.notebook} {output} --profile paper"
        " --threads {threads} -p {params.over} {wildcards.dataset} -p seed {wildcards.seed} 2> {log}"

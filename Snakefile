# The study as a graph: notebooks and profiles -> executed chapters -> pages -> book, and the sweep.
#
# make book     chapters at profile quick and the rendered book      (rule book)
# make paper    the same at profile paper, on one data set and seed  (rule book, profile=paper)
# make sweep    chapter x data set x seed at profile paper            (rule sweep)
#
# Snakemake decides what must run; latentbook.pipeline runs it; slurm/config.yaml takes it to a cluster.
# What depends on what is found out by latentbook.book.graph, what is swept by latentbook.book.sweep.

import functools
import json
import os
import shlex
import sys
from glob import glob

from latentbook import chapters
from latentbook.book import graph, sweep

# ---- the study, overridden on the command line with --config NAME=VALUE[,VALUE...]

PROFILE = str(config.get("profile", "quick"))
NOTEBOOKS = {path.stem: os.path.relpath(path) for path in graph.chapters()}
EXECUTED = [f"_build/chapters/{PROFILE}/{chapter}.ipynb" for chapter in NOTEBOOKS]
LIBRARY = os.path.relpath(graph.LIBRARY)
EXERCISES = {path[len("exercises/") : -len(".md")]: path for path in glob("exercises/[0-9]*.md")}
PYTHON = sys.executable
RECORDS = [*glob("data/records/*.jsonl"), *glob("data/published/*.csv"), *glob("notebooks/profiles/*.yml")]


def needs(source):
    """Return the library modules that a notebook or module imports."""
    return [os.path.relpath(path) for path in graph.dependencies(source)]


#: Chapter -> the one before it that computes networks or embeddings which it loads from the cache.
AFTER = {"03-two-stage-clustering": "01-dimensionality-reduction"}
AFTER |= {"06-source-estimation": "05-weather-patterns"}


def before(chapter, profile):
    """Return what should run before a chapter, for the order alone: a change there reruns nothing."""
    return [f"_build/chapters/{profile}/{AFTER[chapter]}.ipynb"] if chapter in AFTER else []


def compiled(notebook):
    """Return what must be compiled before a chapter runs: UMAP's loops, for those that use them."""
    return ["_build/compiled.txt"] if f"{LIBRARY}/embed.py" in needs(notebook) else []


def values(chapter, profile):
    """Return the parameters of a chapter; bad ones end the run here, before any work."""
    return json.dumps(chapters.check(graph.find(chapter), profile), sort_keys=True)


#: Function of latentbook.paths -> the committed files that a chapter which reaches it may read.
DATA = {
    "published": ["data/published/*.csv"],
    "registry": ["data/samples/registry.toml"],
    "samples": ["data/samples/*"],
}


def measured(chapter):
    """Return the committed data that a chapter shows: its own records and arrays, and `DATA`."""
    patterns = [f"data/records/{chapter}.jsonl", f"data/records/figures/{chapter[:2]}-*"]
    patterns += [p for name in graph.reads(NOTEBOOKS[chapter]) for p in DATA.get(name, [])]
    if any(os.path.basename(path) == "interactive.py" for path in needs(NOTEBOOKS[chapter])):
        patterns += ["data/records/figures/interactive-*"]
    return sorted({path for pattern in patterns for path in glob(pattern)})


def share():
    """Return the threads of a chapter, so that all of them together fill the machine."""
    return max(1, (workflow.cores or 4) // max(1, len(NOTEBOOKS)))


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
        expand("book/exercises/{chapter}.md", chapter=EXERCISES),
        "book/exercises/guide-plans.md",
        "_config.yml",
        "book/_toc.yml",
        glob("book/*.md") + glob("book/*.bib") + glob("book/_static/*"),
        # the API reference is written from the docstrings
        glob("book/api/*.md") + glob(f"{LIBRARY}/**/*.py", recursive=True),
        "tools/build_book.py",
        "requirements.lock",
        "book/runs/status.md",
        pages="book/generated",
        embeddings="book/extra/embeddings",
        slides="book/extra/slides",
        mathjax="book/extra/mathjax",
    output:
        "_build/html/.buildinfo",
    message:
        "rendering the book"
    shell:
        "{PYTHON:q} tools/build_book.py"


rule compiled:
    input:
        "requirements.lock",
    output:
        "_build/compiled.txt",
    priority: 100
    message:
        "compiling what chapters share"
    shell:
        "{PYTHON:q} tools/compile_ahead.py"


rule chapter:
    input:
        lambda w: compiled(NOTEBOOKS[w.chapter]),
        ancient(lambda w: before(w.chapter, w.profile)),
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
        "{PYTHON:q} -m latentbook.pipeline run {input.notebook} {output}"
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


rule exercises:
    input:
        [needs(source) for source in EXERCISES.values()],
        f"{LIBRARY}/teach/page.py",
        needs(f"{LIBRARY}/teach/page.py"),
        # the right choices are computed from them
        glob("data/records/*.jsonl"),
        glob("data/published/*.csv"),
        "requirements.lock",
        EXERCISES.values(),
    output:
        expand("book/exercises/{chapter}.md", chapter=EXERCISES),
    message:
        "running the exercises"
    shell:
        "{PYTHON:q} -m latentbook.teach.page"


rule guide:
    input:
        glob("exercises/[0-9]*.md"),
        f"{LIBRARY}/teach/guide.py",
        needs(f"{LIBRARY}/teach/guide.py"),
    output:
        expand("book/exercises/guide-{part}.md", part=["objectives", "plans", "rubrics"]),
    message:
        "writing the teacher's guide"
    shell:
        "{PYTHON:q} -m latentbook.teach.guide"


rule slides:
    input:
        glob("exercises/[0-9]*.md"),
        f"{LIBRARY}/teach/slides.py",
        needs(f"{LIBRARY}/teach/slides.py"),
        glob(f"{LIBRARY}/teach/templates/slides*"),
        executed=EXECUTED,
    output:
        directory("book/extra/slides"),
    message:
        "writing slides"
    shell:
        "mkdir -p {output} && {PYTHON:q} -m latentbook.teach.slides {input.executed:q}"


rule pages:
    input:
        RECORDS,
        glob("data/records/*.csv"),
        glob("data/samples/registry.toml"),
        # whose sentences are checked
        list(NOTEBOOKS.values()) + glob("book/*.md") + glob("exercises/*.md") + ["README.md"],
        glob("data/records/figures/*.npz"),
        f"{LIBRARY}/book/pages.py",
        needs(f"{LIBRARY}/book/pages.py"),
    output:
        directory("book/generated"),
    message:
        "writing tables from the records"
    shell:
        "mkdir -p {output} && {PYTHON:q} -m latentbook.book.pages"


rule status:
    input:
        EXECUTED,
        RECORDS,
        f"{LIBRARY}/book/status.py",
        needs(f"{LIBRARY}/book/status.py"),
    output:
        "book/runs/status.md",
    message:
        "writing what ran where"
    shell:
        "{PYTHON:q} -m latentbook.book.status"


rule embeddings:
    input:
        EXECUTED,
        glob("data/records/figures/interactive-*"),
        glob("data/records/figures/06-*"),
        f"{LIBRARY}/chapters/source_estimation/event_map.py",
        needs(f"{LIBRARY}/chapters/source_estimation/event_map.py"),
        glob(f"{LIBRARY}/study/templates/*"),
        "requirements.lock",
    output:
        directory("book/extra/embeddings"),
    message:
        "writing the interactive pages"
    shell:
        "mkdir -p {output} && {PYTHON:q} -m latentbook.chapters.source_estimation.event_map"
        " && {PYTHON:q} -m latentbook.study.interactive"


rule mathjax:
    input:
        "requirements.lock",
        "tools/copy_mathjax.py",
    output:
        directory("book/extra/mathjax"),
    message:
        "copying MathJax out of its package"
    shell:
        "{PYTHON:q} tools/copy_mathjax.py"


# ---- the full-scale sweep: a finished run is kept until its parameters change or it is deleted


@functools.cache
def runs():
    """Return the runs of the sweep by chapter and file."""
    return {(run.chapter, run.file): run for run in sweep.plan(config)[0]}


def given(chapter, file):
    """Return the parameters of a run of the sweep as words of a shell."""
    overrides = runs()[chapter, file].overrides
    return shlex.join([word for pair in overrides.items() for word in ("-p", *pair)])


rule sweep:
    input:
        lambda w: [f"_build/sweep/{chapter}/{file}.ipynb" for chapter, file in runs()],


rule swept:
    input:
        notebook=ancient("notebooks/{chapter}.ipynb"),
    output:
        "_build/sweep/{chapter}/{dataset}-{seed}.ipynb",
    log:
        "_build/sweep/{chapter}/{dataset}-{seed}.log",
    params:
        values=lambda w: values(w.chapter, "paper"),
        given=lambda w: given(w.chapter, f"{w.dataset}-{w.seed}"),
    threads: 1
    resources:
        mem_mb=10000,
    message:
        "chapter {wildcards.chapter} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "{PYTHON:q} -m latentbook.pipeline run {input.notebook} {output} --profile paper"
        " --threads {threads} {params.given} 2> {log}"

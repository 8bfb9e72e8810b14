"""Every command that the README, the guides, the pages and the notebooks show is one that exists.

Each is given to the parser that would take it, and its parameters to the gate of the chapter;
nothing is run that takes long.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

from latentbook import chapters, pipeline
from latentbook.book import cli, graph, sweep
from latentbook.chapters.weather_patterns import queue
from latentbook.teach import command, proving

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^ *```(?:bash|sh|shell|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
MADE_UP = {"z500.nc", "my.csv", "era5/*.nc", "out.ipynb"}  # a reader's own files


def texts() -> dict[str, str]:
    """Return every text that readers see, by name."""
    found = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for folder in ("", "book/", "book/api/", "exercises/")
        for path in ROOT.glob(f"{folder}*.md")
    }
    for notebook in graph.chapters():
        cells = nbformat.read(notebook, as_version=4).cells
        found[notebook.name] = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    return found


def commands() -> list[tuple[str, str]]:
    """Return (text, command) for every line of a shell block, comments left out."""
    return [
        (name, line)
        for name, text in texts().items()
        for block in FENCE.findall(text)
        for line in block.replace("\\\n", " ").splitlines()
        if shlex.split(line, comments=True)
    ]


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    line = re.search(r"^TARGETS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line is not None
    return set(line[1].split())


def check_make(words: list[str]) -> None:
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    assert set(settings) <= {"ARGS", "CORES", "PYTHON", "SUBMISSIONS"}
    assert ("SUBMISSIONS" in settings) == ("grade" in words)
    goals = [word for word in words if "=" not in word]
    assert set(goals) <= targets()
    if goals in (["student"], ["grade"]):
        folder = [settings["SUBMISSIONS"]] if goals == ["grade"] else []
        command.parse([*goals, *folder, *settings.get("ARGS", "").split()])
    if goals == ["sweep"] and settings.get("ARGS"):
        wanted = dict(word.split("=", 1) for word in settings["ARGS"].split())
        runs, _ = sweep.plan(wanted)
        assert runs


def overrides(words: list[str]) -> dict[str, object]:
    """Return the parameters after ``-p`` (as YAML reads them) and ``-r`` (as text)."""
    given: dict[str, object] = {}
    for i, word in enumerate(words):
        if word in ("-p", "-r"):
            name, value = words[i + 1 : i + 3]
            given[name] = value if word == "-r" else yaml.safe_load(value)
    return given


def check_parameters(chapter: str, given: dict[str, object], own_files: Path) -> None:
    """Hold parameters against the chapter's gate; a reader's own files are made first."""
    notebook = graph.find(chapter)
    for name, value in given.items():
        if value in MADE_UP:
            given = given | {name: str(own_files / str(value))}
    assert set(given) <= set(chapters.gate(notebook).parameters)
    chapters.check(notebook, "quick", given)


def check_papermill(words: list[str], own_files: Path) -> None:
    notebook, out, *rest = words
    assert (ROOT / notebook).is_file()
    assert out.endswith(".ipynb")
    check_parameters(Path(notebook).stem, overrides(rest), own_files)


def check_pipeline(words: list[str], own_files: Path) -> None:
    arguments = pipeline.parse(words)
    if arguments.command == "run":
        given = {name: yaml.safe_load(value) for name, value in arguments.overrides}
        check_parameters(arguments.chapter, given, own_files)


def check_pip(words: list[str]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    named = re.findall(r"\.\[(\w+)\]", " ".join(words))
    assert named
    assert set(named) <= set(extras)


def check_sbatch(words: list[str]) -> None:
    """Slurm is not here; the command that it would run is read as its jobs would read it."""
    *options, wrap, wrapped = words
    assert wrap == "--wrap"
    assert all(re.fullmatch(r"--array=\d+-\d+", option) for option in options)
    program, *inner = shlex.split(wrapped)
    assert program == "latentbook"
    cli.parse(inner)


def check_snakemake(words: list[str]) -> None:
    graph_text = (ROOT / "Snakefile").read_text()
    assert f"rule {words[0]}:" in graph_text
    profile = words[words.index("--profile") + 1]
    assert (ROOT / profile / "config.yaml").is_file()


@pytest.fixture
def own_files(tmp_path) -> Path:
    """Files that a reader would bring: a table, and a field of weather."""
    (tmp_path / "my.csv").write_text("column,value\n" + "a,1\nb,2\n" * 200)
    (tmp_path / "z500.nc").write_bytes((ROOT / "data/samples/weather-sample.nc").read_bytes())
    return tmp_path


def test_there_are_commands():
    assert len(commands()) > 20


@pytest.mark.parametrize(("text", "line"), commands(), ids=lambda value: value[:60])
def test_a_shown_command_exists(text, line, own_files):
    program, *words = shlex.split(line, comments=True)
    if program == ".":
        assert words == [".venv/bin/activate"]
    elif program == "make":
        check_make(words)
    elif program == "papermill":
        check_papermill(words, own_files)
    elif program == "latentbook":
        cli.parse(words)
    elif [program, *words][:3] == ["python", "-m", "latentbook.pipeline"]:
        check_pipeline(words[2:], own_files)
    elif [program, *words][:3] == ["python", "-m", "latentbook.teach.proving"]:
        assert all(path.is_file() for path in proving.parse(words[2:]).files)
    elif program == "sbatch":
        check_sbatch(words)
    elif [program, *words][:3] == ["python", "-m", queue.__name__]:
        queue.parse(words[2:])
    elif program.endswith("pip"):
        check_pip(words)
    elif program.endswith("snakemake"):
        check_snakemake(words)
    elif program == "conda":
        assert words[:2] == ["env", "create"]
        assert (ROOT / words[words.index("-f") + 1]).is_file()
    elif program == "git":
        assert words[0] == "clone"
    else:
        pytest.fail(f"{text} shows a program that no check knows: {line}")


def test_every_make_target_in_running_text_exists():
    named = {
        (name, word)
        for name, text in texts().items()
        for word in re.findall(r"`make ([a-z]+)", text)
    }
    assert named
    assert not [pair for pair in named if pair[1] not in targets()]


@pytest.mark.parametrize("bad", ["latentbook weather prepare a.nc --levls x", "make bok"])
def test_a_command_that_does_not_exist_is_found(bad, capsys):
    program, *words = shlex.split(bad)
    with pytest.raises((SystemExit, AssertionError)):
        cli.parse(words) if program == "latentbook" else check_make(words)
    capsys.readouterr()


def test_the_slurm_profile_is_readable():
    assert json.dumps(yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text()))

"""Running chapters: bad parameters, failures, the right kernel, and a sweep that is killed."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import yaml

from latentbook import chapters, paths, pipeline
from latentbook.book import graph, run, sweep
from latentbook.errors import LatentbookError
from latentbook.study import provenance, records

PARAMETERS = 'profile = "quick"\ndataset = "digits"\nseed = 0\nshare = 0.5\nsizes = [1, 2]\n'
VALUES = {"profile": "quick", "dataset": "digits", "seed": 0, "share": 0.5, "sizes": [1, 2]}
BODY = "import os, sys\nprint(sys.executable, os.environ['OMP_NUM_THREADS'], dataset, seed)"


def write_notebook(path: Path, *sources: str, parameters: str = PARAMETERS) -> Path:
    cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def write_profile(notebook: Path, profile: str, content: object) -> None:
    file = notebook.parent / "profiles" / f"{profile}.yml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(content))


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A project of one tiny chapter."""
    path = write_notebook(tmp_path / "notebooks" / "07-tiny.ipynb", BODY)
    write_profile(path, "quick", {"07-tiny": VALUES})
    write_profile(path, "paper", {"07-tiny": {**VALUES, "profile": "paper", "seed": 1}})
    shutil.copy(paths.root() / "Snakefile", tmp_path)
    monkeypatch.setenv("LATENTBOOK_ROOT", str(tmp_path))
    return path


# ---- parameters


def test_parameters_are_the_literals_of_the_tagged_cell(notebook):
    assert pipeline.parameters(notebook) == VALUES
    assert pipeline.swept_by(notebook) == "dataset"


@pytest.mark.parametrize("line", ["seed = int(3)", "a, b = 1, 2", "import os", "seed += 1"])
def test_a_parameters_cell_with_more_than_literals_is_refused(tmp_path, line):
    path = write_notebook(tmp_path / "01-x.ipynb", parameters=line)
    with pytest.raises(LatentbookError, match="name = literal"):
        pipeline.parameters(path)


def test_a_notebook_without_parameters_cell_is_refused(tmp_path):
    path = tmp_path / "01-x.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    with pytest.raises(LatentbookError, match="0 cells tagged 'parameters'"):
        pipeline.parameters(path)


def test_profile_and_overrides_set_every_value(notebook):
    assert pipeline.check(notebook, "paper", {"share": 1})["share"] == 1
    assert pipeline.check(notebook, "paper")["seed"] == 1


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"sede": 1}, "did you mean 'seed'"),
        ({"seed": None}, "must be of type int"),
        ({"share": float("nan")}, "must be of type float"),
        ({"seed": "one"}, "must be of type int"),
        ({"seed": True}, "must be of type int"),
        ({"seed": 1.0}, "must be of type int"),
        ({"share": "half"}, "must be of type float"),
        ({"sizes": 3}, "must be of type list of int"),
        ({"sizes": ["a"]}, "must be of type list of int"),
    ],
)
def test_bad_overrides_are_named(notebook, overrides, words):
    with pytest.raises(LatentbookError, match=words):
        pipeline.check(notebook, "quick", overrides)


def test_an_unknown_profile_is_named(notebook):
    with pytest.raises(LatentbookError, match=r"unknown profile 'papre'.*did you mean 'paper'"):
        pipeline.check(notebook, "papre")


def test_an_unknown_chapter_is_named(notebook):
    with pytest.raises(LatentbookError, match=r"unknown chapter '07-tyni'.*did you mean '07-tiny'"):
        pipeline.check(notebook.with_name("07-tyni.ipynb"))
    with pytest.raises(LatentbookError, match="unknown chapter '08-none'"):
        pipeline.find("08-none")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"07-tiny": {**VALUES, "sede": 1}}, "unknown parameter of chapter 07-tiny 'sede'"),
        ({"07-tiny": {"seed": 0}}, "does not set profile, dataset"),
        ({"07-tiny": VALUES, "08-none": {}}, "unknown chapter in profile quick '08-none'"),
        ({}, "does not mention chapter 07-tiny"),
        ({"07-tiny": {**VALUES, "profile": "paper"}}, "sets profile='paper'"),
        (["07-tiny"], "must read"),
    ],
)
def test_a_profile_that_disagrees_with_the_notebook_is_refused(notebook, content, words):
    write_profile(notebook, "quick", content)
    with pytest.raises(LatentbookError, match=words):
        pipeline.check(notebook)


def test_a_profile_that_is_not_yaml_is_named(notebook):
    (notebook.parent / "profiles" / "quick.yml").write_text("a: [1\nb: 2")
    with pytest.raises(LatentbookError, match=r"quick\.yml is not valid YAML"):
        pipeline.check(notebook)


# ---- dependencies


def test_dependencies_follow_imports_into_functions_and_packages(tmp_path):
    path = write_notebook(
        tmp_path / "01-x.ipynb", "%matplotlib inline\nfrom latentbook.book import cli"
    )
    names = {
        file.relative_to(paths.root() / "lib" / "latentbook").as_posix()
        for file in pipeline.dependencies(path)
    }
    assert {"__init__.py", "book/cli.py", "errors.py"} <= names
    assert "datasets/__init__.py" in names  # imported inside a function of cli
    assert "pipeline.py" not in names


def test_a_chapter_depends_on_its_own_list_of_parameters_and_on_no_other():
    for path in pipeline.chapters():
        lists = {file.parent.name for file in pipeline.dependencies(path) if _is_list(file)}
        assert lists == {chapters.PACKAGES[path.stem], "study"}, path.stem


def _is_list(file: Path) -> bool:
    return file.name == "parameters.py"


def test_published_numbers_and_weather_belong_to_the_chapters_that_read_them():
    reading = {name: set() for name in ("published", "samples", "registry")}
    for path in pipeline.chapters():
        for name in graph.reads(path) & set(reading):
            reading[name].add(path.stem[:2])
    # tables of verdicts are generated pages, which the rule `pages` makes from data/published
    assert reading["published"] == set()
    text = (paths.root() / "Snakefile").read_text()
    assert "RECORDS" in text.partition("rule pages:")[2].partition("rule ")[0]
    named = next(line for line in text.splitlines() if line.startswith("RECORDS = "))
    assert 'glob("data/published/*.csv")' in named
    assert reading["samples"] == {"05", "06"}
    assert reading["registry"] == {path.stem[:2] for path in pipeline.chapters()}


@pytest.mark.parametrize(
    ("code", "reached"),
    [
        ("from latentbook import paths\npaths.published()", True),
        ("from latentbook.paths import published as them\nprint(them)", True),
        ("from latentbook.study import judge\njudge.published()", True),
        ("from latentbook.study import judge as j\ndef f():\n    return j.published", True),
        ("import latentbook.study.judge\nlatentbook.study.judge.published()", True),
        ("from latentbook.study import judge", False),
        ("from latentbook.study import judge\npublished = 1", False),
    ],
)
def test_a_function_is_reached_through_the_functions_that_call_it(tmp_path, code, reached):
    path = write_notebook(tmp_path / "01-x.ipynb", code)
    assert ("published" in graph.reads(path)) is reached


# ---- running


def test_a_run_uses_this_python_its_threads_and_parameters(notebook, tmp_path, monkeypatch):
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text(
        json.dumps({"argv": ["/bin/false"], "display_name": "other", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    out = tmp_path / "out" / "07-tiny.ipynb"
    pipeline.run(notebook, out, "paper", {"dataset": "mnist"}, threads=3)
    cells = nbformat.read(out, as_version=4).cells
    assert cells[-1].outputs[0].text.split() == [sys.executable, "3", "mnist", "1"]
    assert [cell.metadata.tags[-1] for cell in cells[:2]] == ["hide-input", "hide-input"]
    assert [path.name for path in out.parent.iterdir()] == ["07-tiny.ipynb"]
    assert os.environ["JUPYTER_PATH"] == str(tmp_path / "jupyter")


def test_a_failing_cell_is_named_and_the_old_output_kept(notebook, tmp_path):
    out = tmp_path / "07-tiny.ipynb"
    out.write_text("old")
    write_notebook(notebook, "1 + 1", "raise KeyError('nothing here')")
    with pytest.raises(LatentbookError, match=r"07-tiny failed in cell \[\d\]: KeyError: 'nothing"):
        pipeline.run(notebook, out)
    assert out.read_text() == "old"
    assert "nothing here" in out.with_name("07-tiny.failed.ipynb").read_text()


def test_a_run_that_failed_goes_on_under_its_name(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv(provenance.COMMIT, "abc1234")
    names, mended, out = (tmp_path / name for name in ("names", "mended", "07-tiny.ipynb"))
    tell = (
        f"import os; from pathlib import Path\n"
        f"with open({str(names)!r}, 'a') as file:\n"
        f"    print(os.environ['LATENTBOOK_RUN'], os.environ['LATENTBOOK_COMMIT'], file=file)"
    )
    write_notebook(notebook, tell, f"assert Path({str(mended)!r}).exists()")
    with pytest.raises(LatentbookError, match="AssertionError"):
        pipeline.run(notebook, out)
    mended.touch()
    for _ in range(2):
        pipeline.run(notebook, out)
    first, again, another = names.read_text().splitlines()
    assert first == again != another
    assert first.split()[1] == "abc1234"
    assert not list(tmp_path.glob(".07*"))
    assert provenance.RUN not in os.environ


def test_a_run_is_another_one_where_parameters_or_code_differ(tmp_path, monkeypatch):
    unended = tmp_path / ".07-tiny.run.json"

    def name(commit: str, *what: object) -> str:
        monkeypatch.setenv(provenance.COMMIT, commit)
        with run._named(list(what), unended):
            return os.environ[provenance.RUN]

    first = name("abc1234", "07-tiny", {"seed": 0})
    assert name("abc1234", "07-tiny", {"seed": 0}) == first
    others = [
        name("abc1234", "07-tiny", {"seed": 1}),
        name("abc1234+5f3e9a1c", "07-tiny", {"seed": 1}),
    ]
    unended.write_text("{half")
    others.append(name("abc1234+5f3e9a1c", "07-tiny", {"seed": 1}))
    assert len({first, *others}) == 4


def test_a_run_of_unknown_code_never_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "commit", lambda: None)
    names = []
    for _ in range(2):
        with run._named(["07-tiny"], tmp_path / "run.json"):
            names.append(os.environ[provenance.RUN])
    assert names[0] != names[1]


def test_kernels_started_together_do_not_meet(notebook, tmp_path):
    code = "import ipykernel.connect as c; print(c.get_connection_info())"
    write_notebook(notebook, code)
    outs = [tmp_path / f"{i}.ipynb" for i in range(3)]
    command = [sys.executable, "-m", "latentbook.pipeline", "run", str(notebook)]
    started = [subprocess.Popen([*command, str(out)], stderr=subprocess.DEVNULL) for out in outs]
    assert [one.wait(timeout=300) for one in started] == [0, 0, 0]
    shared = [json.dumps(nbformat.read(out, 4).cells[-1].outputs) for out in outs]
    assert all("ipc" in text for text in shared)
    assert len(set(shared)) == 3


def test_a_dying_kernel_is_one_sentence(notebook, tmp_path):
    write_notebook(notebook, "import os; os._exit(1)")
    with pytest.raises(LatentbookError, match="died, most often because memory ran out"):
        pipeline.run(notebook, tmp_path / "07-tiny.ipynb")


def test_an_unwritable_folder_is_one_sentence(notebook, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LatentbookError, match="cannot write into"):
        pipeline.run(notebook, tmp_path / "file" / "07-tiny.ipynb")


def test_the_command_line_answers_bad_input_before_any_work(notebook, tmp_path, capsys):
    out = tmp_path / "out.ipynb"
    assert pipeline.main(["run", "07-tiny", str(out), "-p", "seed", "one"]) == 2
    assert "latentbook: parameter seed" in capsys.readouterr().err
    assert pipeline.main(["run", "07-tiny", str(out), "-p", "sede", "1"]) == 2
    assert pipeline.main(["run", "07-tiny", str(out), "-p", "profile", "paper"]) == 2
    assert "write --profile paper instead" in capsys.readouterr().err
    assert pipeline.main(["run", "07-tyni", str(out)]) == 2
    assert pipeline.main(["run", str(notebook), str(out), "--profile", "fast"]) == 2
    assert pipeline.main(["check", "--profile", "paper"]) == 0
    assert not out.exists()


# ---- the study as a whole


def study(project: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start tools/study.py on `project` in a process group of its own."""
    tool = Path(__file__).parents[1] / "tools" / "study.py"
    return subprocess.Popen(
        [sys.executable, str(tool), *arguments],
        cwd=project,
        env={**os.environ, "LATENTBOOK_ROOT": str(project), "CORES": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a study and return its output."""
    output = process.communicate(timeout=240)[0]
    assert process.returncode == 0, output
    return output


def test_the_study_refuses_a_bad_profile_in_one_sentence(notebook):
    write_profile(notebook, "quick", {"07-tiny": {**VALUES, "sede": 1}})
    process = study(notebook.parents[1], "book")
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert output.count("\n") == 1
    assert "did you mean 'seed'" in output


def test_the_study_refuses_an_unknown_target(notebook):
    process = study(notebook.parents[1], "bok")
    assert "did you mean 'book'" in process.communicate(timeout=60)[0]
    assert process.returncode == 2


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("datasets=mnits", "unknown dataset 'mnits'.*did you mean 'mnist'"),
        ("datasets=", "must hold names"),
        ("datasets=$(touch injected)", "must hold names"),
        ("datasets=../../x", "must hold names"),
        ("weathers=weather-simulatde", "did you mean 'weather-simulated'"),
        ("seeds=0,-1", "must hold names"),
        ("seeds=0,one", "parameter seed is 'one'"),
        ("chapters=03-two-stage", "did you mean '03-two-stage-clustering'"),
        ("dataset=mnist", "unknown setting of the sweep 'dataset'.*did you mean 'datasets'"),
    ],
)
def test_a_wrong_name_ends_the_sweep_before_a_job_starts(setting, says):
    process = study(paths.root(), "sweep", setting)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert re.search(says, output), output
    assert output.count("\n") == 1


def test_data_that_a_chapter_cannot_take_are_left_out_of_its_sweep():
    grid = {"chapters": "02-autoencoders,03-two-stage-clustering", "datasets": "usps", "seeds": "0"}
    runs, left_out = sweep.plan(grid)
    assert runs == [sweep.Run("03-two-stage-clustering", "usps", "0")]
    assert "02-autoencoders on usps: parameter samples is 5,000" in left_out[0]
    with pytest.raises(LatentbookError, match="parameter samples is 5,000"):
        sweep.plan({**grid, "chapters": "02-autoencoders"})


def test_the_sweep_goes_over_seeds_first():
    runs, _ = sweep.plan({"seeds": "0,1"})
    seeds = [run.seed for run in runs]
    assert seeds == sorted(seeds)
    assert {run.chapter for run in runs} == set(chapters.PACKAGES)


def test_a_bar_inside_a_cell_is_shown_now_and_then():
    shown = io.StringIO()
    bars = run._Bars(shown, every=0.2)
    for i in range(5):
        bars.write(f"\r{i}/10\r{i + 1}/10")
    assert shown.getvalue() == ""
    time.sleep(0.25)
    bars.write("\r6/10\r7/10\r")
    bars.write("\r8/10")
    time.sleep(0.25)
    bars.write("\n")
    assert shown.getvalue() == "7/10\n"


def test_weather_of_the_records_runs_with_its_own_map_levels_and_period(tmp_path, monkeypatch):
    catalogue = tmp_path / "hess_brezowsky_gwl_daily_1881-2000.csv"
    catalogue.write_text("date,gwl\n2000-01-01,WZ\n")
    monkeypatch.setenv("LATENTBOOK_DATA", str(tmp_path))
    grid = {"chapters": "05-weather-patterns", "seeds": "0"}
    measured = records.read("05-weather-patterns")
    # methods with a colon are measured by jobs of the chapter's queue
    measured = measured[~measured["method"].str.contains(": ")]
    real = sorted(set(measured["dataset"]) - {"weather-simulated", "weather-sample"})
    runs, left_out = sweep.plan(grid | {"weathers": ",".join(real)})
    assert not left_out
    assert [one.data for one in runs] == real
    for one in runs:
        notebook = graph.find(one.chapter)
        values = chapters.check(notebook, "paper", chapters.read(notebook, one.overrides))
        rows = measured[measured["dataset"] == one.data]
        assert {params["levels"] for params in rows["params"]} == {values["levels"]}
        assert {params["grid"] for params in rows["params"]} == {"box"}
        assert values["domain"] == "data"
        assert values["catalogue"] == str(catalogue)
        used = {method.split()[0] for method in rows["method"]} - {"k-means"}
        assert {"pca256" if r == "pca" else r for r in values["representations"].split()} == (
            used | {"raw"}
        )
        if values["period"]:
            first, last = values["period"].split()
            assert {row[:4] for row in rows["subset"]} == {first}
            assert {row[-10:-6] for row in rows["subset"]} == {last}
        assert one.file == f"{one.data}-0"


def test_a_sweep_sets_what_its_weather_needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own file.nc").write_bytes(b"CDF")
    grid = {"chapters": "05-weather-patterns,06-source-estimation", "seeds": "0"}
    asked = {"domain": "data", "levels": "500,700", "test_period": "1994:1995", "every": 6}
    runs, _ = sweep.plan(grid | {"weathers": "own file.nc"} | asked)
    assert [one.chapter for one in runs] == grid["chapters"].split(",")
    for one in runs:
        assert one.overrides == {
            "weather": "own file.nc",
            "domain": "data",
            "levels": "500 700",
            "every": "6",
            "test_period": "1994 1995",
            "seed": "0",
        }
        assert re.fullmatch(r"own-file.nc_[0-9a-f]{8}-0", one.file)
    others, _ = sweep.plan(grid | {"weathers": "own file.nc"} | asked | {"every": 12})
    assert {one.file for one in others}.isdisjoint(one.file for one in runs)
    with pytest.raises(LatentbookError, match="parameter period is '1995 1994'"):
        sweep.plan(grid | {"weathers": "weather-sample", "period": "1995:1994"})
    monkeypatch.delenv("LATENTBOOK_DATA", raising=False)
    monkeypatch.setenv("LATENTBOOK_CACHE", str(tmp_path))
    with pytest.raises(LatentbookError, match=r"hess_brezowsky.*no such file"):
        sweep.plan({"chapters": "05-weather-patterns", "weathers": "weather-eraint"})


RECORDING = """
import fcntl, json, pathlib, time
root = pathlib.Path.cwd()
(root / f"began-{dataset}-{seed}").touch()
time.sleep(8)
with open(root / "records.jsonl", "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(json.dumps([dataset, seed]) + "\\n")
"""


def wait_until(reached, seconds=60):
    """Wait until `reached` holds."""
    limit = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_sweep_killed_at_any_moment_goes_on_where_it_stopped(notebook):
    project = notebook.parents[1]
    write_notebook(notebook, RECORDING)
    grid = ("sweep", "datasets=a,b", "seeds=0,1")
    done = lambda: sorted(path.name for path in project.glob("_build/sweep/*/*.ipynb"))  # noqa: E731

    first = study(project, *grid)
    wait_until(lambda: list(project.glob("began-*")))
    second = study(project, *grid)
    assert "another 'make sweep' is at work" in second.communicate(timeout=60)[0]
    wait_until(lambda: len(done()) >= 1 and len(list(project.glob("began-*"))) >= 3)
    os.kill(first.pid, signal.SIGKILL)  # the leader only: its jobs must not outlive it
    first.wait()
    kept = {path: path.stat().st_mtime_ns for path in project.glob("_build/sweep/*/*.ipynb")}
    assert 1 <= len(kept) < 4
    time.sleep(10)
    assert len(done()) == len(kept), "a job went on after its sweep was killed"

    finish(study(project, *grid))
    assert done() == ["a-0.ipynb", "a-1.ipynb", "b-0.ipynb", "b-1.ipynb"]
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    records = [json.loads(line) for line in (project / "records.jsonl").read_text().splitlines()]
    assert sorted({tuple(r) for r in records}) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]

    finish(study(project, *grid))  # nothing is left to do
    assert len((project / "records.jsonl").read_text().splitlines()) == len(records)


def planned(project: Path) -> list[str]:
    """Return the chapters that Snakemake would run in `project`."""
    executed = [f"_build/chapters/quick/{path.name}" for path in pipeline.chapters()]
    command = [Path(sys.executable).with_name("snakemake"), "--cores", "2", "--nolock"]
    done = subprocess.run(
        [*command, "--dry-run", *executed],
        cwd=project,
        env={**os.environ, "LATENTBOOK_ROOT": str(project)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = done.stdout + done.stderr
    return [path.stem for path in pipeline.chapters() if f"running chapter {path.stem}" in told]


@pytest.mark.slow
def test_a_change_runs_again_what_depends_on_it_and_nothing_else(notebook):
    project = notebook.parents[1]
    other = write_notebook(notebook.with_name("08-other.ipynb"), "from latentbook import files")
    both = {"07-tiny": VALUES, "08-other": VALUES}
    write_profile(notebook, "quick", both)
    (project / "requirements.lock").touch()
    assert planned(project) == ["07-tiny", "08-other"]
    executed = [f"_build/chapters/quick/{path.name}" for path in (notebook, other)]
    subprocess.run(
        [Path(sys.executable).with_name("snakemake"), "--cores", "2", "--nolock", *executed],
        cwd=project,
        env={**os.environ, "LATENTBOOK_ROOT": str(project)},
        capture_output=True,
        check=True,
    )
    assert planned(project) == []

    other.touch()
    assert planned(project) == []
    before = other.read_bytes()
    write_notebook(other, "from latentbook import files, errors")
    assert planned(project) == ["08-other"]
    other.write_bytes(before)
    write_profile(notebook, "quick", {**both, "07-tiny": {**VALUES, "seed": 5}})
    assert planned(project) == ["07-tiny"]
    write_profile(notebook, "quick", both)
    assert planned(project) == []
    (project / "requirements.lock").write_text("# other versions")
    assert planned(project) == ["07-tiny", "08-other"]


# ---- this project's own files


def test_every_profile_fits_every_chapter():
    for notebook in pipeline.chapters():
        for profile in sorted(paths.profiles().glob("*.yml")):
            pipeline.check(notebook, profile.stem)


def test_the_parameters_cells_hold_the_values_of_quick():
    profile = yaml.safe_load((paths.profiles() / "quick.yml").read_text())
    for notebook in pipeline.chapters():
        assert pipeline.parameters(notebook) == profile[notebook.stem], notebook.stem


def test_the_registry_lists_every_chapter_in_reading_order():
    assert list(chapters.PACKAGES) == [path.stem for path in pipeline.chapters()]


def test_chapters_are_free_of_outputs_and_name_the_common_kernel():
    for path in pipeline.chapters():
        notebook = nbformat.read(path, as_version=4)
        assert notebook.metadata.kernelspec.name == "python3", path.name
        assert notebook.metadata.kernelspec.language == "python", path.name
        assert not [cell for cell in notebook.cells if cell.get("outputs")], path.name


def test_the_table_of_contents_lists_every_chapter():
    toc = yaml.safe_load((paths.root() / "book" / "_toc.yml").read_text())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    listed = [Path(file).name for file in files if file.startswith("chapters/")]
    assert listed == [path.stem for path in pipeline.chapters()]

"""The door of the project: the environment, its one list of versions, and what guards it."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from shutil import which

import pytest
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture
def setup_env():
    """The module tools/setup_env.py, loaded anew."""
    specification = importlib.util.spec_from_file_location(
        "setup_env", ROOT / "tools" / "setup_env.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def folder(setup_env, tmp_path, monkeypatch):
    """A project whose lock names nothing, so that setting it up takes seconds."""
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    for name, value in {
        "ROOT": tmp_path,
        "FOLDER": tmp_path / ".venv",
        "STAMP": tmp_path / ".venv" / "latentbook-stamp",
        "LOCK": tmp_path / "requirements.lock",
        "PROJECT": tmp_path / "pyproject.toml",
    }.items():
        monkeypatch.setattr(setup_env, name, str(value))
    bare = venv.EnvBuilder(with_pip=False)  # with pip it would take seconds
    monkeypatch.setattr(venv, "create", lambda where, with_pip: bare.create(where))
    return tmp_path


# ---- bad machines: one clear sentence, exit status 2


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 1), (3, 14, 0)])
def test_a_python_out_of_range_is_one_sentence(setup_env, monkeypatch, capsys, version):
    monkeypatch.setattr(setup_env.sys, "version_info", version)
    assert setup_env.main() == 2
    message = capsys.readouterr().err
    assert message.startswith(f"latentbook: this is Python {version[0]}.{version[1]}, but")
    assert "3.11 to 3.13" in message
    assert message.count("\n") == 1


def test_the_script_parses_under_every_python_that_can_report_its_age():
    source = (ROOT / "tools" / "setup_env.py").read_text()
    tree = ast.parse(source, feature_version=(3, 4))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]


def _starts(python: str | None) -> bool:
    return bool(python) and subprocess.run([python, "-V"], capture_output=True).returncode == 0


OLD = [python for name in ("python2", "python3.6", "python3.10") if _starts(python := which(name))]


@pytest.mark.skipif(not OLD, reason="no old Python on this machine")
@pytest.mark.parametrize("python", OLD)
def test_a_real_old_python_is_one_sentence(python):
    done = subprocess.run([python, ROOT / "tools" / "setup_env.py"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("latentbook: this is Python")
    assert done.stderr.count("\n") == 1


def test_a_missing_venv_module_is_one_sentence(folder, setup_env, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert setup_env.main() == 2
    assert "lacks its module 'ensurepip'" in capsys.readouterr().err
    assert not (folder / ".venv").exists()


def test_too_little_room_is_one_sentence(folder, setup_env, monkeypatch, capsys):
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(setup_env.shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    assert setup_env.main() == 2
    assert "only 1.0 GB are free" in capsys.readouterr().err
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "differs from requirements.lock"),
        ("WARNING: x\nERROR: No match for y at https://a.example/simple", "at (address)"),
    ],
)
def test_a_failed_installation_is_explained_without_addresses(setup_env, output, words):
    assert words in setup_env.explain(output)
    assert "://" not in setup_env.explain(output)


# ---- the environment


def test_set_up_once_interrupted_and_again(folder, setup_env, monkeypatch, capsys):
    installed = []
    monkeypatch.setattr(setup_env, "pip", lambda *arguments: installed.append(arguments))
    assert setup_env.main() == 0
    assert len(installed) == 2
    assert (folder / ".venv" / "bin" / "python").exists()
    capsys.readouterr()

    assert setup_env.main() == 0  # a second call does nothing
    assert len(installed) == 2
    assert capsys.readouterr().out == ""

    kept = folder / ".venv" / "kept"
    kept.touch()
    (folder / "requirements.lock").write_text("# other pins\n")
    assert setup_env.main() == 0  # other pins: the same environment, brought up to date
    assert len(installed) == 4
    assert kept.exists()

    def interrupted(*_):
        raise KeyboardInterrupt

    (folder / "requirements.lock").write_text("# again other pins\n")
    monkeypatch.setattr(setup_env, "pip", interrupted)
    assert setup_env.main() == 2
    monkeypatch.setattr(setup_env, "pip", lambda *arguments: installed.append(arguments))
    assert setup_env.main() == 0  # what was interrupted is not trusted
    assert len(installed) == 6
    assert not kept.exists()


def test_a_present_environment_costs_nothing(folder, setup_env, monkeypatch):
    monkeypatch.setattr(setup_env, "pip", lambda *arguments: None)
    setup_env.main()
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, folder / "tools" / "setup_env.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=5)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ---- one list of versions


def test_versions_are_pinned_in_the_lock_alone():
    files = [ROOT / name for name in ("pyproject.toml", "environment.yml", "postBuild", "Makefile")]
    files += [*ROOT.glob("tools/*.py"), *ROOT.glob(".github/workflows/*"), ROOT / ".ci" / "run"]
    pin = re.compile(r"[A-Za-z0-9\]]\s*={2,3}\s*\d+\.")
    assert [f"{f.name}: {m}" for f in files for m in pin.findall(f.read_text())] == []
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {"pip": ["-r requirements.lock"]}


def test_the_lock_is_hashed_and_for_every_platform():
    text = (ROOT / "requirements.lock").read_text()
    pins = [block for block in re.split(r"\n(?=\S)", text) if re.match(r"[a-z0-9._-]+==", block)]
    assert len(pins) > 150
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []
    assert "://" not in text
    assert not re.search(r"(^|\s)/\w", text), "the lock names a folder of some machine"
    assert re.search(r"^tensorflow-cpu==.*platform_machine == 'x86_64'", text, re.MULTILINE)
    assert re.search(r"^tensorflow==.*platform_machine != 'x86_64'", text, re.MULTILINE)
    version = re.search(r"^jupyter-book==(\d+)", text, re.MULTILINE)
    assert version is not None
    assert version[1] == "1"


def test_every_dependency_is_in_the_lock():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted += project["project"]["optional-dependencies"]["test"]
    text = (ROOT / "requirements.lock").read_text()
    pinned = set(re.findall(r"^([a-z0-9.-]+)==", text, re.MULTILINE))
    names = {re.split(r"[^A-Za-z0-9._-]", want)[0].lower().replace("_", "-") for want in wanted}
    assert names - pinned == set()


# ---- the front


def test_make_help_names_every_target():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("help", "book", "test", "paper", "sweep", "bench", "lint", "clean", "lock"):
        assert re.search(rf"^  make {target} +\w", done.stdout, re.MULTILINE), target


def test_workflows_are_valid():
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    subprocess.run([*command, "vendor.github-workflows", *files], check=True)


def test_the_cluster_profile_holds_only_options_that_exist(tmp_path):
    profile = yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text())
    snakemake = Path(sys.executable).with_name("snakemake")
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([snakemake, "--help"], capture_output=True, text=True, env=environment)
    options = set(re.findall(r"--([a-z][a-z-]+)", done.stdout))
    assert set(profile) <= options
    rules = set(re.findall(r"^rule (\w+):", (ROOT / "Snakefile").read_text(), re.MULTILINE))
    assert set(profile["set-resources"]) | set(profile["set-threads"]) <= rules

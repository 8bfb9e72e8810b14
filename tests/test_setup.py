"""The door of the project: the environment, its one list of versions, and what guards it."""

import ast
import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from shutil import which
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).parents[1]


TOOLS = ROOT / "tools"
LOCKS = [
    ROOT / name
    for name in ("requirements.lock", "requirements-test.lock", "requirements-teach.lock")
]


@pytest.fixture
def tools(monkeypatch):
    """Import the modules of the folder tools anew, as they import each other."""
    monkeypatch.syspath_prepend(str(TOOLS))
    for name in ("fetch_uv", "machine", "installers", "setup_env", "start"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    names = SimpleNamespace()
    for name in ("fetch_uv", "machine", "installers", "setup_env", "start"):
        setattr(names, name, importlib.import_module(name))
    yield names
    for name in ("fetch_uv", "machine", "installers", "setup_env", "start"):
        sys.modules.pop(name, None)


@pytest.fixture
def setup_env(tools):
    return tools.setup_env


@pytest.fixture
def folder(tools, tmp_path, monkeypatch):
    """A project whose locks name nothing, so that setting it up takes seconds; no uv."""
    for lock in LOCKS:
        (tmp_path / lock.name).write_text("")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(tools.setup_env, "ROOT", str(tmp_path))
    monkeypatch.setattr(tools.setup_env, "FOLDER", str(tmp_path / ".venv"))
    monkeypatch.setattr(tools.setup_env, "PROJECT", str(tmp_path / "pyproject.toml"))
    monkeypatch.setattr(tools.installers, "find_uv", lambda: None)
    monkeypatch.delenv("LATENTBOOK_PYTHON", raising=False)
    bare = venv.EnvBuilder(with_pip=False)  # with pip it would take seconds
    monkeypatch.setattr(tools.setup_env.Pip, "make", lambda self, _, where: bare.create(where))
    monkeypatch.setattr(tools.installers, "has_pip", lambda _: True)
    return tmp_path


@pytest.fixture
def installed(setup_env, monkeypatch):
    """The locks that pip was asked to install, instead of an installation."""
    locks = []
    monkeypatch.setattr(
        setup_env.Pip, "install", lambda self, where, lock, project: locks.append(Path(lock).name)
    )
    return locks


# ---- bad machines: one clear sentence, exit status 2


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 1), (3, 14, 0)])
def test_a_named_python_out_of_range_is_one_sentence(
    folder, setup_env, monkeypatch, capsys, version
):
    monkeypatch.setenv("LATENTBOOK_PYTHON", "named")
    monkeypatch.setattr(setup_env.sys, "version_info", version)
    assert setup_env.main([]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"latentbook: this is Python {version[0]}.{version[1]}, but")
    assert "3.11 to 3.13" in message
    assert message.count("\n") == 1
    assert not (folder / ".venv").exists()


def test_another_python_of_the_machine_is_taken_where_none_was_named(
    folder, setup_env, monkeypatch, installed
):
    serving = sys.executable
    monkeypatch.setattr(setup_env.sys, "version_info", (3, 14, 0))
    monkeypatch.setattr(setup_env, "which", {"python3.12": serving}.get)
    made = []
    monkeypatch.setattr(
        setup_env.Pip,
        "make",
        lambda self, python, where: (made.append(python), Path(where).mkdir()),
    )
    assert setup_env.main([]) == 0
    assert made == [serving]


@pytest.mark.parametrize("declined", [False, True])
def test_a_machine_without_a_python_that_serves_has_two_ways_out(
    folder, tools, monkeypatch, capsys, declined
):
    setup_env = tools.setup_env
    monkeypatch.setattr(setup_env.sys, "version_info", (3, 14, 0))
    monkeypatch.setattr(setup_env, "which", lambda _: None)
    monkeypatch.setattr(tools.installers, "find_uv", lambda: "uv")

    def no_network(self, version):
        raise tools.machine.ProblemError("403")

    monkeypatch.setattr(setup_env.Uv, "fetch_python", no_network)
    if declined:
        monkeypatch.setenv("PYTHON_DOWNLOADS", "never")
    assert setup_env.main([]) == 2
    told = capsys.readouterr()
    assert ("uv downloads Python 3.13" in told.out) is not declined
    assert "Python 3.14 only, and latentbook needs 3.11 to 3.13" in told.err
    assert "install Python 3.13, or run make where uv" in told.err
    assert told.err.count("\n") == 1


def test_the_tools_parse_under_every_python_that_can_report_its_age():
    for name in ("setup_env", "machine", "installers", "start"):
        tree = ast.parse((TOOLS / f"{name}.py").read_text(), feature_version=(3, 4))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]


def _starts(python: str | None) -> bool:
    return bool(python) and subprocess.run([python, "-V"], capture_output=True).returncode == 0


OLD = [python for name in ("python2", "python3.6", "python3.10") if _starts(python := which(name))]


@pytest.mark.skipif(not OLD, reason="no old Python on this machine")
@pytest.mark.parametrize("python", OLD)
def test_a_real_old_python_is_one_sentence(python):
    environment = {**os.environ, "LATENTBOOK_PYTHON": "named"}
    done = subprocess.run(
        [python, TOOLS / "start.py", "env"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 2
    assert done.stderr.startswith("latentbook: this is Python")
    assert done.stderr.count("\n") == 1


GOOD = {
    "system": "Linux",
    "processor": "x86_64",
    "bits": 64,
    "libc": ("glibc", "2.36"),
    "macos": (),
    "flags": {"avx", "sse2"},
    "compiler": False,
    "memory": 8 * 10**9,
}
MAC = {"system": "Darwin", "processor": "arm64", "libc": ("", ""), "flags": None}
BAD_MACHINES = [
    ({"bits": 32}, "32-bit program"),
    ({**MAC, "processor": "x86_64", "macos": (15, 1)}, "Mac with an Intel processor"),
    ({**MAC, "macos": (13, 6)}, "this is macOS 13.6, but the locked packages need macOS 14"),
    ({"libc": ("", "")}, "does not use glibc"),
    ({"libc": ("glibc", "2.17")}, "has glibc 2.17, but the locked packages need 2.28"),
    ({"flags": {"sse2"}}, "needs a processor with AVX"),
    ({"processor": "aarch64", "flags": None}, "there is no C++ compiler"),
    ({"memory": 2 * 10**9}, "allows 2.0 GB of memory"),
]


def test_the_machine_of_the_tests_is_not_refused(tools):
    machine = tools.machine
    assert list(machine.problems(machine.Machine())) == []
    for facts in (GOOD, GOOD | MAC | {"macos": (14, 2)}, GOOD | {"memory": 0, "flags": None}):
        assert list(machine.problems(SimpleNamespace(**facts))) == []


@pytest.mark.parametrize(("facts", "words"), BAD_MACHINES, ids=lambda case: str(case)[:40])
def test_a_machine_that_cannot_is_refused_before_any_download(
    folder, tools, monkeypatch, capsys, installed, facts, words
):
    machine = SimpleNamespace(**GOOD | facts)
    monkeypatch.setattr(tools.setup_env, "Machine", lambda: machine)
    assert tools.setup_env.main([]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1
    assert not installed
    assert not (folder / ".venv").exists()


def test_too_little_room_is_one_sentence(folder, setup_env, monkeypatch, capsys):
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(setup_env.shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    assert setup_env.main([]) == 2
    assert "only 1.0 GB are free" in capsys.readouterr().err
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "differs from the lock"),
        ("error: Hash mismatch for `six==1.17.0`", "differs from the lock"),
        ("WARNING: x\nERROR: No match for y at https://a.example/simple", "at (address)"),
    ],
)
def test_a_failed_installation_is_explained_without_addresses(tools, output, words):
    assert words in tools.installers.explain(output)
    assert "://" not in tools.installers.explain(output)


# ---- uv and pip


def test_settings_of_pip_are_handed_to_uv(tools):
    listed = """\
global.index-url='https://old.example/simple'
user.index-url='https://index.example/simple'
global.extra-index-url='file:///a https://b.example'
global.find-links='/wheels /more'
global.cert='/etc/ca.crt'
:env:.proxy='http://proxy:3128'
"""
    environment = {"PIP_PROXY": "http://proxy:3128", "PIP_CERT": "/own.crt", "HOME": "/home/x"}
    settings = tools.installers.settings_of_pip(listed, environment)
    given = tools.installers.environment_of_uv(settings, {**environment, "UV_HTTP_TIMEOUT": "9"})
    assert given["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert given["UV_INDEX"] == "file:///a https://b.example"
    assert given["UV_FIND_LINKS"] == "/wheels,/more"
    assert given["SSL_CERT_FILE"] == "/own.crt"
    assert given["ALL_PROXY"] == "http://proxy:3128"
    assert given["UV_HTTP_TIMEOUT"] == "9"
    assert given["HOME"] == "/home/x"


def test_settings_of_uv_outrank_those_of_pip(tools):
    settings = {"index-url": "https://pip.example", "no-index": "1"}
    given = tools.installers.environment_of_uv(settings, {"UV_DEFAULT_INDEX": "https://uv.example"})
    assert given["UV_DEFAULT_INDEX"] == "https://uv.example"
    assert given["UV_OFFLINE"] == "1"


WHEEL = """Wheel-Version: 1.0
Generator: test
Root-Is-Purelib: true
Tag: py3-none-any
"""


@pytest.fixture
def wheels(tmp_path) -> Path:
    """A folder with one wheel, and a lock that names it by its digest."""
    where = tmp_path / "wheels with space"
    where.mkdir()
    path = where / "lb_probe-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("lb_probe.py", "value = 42\n")
        wheel.writestr("lb_probe-1.0.dist-info/WHEEL", WHEEL)
        wheel.writestr(
            "lb_probe-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: lb-probe\nVersion: 1.0\n",
        )
        wheel.writestr(
            "lb_probe-1.0.dist-info/RECORD",
            "lb_probe.py,,\nlb_probe-1.0.dist-info/WHEEL,,\n"
            "lb_probe-1.0.dist-info/METADATA,,\nlb_probe-1.0.dist-info/RECORD,,\n",
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "probe.lock").write_text(f"lb-probe==1.0 --hash=sha256:{digest}\n")
    return where


@pytest.mark.parametrize("way", ["uv", "pip"])
def test_both_installers_work_offline_from_a_folder_of_wheels(tools, tmp_path, wheels, way):
    installers = tools.installers
    if way == "uv":
        if not (program := installers.find_uv()):
            pytest.skip("uv cannot be had here")
        installer = installers.Uv(program, {"find-links": wheels.as_uri(), "no-index": "1"})
    else:
        installer = installers.Pip()
    folder, lock = tmp_path / "umlaut ü" / ".venv", tmp_path / "probe.lock"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", wheels.as_uri())
        patch.setattr(installers, "ROOT", str(tmp_path))
        installer.make(sys.executable, str(folder))
        install = [*installer.command(str(folder)), "--require-hashes", "-r", str(lock)]
        installers.run(install, getattr(installer, "environment", None))
    python = installers.python_in(str(folder))
    done = subprocess.run(
        [python, "-c", "import lb_probe; print(lb_probe.value)"],
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout == "42\n"


def test_where_uv_fails_pip_does_the_same_work(folder, tools, monkeypatch, capsys, installed):
    def fails(self, *_):
        raise tools.machine.ProblemError("the index answered 403")

    monkeypatch.setattr(tools.installers, "find_uv", lambda: "uv")
    monkeypatch.setattr(tools.setup_env.Uv, "make", lambda self, *_: None)
    monkeypatch.setattr(tools.setup_env.Uv, "install", fails)
    assert tools.setup_env.main([]) == 0
    assert installed == ["requirements.lock"]
    assert "uv did not manage it, pip tries: the index answered 403" in capsys.readouterr().out


# ---- the environment


def test_set_up_once_interrupted_and_again(folder, setup_env, monkeypatch, capsys, installed):
    assert setup_env.main(["book"]) == 0
    assert installed == ["requirements.lock"]
    assert (folder / ".venv" / "bin" / "python").exists()
    capsys.readouterr()

    assert setup_env.main(["book"]) == 0  # a second call does nothing
    assert installed == ["requirements.lock"]
    assert capsys.readouterr().out == ""

    kept = folder / ".venv" / "kept"
    kept.touch()
    assert setup_env.main(["test"]) == 0  # the tests need more, in the same environment
    assert setup_env.main(["book"]) == 0  # which holds all that the book needs
    assert installed == ["requirements.lock", "requirements-test.lock"]
    assert kept.exists()

    assert setup_env.main(["teach"]) == 0  # a course needs more again
    assert setup_env.main(["test"]) == 0
    assert installed.pop() == "requirements-teach.lock"

    (folder / "requirements.lock").write_text("# other pins\n")
    (folder / "requirements-test.lock").write_text("# other pins\n")
    (folder / "requirements-teach.lock").write_text("# other pins\n")
    assert setup_env.main(["book"]) == 0  # other pins: brought up to date
    assert installed[2:] == ["requirements.lock"]
    assert kept.exists()

    def interrupted(*_):
        raise KeyboardInterrupt

    (folder / "requirements.lock").write_text("# again other pins\n")
    with monkeypatch.context() as patch:
        patch.setattr(setup_env.Pip, "install", interrupted)
        assert setup_env.main([]) == 2
    assert setup_env.main([]) == 0  # what was interrupted is not trusted
    assert not kept.exists()


def test_an_environment_that_was_moved_is_made_anew(folder, setup_env, installed):
    setup_env.main([])
    kept = folder / ".venv" / "kept"
    kept.touch()
    stamp = folder / ".venv" / "latentbook-stamp-book"
    stamp.write_text(stamp.read_text().replace(str(folder), "/elsewhere"))
    assert setup_env.main([]) == 0
    assert not kept.exists()


def test_a_present_environment_costs_nothing(folder, setup_env, installed):
    setup_env.main([])
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, folder / "tools" / "start.py", "env"]
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


def pins(lock: Path) -> list[str]:
    """Return the blocks of a lock, one a package and condition."""
    blocks = re.split(r"\n(?=\S)", lock.read_text())
    return [block for block in blocks if re.match(r"[a-z0-9._-]+==", block)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_the_locks_are_hashed_and_for_every_platform(lock):
    text = lock.read_text()
    assert len(pins(lock)) > 150
    assert [pin.split()[0] for pin in pins(lock) if "--hash=sha256:" not in pin] == []
    assert "://" not in text
    assert not re.search(r"(^|\s)/\w", text), "the lock names a folder of some machine"
    assert re.search(r"^tensorflow-cpu==.*platform_machine == 'x86_64'", text, re.MULTILINE)
    assert re.search(r"^tensorflow==.*platform_machine != 'x86_64'", text, re.MULTILINE)
    version = re.search(r"^jupyter-book==(\d+)", text, re.MULTILINE)
    assert version is not None
    assert version[1] == "1"


def test_the_book_needs_a_part_of_what_the_tests_need_and_they_of_what_a_course_needs():
    book, tests, course = ({pin.partition("    # via")[0] for pin in pins(lock)} for lock in LOCKS)
    assert book < tests
    versions = {pin.split()[0] for pin in tests}, {pin.split()[0] for pin in course}
    assert {pin.partition("==")[0] for pin in versions[0] - versions[1]} == {"wrapt"}
    assert "otter-grader==7" in {pin[:15] for pin in versions[1]}
    assert not {"jax", "jaxlib", "pytest", "ruff"} & {pin.partition("==")[0] for pin in book}


def test_every_dependency_is_in_the_locks():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    more = project["project"]["optional-dependencies"]
    tests = wanted + more["test"]
    for lock, wants in zip(LOCKS, (wanted, tests, tests + more["teach"]), strict=True):
        pinned = {pin.partition("==")[0] for pin in pins(lock)}
        names = {re.split(r"[^A-Za-z0-9._-]", want)[0].lower().replace("_", "-") for want in wants}
        assert names - pinned == set()


# ---- the front


def test_make_help_names_every_target():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("help", "book", "test", "paper", "sweep", "bench", "lint", "lock", "lab"):
        assert re.search(rf"^  make {target} +\w", done.stdout, re.MULTILINE), target


def test_make_and_the_front_without_make_have_the_same_targets(tools):
    line = re.search(r"^TARGETS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line[1].split() == [name for name, _, _ in tools.start.TARGETS]


def test_a_target_that_is_not_there_is_refused_with_the_list():
    command = [sys.executable, TOOLS / "start.py", "bok"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no target 'bok'" in done.stderr
    assert "run every chapter at profile quick" in done.stderr


def test_a_program_that_is_not_there_is_one_sentence():
    command = ["make", "env", "PYTHON=no-such-python"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("latentbook: there is no program 'no-such-python' here")


def test_clean_removes_what_was_made_and_nothing_else(tools, tmp_path, monkeypatch):
    made = ["_build/html/a", "_build/chapters/a", "_build/.book.lock", "book/generated/a"]
    kept = ["_build/sweep/a", ".venv/a", "book/index.md", "data/records/a", "_build/figures/a"]
    for name in made + kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(tools.start, "ROOT", str(tmp_path))
    assert tools.start.main(["clean"]) == 0
    assert [name for name in made if (tmp_path / name).exists()] == []
    assert [name for name in kept if not (tmp_path / name).exists()] == []


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


def test_bytecode_is_written_even_where_the_machine_forbids_it(tools, monkeypatch):
    """Else every kernel compiles TensorFlow's modules anew."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    said = "import sys; sys.exit(sys.dont_write_bytecode)"
    assert tools.start.run([sys.executable, "-c", said]) == 0

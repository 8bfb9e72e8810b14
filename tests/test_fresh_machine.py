"""The README's commands on machines that have nothing but Python, make and git."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def fresh_machine(monkeypatch):
    """The module tools/fresh_machine.py."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield importlib.import_module("fresh_machine")
    for name in ("fresh_machine", "installers", "machine", "fetch_uv"):
        sys.modules.pop(name, None)


def test_what_pip_was_told_is_handed_in(fresh_machine, tmp_path):
    simple, wheels = tmp_path / "mirror" / "simple", tmp_path / "wheels"
    simple.mkdir(parents=True)
    wheels.mkdir()
    told = {"PIP_INDEX_URL": simple.as_uri(), "PIP_FIND_LINKS": f"{wheels} https://example.org"}
    assert fresh_machine.local(list(told.values())) == [tmp_path / "mirror", wheels]
    lines = fresh_machine.script(Path("/machine"), "make book", told)
    assert f"mount --bind -o ro {wheels} /machine{wheels}" in lines
    assert "PIP_INDEX_URL=" in lines.splitlines()[-1]


def test_a_machine_that_cannot_be_made_is_one_sentence(fresh_machine, monkeypatch, capsys):
    monkeypatch.setattr(fresh_machine.shutil, "which", lambda _: None)
    assert fresh_machine.main(["trixie", "make env"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("latentbook: no fresh machine can be made here: ")
    assert said.count("\n") == 1


@pytest.mark.fresh
@pytest.mark.parametrize(("suite", "commands"), [("trixie", ["make book", "make test"])])
def test_the_two_commands_of_the_readme(fresh_machine, suite, commands):
    if why := fresh_machine.refusal():
        pytest.skip(why)
    command = [sys.executable, ROOT / "tools" / "fresh_machine.py", suite, *commands]
    assert subprocess.run(command).returncode == 0


@pytest.mark.fresh
def test_a_machine_whose_only_python_is_too_new(fresh_machine):
    """uv downloads a Python that serves; where it may not, the sentence names the way out."""
    if why := fresh_machine.refusal():
        pytest.skip(why)
    command = [sys.executable, ROOT / "tools" / "fresh_machine.py", "sid", "make env"]
    done = subprocess.run(command, capture_output=True, text=True)
    refused = "which could not be downloaded: install Python 3.13" in done.stderr
    assert done.returncode == 0 or refused

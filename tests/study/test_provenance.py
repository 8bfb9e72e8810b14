"""Where a measurement comes from: commits, differences from them, and ids."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from latentbook.errors import LatentbookError
from latentbook.study import provenance


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    run = subprocess.run(
        ["git", "-C", str(root), *who, *arguments], capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in git with one commit; the test sees no run of the tests' own."""
    for variable in (provenance.RUN, provenance.COMMIT):
        monkeypatch.delenv(variable, raising=False)
    root = tmp_path / "project"
    for name in ("lib/a.py", "notebooks/profiles/quick.yml", "requirements.lock", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("first\n")
    git(tmp_path, "init", "--quiet", str(root))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    monkeypatch.setenv("LATENTBOOK_ROOT", str(root))
    provenance._checkout.cache_clear()
    yield root
    provenance._checkout.cache_clear()


def now() -> str | None:
    provenance._checkout.cache_clear()
    return provenance.commit()


def test_committed_code_is_its_commit(checkout):
    assert now() == git(checkout, "rev-parse", "--short", "HEAD")
    (checkout / "README.md").write_text("of no consequence\n")
    assert "+" not in now()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lib/a.py", "changed\n"),
        ("lib/a.py", None),
        ("lib/new.py", "never added\n"),
        ("notebooks/new.ipynb", "{}"),
        ("requirements.lock", "another version\n"),
    ],
)
def test_code_that_differs_has_a_digest_of_the_difference(checkout, name, text):
    clean = now()
    file = checkout / name
    file.unlink() if text is None else file.write_text(text)
    changed = now()
    assert re.fullmatch(re.escape(clean) + r"\+[0-9a-f]{8}", changed)
    assert provenance.COMMIT_FORM.fullmatch(changed)
    assert now() == changed
    file.write_text("something else\n")
    assert now() not in (clean, changed)


def test_a_difference_does_not_depend_on_what_is_staged(checkout):
    (checkout / "lib/new.py").write_text("new\n")
    before = now()
    git(checkout, "add", ".")
    assert now() == before


def test_code_outside_git_is_unknown_unless_it_is_stated(tmp_path, monkeypatch):
    (tmp_path / "notebooks" / "profiles").mkdir(parents=True)
    monkeypatch.setenv("LATENTBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv(provenance.COMMIT, raising=False)
    assert now() is None
    monkeypatch.setenv(provenance.COMMIT, "abc1234+5f3e9a1c")
    assert now() == "abc1234+5f3e9a1c"


def test_a_stated_commit_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv(provenance.COMMIT, "the newest")
    with pytest.raises(LatentbookError, match="LATENTBOOK_COMMIT is 'the newest', but must be"):
        provenance.commit()


def test_the_id_of_a_setting_belongs_to_the_run(monkeypatch):
    monkeypatch.setenv(provenance.RUN, "aaaaaaaaaaaa")
    first = provenance.id_of("one")
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert provenance.id_of("one") == first != provenance.id_of("two")
    monkeypatch.setenv(provenance.RUN, "bbbbbbbbbbbb")
    assert provenance.id_of("one") != first


def test_the_start_is_a_time_in_utc():
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", provenance.started())

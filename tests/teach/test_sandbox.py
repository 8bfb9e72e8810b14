"""Other people's code: what it may not do, and that the reason is said."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from latentbook import paths
from latentbook.teach import sandbox
from latentbook.teach.sandbox import LimitError, Limits, Sandbox
from latentbook.teach.sessions import PRINTED, AnswerError

APART = sandbox.protection()[0]
WAYS = [pytest.param(True, marks=pytest.mark.skipif(not APART, reason="no unshare")), False]
apart = pytest.mark.skipif(not APART, reason="this system does not let unshare do it")


def opened(limits: Limits | None = None, **options) -> Sandbox:
    return Sandbox(limits or Limits(seconds=60, cell_seconds=30, memory_mb=1500), **options)


@pytest.mark.parametrize("way", WAYS)
def test_a_hang_and_a_flood_cost_nobody_else_anything(way):
    """Each limit in one process, which is gone afterwards with all its children."""
    with opened(Limits(60, 2, 1500), apart=way) as session:
        printed = session.run("for i in range(1000):\n    print('x' * 10**6)")  # a gigabyte
        assert len(printed) < PRINTED + 100
        assert "more" in printed
        session.run("import os\nos.write(1, b'x' * 10**6)\nos.system('sleep 60 &')")
        with pytest.raises(AnswerError, match="ZeroDivisionError"):
            session.run("1 / 0")
        assert session.run("print('%d' % 2)\n%time 1").startswith("2")
        family = [psutil.Process(session.process.pid)]
        family += family[0].children(recursive=True)
        start = time.monotonic()
        with pytest.raises(LimitError, match="a cell or a test took longer than 2 seconds"):
            session.run("while True:\n    pass")
        assert time.monotonic() - start < 10
        with pytest.raises(LimitError, match="longer than 2 seconds"):
            session.run("1")
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert not session.folder.exists()


def test_memory_is_limited():
    with opened(Limits(60, 30, 400)) as session, pytest.raises(LimitError, match="400 MB"):
        session.run("x = bytearray(10**9)\nfor i in range(0, 10**9, 4096): x[i] = 1")


def test_whoever_leaves_or_writes_into_the_line_is_stopped():
    with opened() as session, pytest.raises(LimitError, match="process of the notebook ended"):
        session.run("import os\nos._exit(0)")
    write = "import os, stat\nfor fd in range(3, 64):\n    try:\n        if stat.S_ISFIFO("
    write += "os.fstat(fd).st_mode): os.write(fd, b'{\"value\": 1}\\n')\n    except OSError: pass"
    with opened() as session, pytest.raises(LimitError, match="wrote into the line"):
        session.run(write)


@apart
def test_there_is_no_network_and_no_writing_outside(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "tests.py").write_text("the answer")
    outside = Path(__file__).parent / "written-by-a-student"
    with opened(hidden=[secret]) as session:
        with pytest.raises(AnswerError, match="OSError"):
            session.run("import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=5)")
        with pytest.raises(AnswerError, match="Read-only"):
            session.run(f"open({str(outside)!r}, 'w')")
        with pytest.raises(AnswerError, match="FileNotFoundError"):
            session.run(f"open({str(secret / 'tests.py')!r})")
        session.run("open('own.txt', 'w').write('mine')")
        pid = os.getpid()
        with pytest.raises(AnswerError, match="ProcessLookupError"):
            session.run(f"import os\nos.kill({pid}, 0)")
    assert not outside.exists()


def test_no_secret_of_the_environment_gets_in(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    environment = sandbox._environment(Path("/nowhere"))
    assert "SECRET_TOKEN" not in environment
    assert environment["HOME"] == "/nowhere"
    assert environment["LATENTBOOK_ROOT"] == str(paths.root())


def test_where_unshare_is_refused_it_is_said(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda _: None)
    sandbox.protection.cache_clear()
    try:
        assert sandbox.protection() == (False, "there is no program unshare on this system")
        assert "NOT cut off from the network" in sandbox.describe()
        assert "in a container" in sandbox.describe()
    finally:
        sandbox.protection.cache_clear()

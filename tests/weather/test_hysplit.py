"""HYSPLIT's input files against golden ones, and its binary, here a script in its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentbook.errors import LatentbookError
from latentbook.weather import hysplit
from latentbook.weather.dispersion import Nuclide
from latentbook.weather.grid import EUROPE, box

GOLDEN = Path(__file__).parents[1] / "data" / "hysplit"
START = np.datetime64("1994-02-03T06:00", "ns")
CHERNOBYL = (30.099, 51.389)
BOX = box((-10, 30, 35, 65), (60, 80))


def release(**changes):
    options = {
        "release": CHERNOBYL,
        "start": START,
        "grid": EUROPE,
        "weather": [Path("arl/RP199402.gbl")],
    }
    return hysplit.Run(**(options | changes))


RUNS = {
    "caesium-europe": release(),
    "iodine-box": release(
        release=(4.85, 45.4),
        start=np.datetime64("1995-12-31T21:30"),
        grid=BOX,
        weather=[Path("arl/RP199512.gbl"), Path("arl/RP199601.gbl")],
        hours=72,
        nuclide="I-131",
        release_hours=6,
        mixing_height=1500.0,
        height=50,
        particles=20_000,
    ),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize(
    ("write", "file"), [(hysplit.control, "CONTROL"), (hysplit.setup, "SETUP.CFG")]
)
def test_the_files_are_the_golden_ones(name, write, file):
    assert write(RUNS[name]) == (GOLDEN / name / file).read_text()


@pytest.mark.parametrize("name", RUNS)
def test_every_line_stands_where_the_guide_counts_it(name):
    """Counted as in sections S310 to S314 of the User's Guide, which numbers the lines."""
    run, lines = RUNS[name], hysplit.control(RUNS[name]).splitlines()
    extra = 2 * (len(run.weather) - 1)  # lines 8 and 9 for each file of weather

    def line(number):
        return lines[number - 1 + (extra if number > 9 else 0)].split()

    assert len(lines) == 31 + extra
    assert [int(line(n)[0]) for n in (2, 7, 10, 15, 21, 26)] == [1, len(run.weather), 1, 1, 2, 1]
    latitude, longitude, height = map(float, line(3))
    assert (longitude, latitude, height) == (*run.release, run.height)
    assert int(line(4)[0]) == run.hours
    assert float(line(12)[0]) * float(line(13)[0]) == pytest.approx(1)
    assert len(line(11)[0]) == 4
    assert line(25) == ["00", str(run.hours), "00"]
    assert float(line(28)[0]) == {"Cs-137": 0.001, "I-131": 0.01}[run.nuclide]
    days = {"Cs-137": 30.05 * 365.242, "I-131": 8.0233}[run.nuclide]
    assert float(line(30)[0]) == pytest.approx(days, rel=1e-4)


def test_a_box_gets_the_cells_of_the_box():
    lines = hysplit.control(RUNS["iodine-box"]).splitlines()
    centre, spacing, span = (list(map(float, lines[n - 1 + 2].split())) for n in (16, 17, 18))
    assert centre == [50, 10]
    assert spacing == [0.5, 0.5]
    assert span == [29.5, 39.5]


def test_a_box_over_the_date_line_stays_together():
    lines = hysplit.control(release(release=(179, 0), grid=box((170, 190, -5, 5), (10, 20))))
    assert lines.splitlines()[17].split() == ["9.0000", "19.0000"]


def test_a_tracer_does_not_decay():
    text = hysplit.control(release(nuclide=Nuclide("tracer", np.inf, 0.0)))
    assert text.splitlines()[29] == "0"


def script(folder: Path, *lines: str) -> Path:
    path = folder / "hycs_std"
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


@pytest.fixture
def weather(tmp_path: Path) -> list[Path]:
    path = tmp_path / "RP199402.gbl"
    path.write_bytes(b"weather")
    return [path]


@pytest.mark.parametrize("where", ["file", "folder", "exec", "path"])
def test_the_users_binary_is_found_and_run(where, tmp_path, weather, monkeypatch):
    folder = tmp_path / "exec"
    folder.mkdir()
    path = script(folder, "test -f SETUP.CFG && head -n 1 CONTROL > cdump")
    monkeypatch.delenv("HYSPLIT", raising=False)
    if where == "path":
        monkeypatch.setenv("PATH", str(folder), prepend=":")
    else:
        named = {"file": path, "folder": folder, "exec": tmp_path}[where]
        monkeypatch.setenv("HYSPLIT", str(named))
    output = hysplit.run(release(weather=weather), tmp_path / "run")
    assert output.read_text() == "94 02 03 06 00\n"


def test_a_run_that_fails_says_what_hysplit_said(tmp_path, weather, monkeypatch):
    monkeypatch.setenv("HYSPLIT", str(script(tmp_path, "echo '*ERROR* metpos' >&2", "exit 3")))
    with pytest.raises(LatentbookError, match=r"exit status 3, it said: \*ERROR\* metpos"):
        hysplit.run(release(weather=weather), tmp_path / "run")


def test_weather_beside_the_caller_is_found_from_the_folder_of_the_run(
    tmp_path, weather, monkeypatch
):
    read = "cat $(sed -n 8p CONTROL)$(sed -n 9p CONTROL) > cdump"
    monkeypatch.setenv("HYSPLIT", str(script(tmp_path, read)))
    monkeypatch.chdir(tmp_path)
    output = hysplit.run(release(weather=[Path(weather[0].name)]), tmp_path / "run")
    assert output.read_bytes() == b"weather"


def test_an_older_output_is_not_taken_for_a_new_one(tmp_path, weather, monkeypatch):
    monkeypatch.setenv("HYSPLIT", str(script(tmp_path, "exit 0")))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "cdump").write_text("old")
    with pytest.raises(LatentbookError, match="it said: nothing"):
        hysplit.run(release(weather=weather), tmp_path / "run")


def test_without_hysplit_or_its_weather_there_is_one_sentence(tmp_path, weather, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HYSPLIT", raising=False)
    with pytest.raises(LatentbookError, match="there is no hycs_std on the PATH"):
        hysplit.run(release(weather=weather), tmp_path)
    monkeypatch.setenv("HYSPLIT", str(tmp_path / "nowhere"))
    with pytest.raises(LatentbookError, match="nowhere, which is neither hycs_std nor a folder"):
        hysplit.run(release(weather=weather), tmp_path)
    monkeypatch.setenv("HYSPLIT", str(script(tmp_path, "exit 0")))
    with pytest.raises(LatentbookError, match=r"weather for HYSPLIT is not there: .*RP0\.gbl"):
        hysplit.run(release(weather=[tmp_path / "RP0.gbl"]), tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"release": (100.0, 10.0)}, "lies outside the grid europe"),
        ({"nuclide": "Cs-173"}, "unknown nuclide"),
        ({"weather": []}, "at least one file of weather"),
        ({"hours": 0}, "number of hours is 0"),
        ({"release_hours": 0}, "release in hours is 0"),
        ({"particles": 0}, "number of particles is 0"),
    ],
)
def test_a_release_that_cannot_be(change, words):
    with pytest.raises(LatentbookError, match=words):
        release(**change)

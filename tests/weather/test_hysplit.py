"""HYSPLIT's input files against golden ones, and its binary, here a script in its place."""

from __future__ import annotations

import struct
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


# ---------------------------------------------------------------- what it writes


def record(*parts: bytes) -> bytes:
    """One Fortran record: its length before and after it, big-endian."""
    body = b"".join(parts)
    return struct.pack(">i", len(body)) + body + struct.pack(">i", len(body))


def dumped(
    fields: np.ndarray,
    south_west=(40.0, 0.0),
    step=(1.0, 2.0),
    packed=True,
    levels=(0, 1000),
    start=(94, 2, 3, 6),
    hours=24,
) -> bytes:
    """Write (n_samples, n_levels, n_latitude, n_longitude) as section S363 describes it."""
    n_samples, n_levels, n_latitude, n_longitude = fields.shape
    text = record(b"ECMF", struct.pack(">7i", 94, 2, 3, 6, 0, 1, int(packed)))
    text += record(struct.pack(">4i3fi", 94, 2, 3, 6, 51.389, 30.099, 100.0, 0))
    text += record(struct.pack(">2i4f", n_latitude, n_longitude, *step, *south_west))
    text += record(struct.pack(f">{n_levels + 1}i", n_levels, *levels))
    text += record(struct.pack(">i", 1), b"C137")
    year, month, day, hour = start
    for sample in range(n_samples):
        for end in (sample, sample + 1):
            ahead, at = divmod(hour + end * hours, 24)
            text += record(struct.pack(">6i", year, month, day + ahead, at, 0, 0))
        for level, field in zip(levels, fields[sample], strict=True):
            head = b"C137" + struct.pack(">i", level)
            if packed:
                cells = [
                    struct.pack(">2hf", i + 1, j + 1, field[j, i])
                    for j, i in zip(*np.nonzero(field), strict=True)
                ]
                text += record(head, struct.pack(">i", len(cells)), *cells)
            else:
                text += record(head, field.astype(">f4").tobytes())
    return text


def some_fields(seed=0):
    rng = np.random.default_rng(seed)
    fields = rng.random((2, 2, 5, 7)).astype(np.float32)
    return np.where(fields > 0.6, fields, 0)


@pytest.mark.parametrize("packed", [True, False])
def test_what_is_written_in_the_documented_format_is_read(packed, tmp_path):
    fields = some_fields()
    (tmp_path / "cdump").write_bytes(dumped(fields, packed=packed))
    data = hysplit.read(tmp_path / "cdump")
    assert (data["concentration"].values[:, 0] == fields).all()
    assert data["latitude"].values.tolist() == [40, 41, 42, 43, 44]
    assert data["longitude"].values.tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert data["level"].values.tolist() == [0, 1000]
    assert data["pollutant"].values.tolist() == ["C137"]
    assert data["time"].values[1] == np.datetime64("1994-02-04T06:00")
    assert data["hours"].values.tolist() == [24, 24]


def test_a_plume_is_the_air_times_hours_on_the_map(tmp_path):
    fields = some_fields()
    (tmp_path / "cdump").write_bytes(dumped(fields))
    same = box((-1, 13, 39.5, 44.5), (5, 7))  # centres at the points of the file
    found = hysplit.plume(tmp_path / "cdump", same)
    assert found == pytest.approx(24 * fields[:, 1].sum(axis=0), rel=1e-5)
    wider = box((-5, 17, 35.5, 48.5), (13, 11))
    assert hysplit.plume(tmp_path / "cdump", wider)[0].tolist() == [0] * 11


def test_damaged_output_is_one_sentence(tmp_path):
    whole = dumped(some_fields())
    for text in (b"", b"no output", whole[:30], whole[:-9]):
        (tmp_path / "cdump").write_bytes(text)
        with pytest.raises(LatentbookError, match="is not HYSPLIT's binary output, or is cut off"):
            hysplit.read(tmp_path / "cdump")
    with pytest.raises(LatentbookError, match=r"there is no .*: run HYSPLIT first"):
        hysplit.read(tmp_path / "elsewhere")
    (tmp_path / "cdump").write_bytes(dumped(some_fields()[:, :1], levels=(0,)))
    with pytest.raises(LatentbookError, match="none above the ground"):
        hysplit.plume(tmp_path / "cdump", BOX)


def test_hysplit_is_a_model_for_the_plumes_of_a_chapter(tmp_path, weather, monkeypatch):
    """A stand-in binary writes a file in the documented format for each release."""
    (tmp_path / "whole").write_bytes(dumped(some_fields()))
    monkeypatch.setenv("HYSPLIT", str(script(tmp_path, f"cp {tmp_path / 'whole'} cdump")))
    grid = box((-1, 13, 39.5, 44.5), (5, 7))
    name, disperse = hysplit.model(grid, weather, tmp_path / "run", hours=48)
    found = disperse(np.array([[3.0, 42.0], [9.0, 43.0]]), np.array([START, START]))
    assert found.shape == (2, 5, 7)
    assert found[0] == pytest.approx(24 * some_fields()[:, 1].sum(axis=0), rel=1e-5)
    assert "48" in name
    assert "RP199402.gbl" in name

"""The store: equal to interpolating in memory, resumed after a kill, bounded in memory."""

import re
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from latentbook import paths
from latentbook.book import cli
from latentbook.errors import LatentbookError
from latentbook.weather import sources, store, windows
from latentbook.weather.dataset import open_weather
from latentbook.weather.grid import EUROPE, box, regrid

from .conftest import canonical

BOX = box((-10, 30, 35, 65), shape=(6, 8))


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def small_blocks(monkeypatch):
    """Four times a chunk, eight a block."""
    monkeypatch.setattr(store, "CHUNK", 4)
    monkeypatch.setattr(store, "CHUNKS_A_BLOCK", 2)


def prepare(data, grid=BOX, **options):
    return store.prepare(data, grid, progress=False, **options)


def test_the_store_holds_what_regrid_gives(small_blocks):
    data = canonical(21, names=("z", "u", "v"))
    found = store.open_store(prepare(data))
    expected = regrid(data, BOX)
    assert list(found.data_vars) == ["z", "u", "v"]
    for name in found.data_vars:
        assert found[name].dims == ("time", "level", "y", "x")
        assert found[name].dtype == np.float32
        assert np.array_equal(found[name].values, expected[name].values)
    assert found["z"].data.chunksize == (4, 3, 6, 8)
    assert np.allclose(found["longitude"], BOX.longitude)
    assert (found.attrs["grid"], found.attrs["simulated"]) == ("box", "true")
    assert windows.windows(found["z"]).shape == (4, 8, 6, 8, 3)


def test_packed_is_half_the_size_and_close():
    data = canonical(64, names=("z", "u"))
    noise = np.random.default_rng(0).normal(scale=50, size=data["z"].shape)
    data["z"].values[:] += noise
    packed, plain = prepare(data, packed=True), prepare(data)
    assert plain != packed
    assert prepare(data, packed=True) in (plain, packed)
    error = store.open_store(packed) - store.open_store(plain)
    assert float(np.abs(error["z"]).max()) <= 0.251
    assert float(np.abs(error["u"]).max()) <= 0.00502
    high = canonical(8, levels=(0.01,))  # 85 km
    with pytest.raises(LatentbookError, match=r"z is .* away from 12000, too far to be packed"):
        prepare(high, packed=True)


def test_a_second_call_only_looks(small_blocks, monkeypatch):
    data = canonical(10)
    path = prepare(data)
    monkeypatch.setattr(store, "regridded_block", None)
    assert prepare(data) == path


def test_a_store_belongs_to_source_and_grid(tmp_path):
    canonical(10).to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
    first = prepare(tmp_path / "one.nc")
    assert prepare(sources.open(tmp_path / "one.nc")) == first
    assert prepare(tmp_path / "one.nc", grid=box((-10, 30, 35, 60), shape=(6, 8))) != first
    changed = canonical(10)
    changed["z"].values[0, 0, 6, 12] += 1
    assert prepare(changed) != prepare(canonical(10))
    assert len({first, prepare(changed), prepare(canonical(10))}) == 3


PARTS = {
    "levels": {"levels": (500,)},
    "levels in another order": {"levels": [900.0, 500.0]},
    "a list of variables": {"variables": ["z"]},
    "a period": {"period": ("2000-01-02", "2000-01-03")},
    "fewer hours": {"every": 12},
}


@pytest.mark.parametrize("part", PARTS)
def test_a_store_serves_every_request_for_a_part_of_it(tmp_path, part, monkeypatch):
    path = tmp_path / "one.nc"
    canonical(20, names=("z", "u", "v")).to_netcdf(path, engine="h5netcdf")
    whole = prepare(path, variables=["z", "u", "v"])
    options = {"variables": ("z",)} | PARTS[part]
    expected = regrid(store._opened(path, *_asked(options)), BOX)
    monkeypatch.setattr(store, "regridded_block", None)
    assert prepare(path, **options) == whole
    found = store.regridded(path, BOX, **options)
    assert found.sizes == expected.sizes
    assert (found["level"].values == expected["level"].values).all()
    assert (found["time"].values == expected["time"].values).all()
    assert np.array_equal(found["z"].values, expected["z"].values)
    assert found.attrs["step"] == ("12 h" if part == "fewer hours" else "6 h")


def _asked(options):
    return [options.get(name) for name in ("variables", "levels", "period", "every", "select")]


def test_more_than_a_store_holds_is_prepared_anew(tmp_path):
    path = tmp_path / "one.nc"
    canonical(20, names=("z", "u", "v")).to_netcdf(path, engine="h5netcdf")
    small = prepare(path, levels=(500,), period=("2000-01-01", "2000-01-02"))
    for more in (
        {"levels": (500, 700), "period": ("2000-01-01", "2000-01-02")},
        {"levels": (500,), "period": ("2000-01-01", "2000-01-03")},
        {"levels": (500,), "period": ("2000-01-01", "2000-01-02"), "variables": ("z", "u", "v")},
    ):
        assert prepare(path, **more) != small


def test_a_rounded_store_serves_a_chapter_with_a_word(tmp_path, capsys):
    path = tmp_path / "one.nc"
    canonical(8).to_netcdf(path, engine="h5netcdf")
    packed = prepare(path, packed=True)
    found = store.regridded(path, BOX, levels=(500,))
    assert f"rounds to 16 bits, {packed}" in capsys.readouterr().out
    expected = regrid(sources.open(path, levels=(500,)), BOX)
    assert np.abs(found["z"] - expected["z"]).max() <= 0.26


def test_a_store_is_a_source(tmp_path, capsys):
    path = prepare(canonical(12, names=("z", "u")), EUROPE)
    assert store.is_store(str(path))
    assert not store.is_store(str(tmp_path))
    moved = path.rename(tmp_path / "mine.zarr")
    assert cli.main(["weather", "info", str(moved)]) == 0
    shown = capsys.readouterr().out
    assert "z at 500, 700, 900 hPa" in shown
    assert "64 x 64" in shown
    assert "on the domain of the study" in shown
    assert store.grid_of(store.open_store(moved)) is EUROPE
    part = store.part_of(moved, ("z",), [700], ("2000-01-02", "2000-01-02"), every=12)
    assert dict(part.sizes) == {"time": 2, "level": 1, "y": 64, "x": 64}
    for wrong, message in (
        ({"variables": ("v",)}, "has no v, but z, u: prepare one with --variables v"),
        ({"variables": ("z",), "levels": [850]}, "has no level 850 hPa: it has 500, 700, 900 hPa"),
        ({"variables": ("z",), "period": ("1994", "1994")}, "has no time from 1994 to 1994"),
    ):
        with pytest.raises(LatentbookError, match=message):
            store.part_of(moved, **wrong)
    assert cli.main(["weather", "prepare", str(moved)]) == 2
    assert "is weather on a grid already" in capsys.readouterr().err


def test_an_impossible_value_is_found_in_every_block(small_blocks):
    data = canonical(30)
    data["z"].values[27, 1, 6, 12] = 1e15
    with pytest.raises(
        LatentbookError,
        match=r"z in made has impossible values such as .* m: .*`_FillValue`",
    ):
        prepare(data)
    for name, wrong in (("u", -9999), ("u", 9.96921e36), ("z", 0)):
        data = canonical(30, names=("z", "u"))
        data[name].values[20, 0, 6, 12] = wrong
        with pytest.raises(LatentbookError, match=f"{name} in made has impossible"):
            prepare(data)


def test_hourly_fields_are_thinned():
    data = canonical(30, hours=1)
    found = store.open_store(prepare(data, every=6))
    assert found["time"].dt.hour.values.tolist() == [0, 6, 12, 18, 0]
    with pytest.raises(LatentbookError, match="every is 0, but must lie between 1 and 24"):
        prepare(data, every=0)
    with pytest.raises(LatentbookError, match="no time is a multiple of 12 hours"):
        prepare(data.isel(time=slice(1, 5)), every=12)


def test_a_killed_run_goes_on_after_its_last_complete_block(small_blocks, monkeypatch, capsys):
    data = canonical(30)
    computed, original = [], store.regridded_block

    def kill_in_the_third_block(part, grid, done):
        if done == 16 and not computed.count(16):
            computed.append(16)
            raise KeyboardInterrupt
        computed.append(done)
        return original(part, grid, done)

    monkeypatch.setattr(store, "regridded_block", kill_in_the_third_block)
    with pytest.raises(KeyboardInterrupt):
        prepare(data)
    assert computed == [0, 8, 16]
    path = next((store.paths.cache() / "weather").glob("*.zarr"))
    with pytest.raises(LatentbookError, match="holds 16 of 30 times: prepare it again"):
        store.open_store(path)
    assert prepare(data) == path
    assert computed == [0, 8, 16, 16, 24]
    assert "resumed after 16 of 30 times" in capsys.readouterr().out
    assert np.array_equal(store.open_store(path)["z"], regrid(data, BOX)["z"])


KILLED = """
import os, signal, sys
from latentbook.weather import store
from latentbook.weather.grid import EUROPE
original = store.regridded_block

def block(part, grid, done):
    if done == 512:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(part, grid, done)

store.regridded_block = block
store.prepare("weather-sample", EUROPE, levels=(500,), progress=False)
"""


def test_a_process_that_is_killed_leaves_a_store_that_goes_on(capsys):
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    path = store.prepare("weather-sample", EUROPE, levels=(500,), progress=False)
    assert "resumed after 512 of 712 times\n" in capsys.readouterr().out
    expected = regrid(sources.open("weather-sample", levels=(500,)), EUROPE)
    assert np.array_equal(store.open_store(path)["z"].values, expected["z"].values)


@pytest.mark.parametrize("damage", ["manifest", "axes"])
def test_a_damaged_store_is_written_anew(small_blocks, damage):
    data = canonical(10)
    path = prepare(data)
    if damage == "manifest":
        path.with_suffix(".json").write_text("{")
        next(path.glob("z/c/0/*/*/*")).write_bytes(b"")
    else:
        (path / "zarr.json").unlink()
        with pytest.raises(LatentbookError, match="prepare it again"):
            store.open_store(path)
    assert np.array_equal(store.open_store(prepare(data))["z"], regrid(data, BOX)["z"])


WORKER = """
import sys
import numpy as np
from latentbook.weather import store
from latentbook.weather.grid import EUROPE
store.CHUNK, store.CHUNKS_A_BLOCK = 32, 1
original, written = store.regridded_block, []

def block(part, grid, done):
    written.append(part.sizes["time"])
    return original(part, grid, done)

store.regridded_block = block
path = store.prepare("weather-sample", EUROPE, levels=(500,), progress=False)
print(sum(written), path)
"""


def test_processes_share_the_blocks_of_one_store():
    """Two runs of one command at the same time, as jobs of a cluster do."""
    runs = [
        subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [run.communicate(timeout=120)[0].splitlines()[-1].split() for run in runs]
    assert sum(int(times) for times, _ in said) == 712
    assert len({path for _, path in said}) == 1
    expected = regrid(sources.open("weather-sample", levels=(500,)), EUROPE)
    assert np.array_equal(store.open_store(said[0][1])["z"].values, expected["z"].values)


def test_workers_write_what_one_process_writes(small_blocks, tmp_path):
    canonical(40).to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
    path = prepare(tmp_path / "one.nc", workers=2)
    expected = regrid(sources.open(tmp_path / "one.nc"), BOX)
    assert np.array_equal(store.open_store(path)["z"].values, expected["z"].values)
    with pytest.raises(LatentbookError, match="workers is 0"):
        prepare(tmp_path / "one.nc", workers=0)


def test_a_source_that_breaks_off_is_named(small_blocks, monkeypatch):
    data = canonical(20).chunk(time=4)

    def lost(values):
        raise OSError("connection lost")

    broken = data.map(lambda field: field.copy(data=field.data.map_blocks(lost, dtype="float32")))
    broken.attrs = data.attrs | {"digest": "known"}
    with pytest.raises(
        LatentbookError, match=r"made could not be read on after 0 times \(connection lost\)"
    ):
        prepare(broken)


def test_a_full_disk_is_named(small_blocks, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_zarr", full)
    with pytest.raises(LatentbookError, match=r"cannot write .*No space left on device; free some"):
        prepare(canonical(5))


def test_nan_over_sea_is_named(small_blocks):
    data = canonical(12, names=("z", "u"))
    sea = (data["longitude"] < 0) & (data["latitude"] > 50)
    data["u"] = data["u"].where(~sea)
    with pytest.raises(
        LatentbookError, match=r"u is NaN in 6 of 48 cells of the grid box \(7\.5°W"
    ):
        prepare(data)


def test_a_store_that_is_none(tmp_path):
    with pytest.raises(LatentbookError, match=r"no store of weather|prepare it again"):
        store.open_store(tmp_path / "nothing.zarr")


# ---------------------------------------------------------------- the command line


def test_prepare_from_the_command_line(capsys):
    argv = ["weather", "prepare", "weather-sample", "--grid", "0,30,40,60"]
    argv += ["--levels", "500,700", "--period", "2001-02:2001-02"]
    assert cli.main(argv) == 0
    path = capsys.readouterr().out.strip().splitlines()[-1]
    found = store.open_store(store.Path(path))
    assert dict(found.sizes) == {"time": 112, "level": 2, "y": 64, "x": 64}
    assert found.attrs["simulated"] == "true"


def test_the_command_of_the_book_prepares_many_files(tmp_path, capsys, monkeypatch):
    """Levels may stand apart or with commas, before or after the source: it is one store."""
    (tmp_path / "era5").mkdir()
    monkeypatch.chdir(tmp_path)
    data = canonical(8)
    for year in (1994, 1995):
        times = np.datetime64(f"{year}-12-01", "ns") + np.arange(8) * np.timedelta64(6, "h")
        data.assign_coords(time=times).to_netcdf(f"era5/{year}.nc")
    page = (paths.root() / "book" / "running.md").read_text(encoding="utf-8")
    lines = re.findall("^latentbook weather prepare .*$", page, re.MULTILINE)
    documented = shlex.split(lines[0])[1:]
    assert cli.main(documented) == 0
    path = capsys.readouterr().out.strip().splitlines()[-1]
    prepared = store.open_store(store.Path(path))
    assert dict(prepared.sizes) == {"time": 16, "level": 3, "y": 64, "x": 64}
    for levels in (["500,700,900"], ["500,", "700", "900"], ["500,700", "900"]):
        for argv in (
            ["era5/*.nc", "--period", "1994:1995", "--levels", *levels],
            ["--period", "1994:1995", "--levels", *levels, "era5/*.nc"],
        ):
            assert cli.main(["weather", "prepare", *argv]) == 0
            assert capsys.readouterr().out.strip().splitlines()[-1] == path


def test_what_the_command_of_the_book_wrote_is_found_by_the_chapters(tmp_path, capsys, monkeypatch):
    """The second documented command, and then each chapter's own request for the same files."""
    (tmp_path / "era5").mkdir()
    monkeypatch.chdir(tmp_path)
    data = canonical(80, hours=1, names=("z", "u", "v"))
    for part in (0, 1):
        data.isel(time=slice(40 * part, 40 * part + 40)).to_netcdf(f"era5/{part}.nc")
    page = (paths.root() / "book" / "running.md").read_text(encoding="utf-8")
    lines = re.findall("^latentbook weather prepare .*$", page, re.MULTILINE)
    documented = shlex.split(lines[1].replace("--workers 2", "--workers 1"))[1:]
    assert cli.main(documented) == 0
    path = capsys.readouterr().out.strip().splitlines()[-1]
    monkeypatch.setattr(store, "regridded_block", None)  # nothing is regridded again
    for winds in (False, True):  # chapter 05, chapter 06
        for given in ("era5/*.nc", path):
            weather = open_weather(given, levels=[700, 500], every=6, winds=winds)
            assert weather.heights.shape == (2, 8, 64, 64, 2)
            assert weather.heights.digest == open_weather(path, levels=[700, 500]).sha256


def test_info_tells_what_there_is(capsys):
    assert cli.main(["weather", "info", "weather-sample"]) == 0
    shown = capsys.readouterr().out
    for words in (
        "Simulated weather over Europe, two springs (simulated)",
        "z at 500, 700, 900 hPa: geopotential height, m",
        "u at 500, 700, 900 hPa: eastward wind, m s-1",
        "712 from 2001-02-01 00:00 to 2002-04-30 18:00, every 6 h, 1 gap",
        "45°W to 75°E, 27.83°N to 76.07°N",
        "covers the domain of the study",
    ):
        assert words in shown


def test_info_on_a_real_file(real_weather, capsys):
    path = real_weather("era5_atlweur_2deg_dailymean_june_1950-2022.nc")
    assert cli.main(["weather", "info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "1,752 from 1950-06-05" in shown
    assert "every 1 d, 72 gaps" in shown
    assert "does not cover the domain of the study" in shown
    assert "(simulated)" not in shown


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["prepare", "weather-sampel"], "unknown weather data 'weather-sampel'"),
        (["prepare", "weather-sample", "--grid", "1,2,3"], "a grid is `europe` or W,E,S,N"),
        (["prepare", "weather-sample", "--grid", "100,120,0,10"], "do not cover the grid box"),
        (["prepare", "weather-sample", "--levels", "850"], "no z at 850 hPa: it has 500, 700, 900"),
        (["prepare", "weather-sample", "--levels", "high"], "levels are numbers in hPa"),
        (["prepare", "weather-sample", "--period", "1994:1995"], "no time from 1994 to 1995"),
        (["info", "nowhere.nc"], "there is no file nowhere.nc"),
    ],
)
def test_misuse_is_one_line(argv, message, capsys):
    assert cli.main(["weather", *argv]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1

"""What people bring: ensembles, forecasts, other calendars, other names, packed files, folders."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from latentbook.book import cli
from latentbook.errors import LatentbookError
from latentbook.weather import sources
from latentbook.weather.sources import axes
from latentbook.weather.summary import describe

from .conftest import canonical


def written(data, path):
    data.drop_encoding().to_netcdf(path, engine="h5netcdf")
    return str(path)


def ensemble(name="number", entries=(0, 1, 2, 3), n=6):
    one = canonical(n)
    data = xr.concat([one + 10 * i for i in range(len(entries))], name)
    data["z"].attrs["units"] = "m"
    return data.assign_coords({name: list(entries)})


# ---------------------------------------------------------------- further dimensions


def test_members_of_an_ensemble_are_named_and_chosen(tmp_path, capsys):
    path = written(ensemble(), tmp_path / "cds.nc")
    with pytest.raises(LatentbookError, match=r"further dimension number \(0, 1, 2, 3\)") as caught:
        sources.open(path)
    assert 'select "number=0", or their mean, as "number=mean"' in str(caught.value)
    z = {entry: sources.open(path, select={"number": entry})["z"] for entry in ("0", "3", "mean")}
    assert np.allclose(z["3"] - z["0"], 30)
    assert np.allclose(z["mean"] - z["0"], 15, atol=1e-2)
    assert z["0"].dims == ("time", "level", "latitude", "longitude")
    digests = {
        sources.open(path, select={"number": entry}).attrs["digest"] for entry in ("0", "1", "mean")
    }
    assert len(digests) == 3
    assert cli.main(["weather", "info", path]) == 2
    assert "further dimension number" in capsys.readouterr().err
    assert cli.main(["weather", "info", path, "--select", "number=2"]) == 0
    assert "6 from 2000-01-01" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("entries", "chosen"), [(("r1i1p1", "r2i1p1"), "r2i1p1"), ((0.5, 1.5), "1.5")]
)
def test_entries_may_be_words_or_numbers(tmp_path, entries, chosen):
    path = written(ensemble("realization", entries), tmp_path / "members.nc")
    first = sources.open(path, select={"realization": str(entries[0])})["z"]
    second = sources.open(path, select={"realization": chosen})["z"]
    assert np.allclose(second - first, 10)


def test_an_axis_without_values_is_counted(tmp_path):
    path = written(ensemble().drop_vars("number"), tmp_path / "members.nc")
    z = sources.open(path, select={"number": "1"})["z"]
    assert np.allclose(z - sources.open(path, select={"number": "0"})["z"], 10)


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ({"number": "7"}, "has no number 7: choose one of 0, 1, 2, 3, or mean"),
        ({"number": "first"}, "has no number first: choose one of"),
        ({"member": "0"}, "has no dimension member to select from: it has"),
    ],
)
def test_a_selection_that_does_not_fit_is_named(tmp_path, select, message):
    path = written(ensemble(), tmp_path / "cds.nc")
    with pytest.raises(LatentbookError, match=message):
        sources.open(path, select=select)


def test_a_dimension_of_other_variables_is_no_matter(tmp_path):
    data = canonical(4).assign(spread=("number", [1.0, 2.0]))
    assert sources.open(written(data, tmp_path / "both.nc")).sizes["time"] == 4


@pytest.mark.parametrize(
    "text", ["number", "number=", "=0", "number=0 step=1", "number=0,number=1"]
)
def test_a_selection_is_pairs(text):
    with pytest.raises(LatentbookError, match="must choose an entry of each further dimension"):
        axes.selection(text)


# ---------------------------------------------------------------- times


def test_the_valid_time_is_the_time_of_a_forecast(tmp_path):
    data = canonical(6)
    later = data["time"].values + np.timedelta64(12, "h")
    data = data.assign_coords(valid_time=("time", later))
    for attributes in ({}, {"standard_name": "time"}):
        data["time"].attrs = dict(attributes)
        data["valid_time"].attrs = dict(attributes)
        path = written(data, tmp_path / f"forecast-{len(attributes)}.nc")
        assert (sources.open(path)["time"].values == later).all()


def test_one_lead_time_of_many_is_chosen(tmp_path):
    one = canonical(4, hours=24)
    steps = pd.to_timedelta([0, 6, 12], unit="h")
    data = xr.concat([one + i for i in range(3)], pd.Index(steps, name="step"))
    data["z"].attrs["units"] = "m"
    valid = one["time"].values[:, None] + steps.values
    data = data.assign_coords(valid_time=(("time", "step"), valid))
    path = written(data, tmp_path / "forecast.nc")
    with pytest.raises(LatentbookError, match=r"dimension step \(0h, 6h, 12h\): choose one"):
        sources.open(path)
    found = sources.open(path, select={"step": "12h"})
    assert (found["time"].values == valid[:, 2]).all()
    first = sources.open(path, select={"step": "0h"})
    assert np.allclose(found["z"].values - first["z"].values, 2, atol=1e-2)
    run = data.isel(time=0)  # one start, many lead times
    path = written(run, tmp_path / "run.nc")
    assert (sources.open(path)["time"].values == valid[0]).all()


def counted(units, calendar=None, n=40, hours=24):
    data = canonical(n, hours=hours)
    step = {"days": 24, "hours": 1}[units.split()[0]]
    attributes = {"units": units} | ({"calendar": calendar} if calendar else {})
    values = 17_531_688.0 + np.arange(n) * hours if step == 1 else np.arange(n) * hours / 24
    return data.assign_coords(time=("time", values, attributes))


def test_times_counted_from_the_year_1(tmp_path):
    path = written(counted("hours since 1-1-1 00:00:0.0"), tmp_path / "ncep.nc")
    assert str(sources.open(path)["time"].values[0])[:10] == "2001-01-01"


@pytest.mark.parametrize(("calendar", "left_out"), [("360_day", 1), ("noleap", 0)])
def test_other_calendars_lose_the_days_that_are_none(tmp_path, calendar, left_out, capsys):
    path = written(counted("days since 2001-02-01", calendar), tmp_path / "model.nc")
    found = sources.open(path)
    assert found["time"].dtype.kind == "M"
    assert len(found["time"]) == 40 - left_out * 2  # 29 and 30 February
    assert f"times of the calendar {calendar}" in capsys.readouterr().out


def test_times_that_are_no_dates(tmp_path):
    data = canonical(4).assign_coords(time=("time", [0.0, 1.0, 2.0, 3.0], {"units": "months"}))
    with pytest.raises(LatentbookError, match="are no dates: convert them first"):
        sources.open(written(data, tmp_path / "months.nc"))


# ---------------------------------------------------------------- names and levels


def test_a_standard_name_goes_before_our_names(tmp_path):
    data = canonical(4, names=("z", "u", "v"))
    other = data.rename(z="GHT_PRS", u="wind_x", v="wind_y", level="p", latitude="Y", longitude="X")
    for name, standard in (
        ("GHT_PRS", "geopotential_height"),
        ("wind_x", "eastward_wind"),
        ("wind_y", "northward_wind"),
        ("p", "air_pressure"),
        ("Y", "latitude"),
        ("X", "longitude"),
    ):
        other[name].attrs["standard_name"] = standard
    # a decoy with a name that we know, and another standard name
    other["z"] = (("Y", "X"), np.zeros((13, 27)), {"standard_name": "surface_altitude"})
    other = other.rename(time="when")
    other["when"].attrs["standard_name"] = "time"
    found = sources.open(written(other, tmp_path / "cf.nc"), ("z", "u", "v"))
    for name in ("z", "u", "v"):
        assert np.allclose(found[name], data[name], atol=1e-2)
        assert found[name].dims == ("time", "level", "latitude", "longitude")


def test_of_two_fields_with_one_standard_name_our_names_decide(tmp_path):
    data = canonical(4)
    data["z"].attrs["standard_name"] = "geopotential_height"
    data["anomaly"] = data["z"] - data["z"].mean("time")
    data["anomaly"].attrs = {"units": "m", "standard_name": "geopotential_height"}
    found = sources.open(written(data, tmp_path / "two.nc"))
    assert np.allclose(found["z"], data["z"], atol=1e-2)


def test_winds_at_ten_metres_are_no_level(tmp_path):
    data = canonical(4, names=("z", "u"))
    near = data["u"].isel(level=0, drop=True).drop_vars("level", errors="ignore") * 0
    near = near.assign_coords(height=((), 10.0, {"standard_name": "height", "axis": "Z"}))
    data["u"].attrs["standard_name"] = "eastward_wind"
    data["uas"] = near.assign_attrs(standard_name="eastward_wind", units="m s-1")
    found = sources.open(written(data, tmp_path / "cmip.nc"), ("u",))
    assert (found["u"] == 10).all()


@pytest.mark.parametrize(
    ("names", "level"),
    [
        ({"z": "H", "level": "lev"}, "hPa"),
        ({"z": "Geopotential_height_isobaric", "level": "isobaric"}, "Pa"),
        ({"z": "HGT_GDS0_ISBL", "level": "lv_ISBL1"}, "hPa"),
        ({"z": "Z3", "level": "plev"}, "hPa"),
    ],
    ids=["MERRA-2", "THREDDS", "JRA", "CESM"],
)
def test_names_of_other_archives(tmp_path, names, level):
    data = canonical(4)
    if level == "Pa":
        data = data.assign_coords(level=data["level"] * 100)
    data["level"].attrs = {"units": level, "axis": "Z"}
    found = sources.open(written(data.rename(names), tmp_path / "other.nc"))
    assert np.allclose(found["z"], data["z"], atol=1e-2)
    assert found["level"].values.tolist() == [500, 700, 900]


def test_what_is_not_understood_is_listed_with_what_is(tmp_path):
    data = canonical(4).rename(z="surprise")
    with pytest.raises(LatentbookError, match="it has surprise, and known are geopotential height"):
        describe(written(data, tmp_path / "odd.nc"))


def test_a_file_without_levels_is_shown(tmp_path):
    path = written(canonical(8).sel(level=500, drop=True), tmp_path / "z500.nc")
    lines = describe(path)
    assert "z at a level that the file does not state (say it, as --levels 500)" in lines[1]
    assert lines[-1] == "domain    covers the domain of the study"
    with pytest.raises(LatentbookError, match="as levels '500' of a chapter, --levels 500 of the"):
        sources.open(path)
    assert sources.open(path, levels=(500,))["level"].values.tolist() == [500]


def test_a_file_over_the_date_line_is_shown_as_people_say_it(tmp_path):
    data = canonical(4, longitude=np.arange(120.0, 241, 5))
    extent = describe(written(data, tmp_path / "pacific.nc"))[-2]
    assert extent == "extent    120°E to 120°W, 20°N to 80°N, 13 x 25"


# ---------------------------------------------------------------- containers and places


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"\x1f\x8b\x08\x00", "is packed with gzip: unpack it with gunzip"),
        (b"BZh9", "is packed with bzip2"),
        (b"<!DO", "is a web page, so the download failed"),
        (b"<htm", "is a web page, so the download failed"),
        (b'{"er', "is JSON, so the download failed"),
        (b"\x0e\x03\x13\x01", "is HDF4: convert it to netCDF-4"),
        (b"", "its first bytes are b''"),
    ],
)
def test_other_containers_are_named_with_a_way_out(tmp_path, start, words):
    (tmp_path / "z.nc").write_bytes(start + 40 * b"x" if start else b"")
    with pytest.raises(LatentbookError, match=words):
        sources.open(tmp_path / "z.nc")


def test_a_zip_that_is_called_netcdf(tmp_path):
    path = written(canonical(2), tmp_path / "inside.nc")
    with zipfile.ZipFile(tmp_path / "zipped.nc", "w") as archive:
        archive.write(path, "inside.nc")
    with pytest.raises(LatentbookError, match="is a zip archive: unpack it"):
        sources.open(tmp_path / "zipped.nc")


def test_folders_with_brackets_and_the_home(tmp_path, monkeypatch):
    folder = tmp_path / "data [2020]"
    folder.mkdir()
    first, second = canonical(8).isel(time=slice(4)), canonical(8).isel(time=slice(4, 8))
    written(first, folder / "a.nc")
    written(second, folder / "b[1].nc")
    assert sources.open(f"{folder}/*.nc").sizes["time"] == 8
    assert sources.open(f"{folder}/b[1].nc").sizes["time"] == 4
    assert sources.open(f"{folder}/[ab]*.nc").sizes["time"] == 8
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert sources.open("~/data [2020]/a.nc").sizes["time"] == 4
    assert sources.open("~/data*/a.nc").sizes["time"] == 4

"""`open` understands every spelling, and names in one sentence what it cannot use."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from latentbook import paths
from latentbook.book import cards
from latentbook.errors import LatentbookError
from latentbook.weather import sources
from latentbook.weather.sources import reading, registered

from .conftest import LEVELS, canonical

G = 9.80665
NETCDF3 = {"engine": "scipy", "format": "NETCDF3_64BIT"}
NETCDF4 = {"engine": "h5netcdf"}


def written(data, path, engine=NETCDF4, **encoding):
    path.unlink(missing_ok=True)
    data.drop_encoding().to_netcdf(path, **engine, encoding=encoding or None)
    return path


def ecmwf(data, level="level", time="time", west_to_east=False):
    """The layout of ERA downloads: z in m2 s-2, north on top, longitudes from 0 to 360."""
    data = data.copy(deep=True)
    data["z"] = (data["z"] * G).assign_attrs(units="m**2 s**-2", standard_name="geopotential")
    if not west_to_east:
        data = data.assign_coords(longitude=data["longitude"] % 360).sortby("longitude")
    data = data.sortby("latitude", ascending=False)
    data[level if level == "level" else "level"].attrs["units"] = "millibars"
    return data.rename({k: v for k, v in {"level": level, "time": time}.items() if k != v})


def with_extra_axes(data):
    """The new Climate Data Store: an experiment version and a number beside every time."""
    data = ecmwf(data, "pressure_level", "valid_time")
    data["pressure_level"].attrs["units"] = "hPa"
    versions = np.array(["0001"] * data.sizes["valid_time"])
    return data.assign_coords(number=0, expver=("valid_time", versions))


def grib_like(data):
    """What cfgrib makes of GRIB: gh in gpm, isobaricInhPa descending, step and valid_time."""
    data = data.rename(z="gh", level="isobaricInhPa").sortby("isobaricInhPa", ascending=False)
    data["gh"].attrs["units"] = "gpm"
    data["isobaricInhPa"].attrs["units"] = "hPa"
    valid = ("time", data["time"].values)
    return data.assign_coords(step=np.timedelta64(0, "ns"), valid_time=valid, number=0)


def ncep(data):
    """NCEP/NCAR reanalysis 1: hgt, lat, lon, north on top, level in millibar."""
    data = ecmwf(data)
    data = data.assign(z=(data["z"] / G).assign_attrs(units="m"))
    data["level"].attrs["units"] = "millibar"
    return data.rename(z="hgt", latitude="lat", longitude="lon")


def cmip(data):
    """CMIP: zg, plev in Pa from the ground up."""
    data = data.rename(z="zg", level="plev", latitude="lat", longitude="lon")
    data = data.assign_coords(plev=data["plev"] * 100).sortby("plev", ascending=False)
    data["plev"].attrs["units"] = "Pa"
    return data


def arco(data):
    """ARCO-ERA5 and WeatherBench 2: long names, axes without units, latitude before longitude."""
    data = ecmwf(data).rename(z="geopotential").transpose("time", "level", "longitude", "latitude")
    del data["geopotential"].attrs["units"], data["level"].attrs["units"]
    return data.assign_coords(level=data["level"].astype(int))


SPELLINGS = {
    "ERA-Interim": ecmwf,
    "ERA5, new store": with_extra_axes,
    "ERA5, west to east": lambda data: ecmwf(data, west_to_east=True),
    "GRIB through cfgrib": grib_like,
    "NCEP/NCAR R1": ncep,
    "CMIP": cmip,
    "ARCO-ERA5": arco,
}


@pytest.mark.parametrize("engine", [NETCDF3, NETCDF4], ids=["netCDF-3", "netCDF-4"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_becomes_the_one_form(tmp_path, spelling, engine):
    if spelling == "ERA5, new store" and engine is NETCDF3:
        engine = NETCDF4  # NETCDF-3 has no strings
    truth = canonical(6)
    path = written(SPELLINGS[spelling](truth), tmp_path / "file.nc", engine)
    data = sources.open(path)
    assert set(data.coords) == {"time", "level", "latitude", "longitude"}
    assert data["z"].dims == ("time", "level", "latitude", "longitude")
    assert data["z"].dtype == np.float32
    assert data["z"].chunks is not None
    assert data["z"].attrs["units"] == "m"
    for axis in data.dims:
        assert np.array_equal(data[axis].values, truth[axis].values), axis
    assert np.abs(data["z"].values - truth["z"].values).max() < 0.01
    assert set(data.attrs) == {"name", "title", "simulated", "step", "gaps", "digest"}
    assert data.attrs["step"] == "6 h"
    assert data.attrs["gaps"] == 0


def test_packed_integers(tmp_path):
    packing = {
        "dtype": "int16",
        "scale_factor": 0.25 * G,
        "add_offset": 5000 * G,
        "_FillValue": -32767,
    }
    path = written(ecmwf(canonical(4)), tmp_path / "packed.nc", z=packing)
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False) as raw:
        assert raw["z"].dtype == np.int16
    assert np.abs(sources.open(path)["z"].values - canonical(4)["z"].values).max() < 0.13


def test_zarr_store(tmp_path):
    arco(canonical(6)).drop_encoding().chunk(time=2).to_zarr(
        tmp_path / "store.zarr", consolidated=False
    )
    data = sources.open(tmp_path / "store.zarr", levels=(900, 500))
    assert data["z"].data.chunksize[0] % 2 == 0
    assert data["level"].values.tolist() == [500, 900]
    assert np.abs(data["z"].values - canonical(6)["z"].values[:, [0, 2]]).max() < 0.01


def test_winds_pressure_and_temperature(tmp_path):
    data = canonical(4, names=("z", "u", "v")).rename(u="uwnd", v="vwnd")
    surface = ("time", "latitude", "longitude")
    shape = data["z"].isel(level=0).shape
    data["slp"] = (surface, np.full(shape, 101_325.0), {"units": "Pascals"})
    data["air"] = (data["z"].dims, np.full(data["z"].shape, 273.0), {"units": "degK"})
    path = written(data, tmp_path / "all.nc")
    found = sources.open(path, ("z", "u", "v", "msl", "t"), levels=(700,))
    assert found["msl"].dims == surface
    assert float(found["msl"][0, 0, 0]) == pytest.approx(1013.25)
    assert found["msl"].attrs["units"] == "hPa"
    assert (float(found["u"].max()), float(found["v"].min())) == (10, -5)
    assert float(found["t"].mean()) == 273


@pytest.mark.parametrize("period", [None, ("2000-01-02", "2000-01-03")])
def test_region_across_greenwich_and_period(tmp_path, period):
    truth = canonical(20)
    path = written(ecmwf(truth), tmp_path / "file.nc")
    data = sources.open(path, region=(-20, 15, 30, 60), period=period)
    assert data["longitude"].values.tolist() == list(range(-20, 16, 5))
    assert data["latitude"].values.tolist() == list(range(30, 61, 5))
    assert data.sizes["time"] == (8 if period else 20)
    expected = truth["z"].sel(time=data["time"], latitude=slice(30, 60), longitude=slice(-20, 15))
    assert np.abs(data["z"].values - expected.values).max() < 0.01


def test_region_over_the_date_line(tmp_path):
    data = canonical(2, longitude=np.arange(0.0, 360, 10))
    data["z"].values[:] = 5500
    path = written(data.isel(level=[0]), tmp_path / "globe.nc")
    found = sources.open(path, region=(170, -170, 30, 60))
    assert found["longitude"].values.tolist() == [-180, -170, 170]
    assert sources.open(path, region=(-180, 180, 20, 80)).sizes["longitude"] == 36


def test_a_longitude_given_twice_is_taken_once(tmp_path):
    data = canonical(2, longitude=np.arange(0.0, 361, 30))
    data["z"].values[:] = 5500
    path = written(data.isel(level=[0]), tmp_path / "globe.nc")
    assert sources.open(path)["longitude"].values.tolist() == list(range(-180, 180, 30))


def test_single_level_files(tmp_path):
    data = canonical(4)
    z500 = data.isel(level=0, drop=True).rename(z="z500", latitude="lat", longitude="lon")
    assert sources.open(written(z500, tmp_path / "a.nc"))["z"].shape == (4, 1, 13, 27)
    two = z500.assign(z1000=z500["z500"] - 5300).assign_attrs(z500.attrs)
    two["z1000"].attrs["units"] = "m"
    both = sources.open(written(two, tmp_path / "b.nc"))
    assert both["level"].values.tolist() == [500, 1000]
    scalar = sources.open(written(data.isel(level=1), tmp_path / "c.nc"))
    assert scalar["level"].values.tolist() == [700]
    bare = written(data.isel(level=2, drop=True), tmp_path / "d.nc")
    with pytest.raises(LatentbookError, match=r"has no level axis: say .* levels=\(500,\)"):
        sources.open(bare)
    assert sources.open(bare, levels=(900,))["level"].values.tolist() == [900]
    with pytest.raises(LatentbookError, match="impossible values such as"):
        sources.open(bare, levels=(300,))


def test_winds_near_the_ground_are_no_levels(tmp_path):
    data = canonical(2, names=("u",)).isel(level=0, drop=True).rename(u="u100")
    data["u100"].attrs["long_name"] = "100 metre U wind component"
    with pytest.raises(LatentbookError, match="has no eastward wind"):
        sources.open(written(data, tmp_path / "ground.nc"), ("u",))


def test_many_files_are_one(tmp_path):
    data = canonical(20, names=("z", "u"))
    for number, part in enumerate((data.isel(time=slice(12, 20)), data.isel(time=slice(0, 12)))):
        for level in (0, 1):
            one = part.isel(level=[level])
            written(one[["z"]], tmp_path / f"z-{level}-{number}.nc")
            written(one[["u"]], tmp_path / f"u-{level}-{number}.nc")
    found = sources.open(str(tmp_path / "[z]-*.nc"))
    assert np.array_equal(found["z"], data["z"].isel(level=[0, 1]))
    listed = sources.open(sorted(tmp_path.glob("z-1-*.nc")))
    assert listed["level"].values.tolist() == [700]
    z_only = [tmp_path / "z-0-0.nc", tmp_path / "z-0-1.nc"]
    with pytest.raises(LatentbookError, match="has no eastward wind"):
        sources.open(z_only, ("z", "u"))
    with pytest.raises(LatentbookError, match="the time 2000-01-04 00:00 comes after"):
        sources.open([*z_only, z_only[0]])


def test_variables_in_files_of_their_own(tmp_path):
    data = canonical(8, names=("z", "u", "v"))
    files = [written(data[[name]], tmp_path / f"{name}.nc") for name in data.data_vars]
    found = sources.open(files, ("z", "u", "v"))
    for name in data.data_vars:
        assert np.array_equal(found[name], data[name])
    short = written(data[["u"]].isel(time=slice(4)), tmp_path / "short.nc")
    with pytest.raises(LatentbookError, match="do not fit together"):
        sources.open([files[0], short], ("z", "u"))


def test_era5_with_preliminary_months(tmp_path):
    data = ecmwf(canonical(6))
    final = data["z"].where(data["time"] < data["time"][4])
    late = data["z"].where(data["time"] >= data["time"][4])
    both = xr.concat([final, late], "expver").assign_coords(expver=[1, 5])
    both.attrs = data["z"].attrs
    path = written(both.to_dataset(name="z"), tmp_path / "expver.nc")
    assert np.abs(sources.open(path)["z"].values - canonical(6)["z"].values).max() < 0.01


def test_gaps_are_told(tmp_path, capsys):
    data = canonical(20).isel(time=[*range(5), *range(7, 12), *range(13, 20)])
    found = sources.open(written(data, tmp_path / "gaps.nc"))
    assert found.attrs["gaps"] == 2
    assert capsys.readouterr().out == "gaps: 2 gaps in 17 times 6 h apart; no window spans one\n"


def test_the_digest_follows_the_file_and_not_the_part_that_is_asked_for(tmp_path, monkeypatch):
    path = written(canonical(4), tmp_path / "file.nc")
    first = sources.open(path)
    assert sources.open(path, levels=(500,)).attrs["digest"] == first.attrs["digest"]
    monkeypatch.chdir(tmp_path)
    assert sources.open("file.nc").attrs["digest"] == first.attrs["digest"]
    written(canonical(5), path)
    assert sources.open(path).attrs["digest"] != first.attrs["digest"]


# ---------------------------------------------------------------- what cannot be used


def refused(tmp_path, data, message, **options):
    path = written(data, tmp_path / "bad.nc")
    with pytest.raises(LatentbookError, match=message) as caught:
        sources.open(path, **options)
    assert "\n" not in str(caught.value)


def test_missing_variables_and_levels_are_named_with_what_there_is(tmp_path):
    data = canonical(2, names=("z", "u"))
    refused(tmp_path, data, r"no northward wind \(v, .*it holds z, u", variables=("v",))
    refused(tmp_path, data, "no z at 850 hPa: it has 500, 700, 900 hPa", levels=(850,))
    refused(tmp_path, data, "unknown variable 'w': choose one of z, u, v, t, msl", variables=("w",))


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (None, "the values of z in .* have no units: set the attribute `units` to one of m2 s-2"),
        ("furlongs", "are in 'furlongs'"),
        ("m2 s-2", "impossible values such as .* m: correct the attribute"),
        ("dam", "impossible values such as .* m: correct the attribute"),
    ],
)
def test_wrong_and_absent_units(tmp_path, units, message):
    data = canonical(2)
    data["z"].attrs = {} if units is None else {"units": units}
    refused(tmp_path, data, message)


def test_levels_that_are_no_pressures(tmp_path):
    data = canonical(2)
    data["level"].attrs["units"] = "1"
    refused(tmp_path, data, "the levels of .* are in '1'")


def test_times_twice_and_out_of_order(tmp_path):
    refused(tmp_path, canonical(5).isel(time=[0, 1, 1, 2]), "time 2000-01-01 06:00 comes twice")
    refused(
        tmp_path,
        canonical(5).isel(time=[0, 2, 1, 3]),
        "time 2000-01-01 06:00 comes after 2000-01-01 12:00",
    )


def test_axes_that_are_missing_or_curved(tmp_path):
    data = canonical(2)
    refused(tmp_path, data.isel(time=0, drop=True), "has no time: it holds the coordinates")
    curved = data.rename(latitude="y", longitude="x")
    both = np.meshgrid(data["longitude"], data["latitude"])
    curved = curved.assign_coords(lon=(("y", "x"), both[0]), lat=(("y", "x"), both[1]))
    refused(tmp_path, curved, "bring the fields to a latitude-longitude grid first")


def test_regions_and_periods_without_data(tmp_path):
    data = canonical(5)
    refused(tmp_path, data, "has no time from 1994 to 1995: it reaches", period=("1994", "1995"))
    refused(tmp_path, data, "no grid point in the region from 100", region=(100, 120, 0, 10))
    path = written(data, tmp_path / "file.nc")
    with pytest.raises(LatentbookError, match="a period is a pair of dates"):
        sources.open(path, period="1994")


def test_files_that_are_not_there_or_no_weather(tmp_path):
    with pytest.raises(LatentbookError, match=r"there is no file nowhere\.nc: give a path"):
        sources.open("nowhere.nc")
    with pytest.raises(LatentbookError, match=r"there is no file .*\*\.nc"):
        sources.open(str(tmp_path / "*.nc"))
    with pytest.raises(LatentbookError, match=r"unknown weather data 'weather-sampel'.*did you"):
        sources.open("weather-sampel")
    (tmp_path / "text.nc").write_text("no weather")
    with pytest.raises(
        LatentbookError, match="not netCDF, GRIB or Zarr: its first bytes are b'no w"
    ):
        sources.open(tmp_path / "text.nc")
    with pytest.raises(LatentbookError, match=r"is a folder but no Zarr store: give a pattern"):
        sources.open(tmp_path)
    whole = written(canonical(50), tmp_path / "cut.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LatentbookError, match=r"cut\.nc cannot be read .*restore the file"):
        sources.open(tmp_path / "cut.nc")


@pytest.mark.parametrize(
    ("source", "module"),
    [("gs://weatherbench2/store.zarr", "gcsfs"), ("s3://bucket/store.zarr", "s3fs")],
)
def test_packages_that_are_extras_are_asked_for_in_one_sentence(monkeypatch, source, module):
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    with pytest.raises(LatentbookError, match=f"needs the package {module}: pip install {module}"):
        sources.open(source)


def test_grib_asks_for_cfgrib(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    (tmp_path / "era.grib").write_bytes(b"GRIB" + bytes(20))
    with pytest.raises(LatentbookError, match="is GRIB, which needs the package cfgrib"):
        sources.open(tmp_path / "era.grib")


def test_real_grib(tmp_path):
    """Written with eccodes where that is installed, read through cfgrib."""
    pytest.importorskip("cfgrib", reason="cfgrib is not installed: GRIB not tested")
    import eccodes

    truth = canonical(3, levels=(500.0, 700.0), hours=12).sortby("latitude", ascending=False)
    header = {
        "Ni": 27,
        "Nj": 13,
        "iDirectionIncrementInDegrees": 5.0,
        "jDirectionIncrementInDegrees": 5.0,
        "latitudeOfFirstGridPointInDegrees": 80.0,
        "latitudeOfLastGridPointInDegrees": 20.0,
        "longitudeOfFirstGridPointInDegrees": 310.0,
        "longitudeOfLastGridPointInDegrees": 80.0,
    }
    with (tmp_path / "era.grib").open("wb") as stream:
        for time in truth["time"].values:
            for level in (500, 700):
                message = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib1")
                when = {"dataDate": int(str(time)[:10].replace("-", "")), "level": level}
                for key, value in (header | when).items():
                    eccodes.codes_set(message, key, value)
                eccodes.codes_set(message, "dataTime", 100 * int(str(time)[11:13]))
                eccodes.codes_set(message, "paramId", 129)
                values = truth["z"].sel(time=time, level=level).values * G
                eccodes.codes_set_values(message, values.ravel().astype(float))
                eccodes.codes_write(message, stream)
                eccodes.codes_release(message)
    data = sources.open(tmp_path / "era.grib")
    assert np.array_equal(data["time"], truth["time"])
    expected = canonical(3, levels=(500.0, 700.0), hours=12)["z"].values
    assert np.abs(data["z"].values - expected).max() < 0.05


def test_a_cloud_out_of_reach_is_one_sentence(monkeypatch):
    def no_network(*arguments, **options):
        assert options["storage_options"] == {"token": "anon"}
        raise OSError("Cannot connect to host storage.googleapis.com")

    monkeypatch.setattr(reading, "find_spec", lambda name: object())
    monkeypatch.setattr(xr, "open_dataset", no_network)
    with pytest.raises(LatentbookError, match=r"Cannot connect to host .*check the address and"):
        sources.open("gs://gcp-public-data-arco-era5/ar/store.zarr")
    with pytest.raises(LatentbookError, match="unknown protocol ftp"):
        sources.open("ftp://example.org/store.zarr")


def test_arco_keeps_only_its_valid_times(tmp_path):
    data = canonical(20).assign_attrs(
        valid_time_start="2000-01-02", valid_time_stop="2000-01-03", title="ARCO"
    )
    assert sources.open(written(data, tmp_path / "file.nc")).sizes["time"] == 8


# ---------------------------------------------------------------- registered data


def test_the_sample_is_simulated_and_says_so():
    data = sources.open("weather-sample", ("z", "u", "v"), levels=(500, 700, 900))
    assert data.attrs["simulated"] == "true"
    assert "imulated" in data.attrs["title"]
    assert data.attrs["gaps"] == 1  # between two springs
    assert data["level"].values.tolist() == list(LEVELS)
    assert np.isfinite(data["z"].values).all()
    # the north is cold, the wind blows from the west
    mean = data.mean("time")
    assert (mean["z"].isel(latitude=0) > mean["z"].isel(latitude=-1)).all()
    assert float(mean["u"].sel(level=500).mean()) > 5


def test_the_sample_is_small_and_what_the_registry_says():
    known = sources.entry("weather-sample")
    path = registered.locate(known)
    assert path.parent == paths.samples()
    assert path.stat().st_size < 3.5e6
    registered.verify(known, path)
    assert sources.open("weather-sample").sizes["time"] == known.fields


def test_the_sample_is_cut_out_of_the_long_run(real_weather):
    run = sources.open(real_weather("jcm_t31_6hourly.nc"), ("z", "u", "v"))
    sample = sources.open("weather-sample", ("z", "u", "v"))
    xr.testing.assert_equal(
        run.sel(time=sample["time"], latitude=sample["latitude"], longitude=sample["longitude"]),
        sample.assign_attrs(run.attrs),
    )
    assert run.attrs["simulated"] == "true"


@pytest.mark.parametrize("name", sources.NAMES)
def test_registered_files_are_what_the_registry_says(real_weather, name):
    known = sources.entry(name)
    if name != "weather-sample":
        real_weather(known.file)
    registered.verify(known, registered.locate(known))
    variables = ("u", "v") if name == "weather-simulated-winds" else ("z",)
    data = sources.open(name, variables)
    assert data.sizes["time"] == known.fields
    assert data.attrs["simulated"] == str(known.simulated).lower()
    assert data.attrs["name"] == name


def test_data_that_are_not_here_say_how_to_get_them(monkeypatch, own_cache):
    monkeypatch.setenv("LATENTBOOK_DATA", str(own_cache))
    with pytest.raises(LatentbookError, match=r"weather-eraint is not on this machine .*synoptReg"):
        sources.open("weather-eraint")


def test_a_changed_file_is_refused_by_verify(tmp_path):
    changed = tmp_path / "weather-sample.nc"
    changed.write_bytes(registered.locate(sources.entry("weather-sample")).read_bytes() + b" ")
    with pytest.raises(LatentbookError, match=r"is not the file of weather-sample"):
        registered.verify(sources.entry("weather-sample"), changed)


def test_real_era_interim_has_known_values(real_weather):
    data = sources.open(real_weather("eraint_weur_1p5deg_daily12z_2000-2010.nc"), ("z", "msl"))
    assert data.sizes == {"time": 4018, "level": 1, "latitude": 21, "longitude": 24}
    assert data.attrs["gaps"] == 0
    assert data.attrs["simulated"] == "false"
    north = data["z"].sel(latitude=60, level=500).mean("longitude")
    months = north.groupby("time.month").mean()
    assert 5_200 < float(months.sel(month=1)) < 5_400
    assert 5_500 < float(months.sel(month=7)) < 5_700
    assert 1_000 < float(data["msl"].mean()) < 1_025


def test_the_data_cards_tell_about_weather():
    tables = cards.markdown()
    for name in sources.NAMES:
        known = sources.entry(name)
        assert f"[{known.title}]({known.page})" in tables
        assert known.sha256[:12] in tables
        assert known.licence in tables
    page = (paths.root() / "book" / "data-cards.md").read_text(encoding="utf-8")
    for label in ("sample", "eraint", "era5-june", "ncep"):
        card = page.partition(f"(card-weather-{label})=\n")[2].partition("\n(card-")[0]
        for heading in ("**Source.**", "**Columns.**", "**How obtained.**", "**Known defects.**"):
            assert heading in card


def test_the_simulation_asks_for_its_climate_model():
    if importlib.util.find_spec("jcm"):
        pytest.skip("jcm is installed")
    tool = paths.root() / "tools" / "simulate_weather.py"
    found = subprocess.run([sys.executable, tool, "x.nc"], capture_output=True, text=True)
    assert found.returncode == 1
    assert "the climate model jcm is not installed" in found.stderr
    assert found.stderr.count("\n") == 1


def test_importing_the_package_is_quick():
    code = "import sys, latentbook.weather.sources; print('xarray' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"

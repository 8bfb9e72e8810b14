"""NOAA's HYSPLIT on the same release: write its input, run the user's binary, read its output.

Untested against NOAA's binary: the tests compare the input files with the User's Guide, run a
stand-in program, and read files that they write in the documented format (section S363), because
neither the binary nor its weather can be shipped here.
The thesis and its predecessor dispersed with HYSPLIT (stein2015hysplit). If you have it, and
weather in its ARL format, it can replace `dispersion`: `model` is what the plumes of chapter 06 are
computed with then.

References
----------
- stein2015hysplit: Ariel F. Stein, Roland R. Draxler, Glenn D. Rolph, Barbara J. B. Stunder, Mark
  D. Cohen, Fong Ngan. NOAA's HYSPLIT atmospheric transport and dispersion modeling system.
  Bulletin of the American Meteorological Society, 2015. https://doi.org/10.1175/BAMS-D-14-00110.1
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from latentbook import files
from latentbook.errors import LatentbookError, check_between
from latentbook.weather import dispersion
from latentbook.weather.dispersion import Nuclide
from latentbook.weather.grid import Grid

if TYPE_CHECKING:
    import xarray as xr

BINARY = "hycs_std"
OUTPUT = "cdump"


@dataclass(frozen=True, eq=False)
class Run:
    """One release; the defaults are those of `dispersion.disperse`.

    Attributes
    ----------
    release : (longitude, latitude)
        In degrees.
    start : datetime64
        UTC.
    grid : Grid
        Whose extent and number of cells the concentrations get, in degrees.
    weather : paths
        Of files in HYSPLIT's own (ARL) format that cover the run.
    height : float
        Of the release, in metres above the ground.

    Raises
    ------
    LatentbookError
        For a release outside the grid, no weather, an unknown nuclide, or a setting out of range.
    """

    release: tuple[float, float]
    start: np.datetime64
    grid: Grid
    weather: Sequence[Path]
    hours: int = 48
    nuclide: str | Nuclide = "Cs-137"
    release_hours: float = 1.0
    height: float = 100.0
    mixing_height: float = dispersion.MIXING_HEIGHT
    particles: int = 2000

    def __post_init__(self) -> None:
        dispersion.check_inside(self.grid, np.array([self.release]))
        dispersion.find_nuclide(self.nuclide)
        if not self.weather:
            raise LatentbookError("HYSPLIT needs at least one file of weather in its ARL format")
        check_between("number of hours", self.hours, 1, 9999)
        check_between("release in hours", self.release_hours, 1 / 60, self.hours)
        check_between("release height in metres", self.height, 0, 20_000)
        check_between("mixing height in metres", self.mixing_height, 1, 20_000)
        check_between("number of particles", self.particles, 1, 10**7)


def control(run: Run) -> str:
    """Return the text of ``CONTROL``, line by line as in the HYSPLIT User's Guide (S310 to S314).

    One unit of activity is released; the output is the mean over the whole run of the air below
    the mixing height, and what lies on the ground. The nuclide is entered as a gas, because a
    particle with a deposition velocity would also sink at it, and rain out.
    """
    nuclide = dispersion.find_nuclide(run.nuclide)
    when = run.start.astype("datetime64[m]").item()
    centre, spacing, span = _degrees(run.grid)
    longitude, latitude = run.release
    mass = "".join(filter(str.isdigit, nuclide.name))
    half_life = nuclide.half_life / dispersion.DAY if np.isfinite(nuclide.half_life) else 0.0
    lines = [
        f"{when:%y %m %d %H %M}",  # start
        "1",  # places of release
        f"{latitude:.4f} {longitude:.4f} {run.height:.1f}",
        f"{run.hours}",
        "0",  # vertical motion as in the weather
        "10000.0",  # top of the model
        f"{len(run.weather)}",
        *(line for path in run.weather for line in (f"{Path(path).parent}/", Path(path).name)),
        "1",  # pollutants
        f"{nuclide.name[:1]}{mass}"[:4],
        f"{1 / run.release_hours:.8g}",  # units an hour
        f"{run.release_hours:.4g}",
        "00 00 00 00 00",  # released from the start on
        "1",  # grids of concentration
        "{:.4f} {:.4f}".format(*centre),
        "{:.4f} {:.4f}".format(*spacing),
        "{:.4f} {:.4f}".format(*span),
        "./",
        OUTPUT,
        "2",  # levels: the ground, and the air below the mixing height
        f"0 {run.mixing_height:.0f}",
        "00 00 00 00 00",  # sampled from the start
        "00 00 00 00 00",  # to the end
        f"00 {run.hours} 00",  # one mean over all hours
        "1",  # pollutants that settle
        "0.0 0.0 0.0",  # a gas
        f"{nuclide.deposition_velocity:.6g} 0.0 0.0 0.0 0.0",
        "0.0 0.0 0.0",  # no rain
        f"{half_life:.6g}",  # days
        "0.0",  # no resuspension
    ]
    return "\n".join(lines) + "\n"


def setup(run: Run) -> str:
    """Return the text of ``SETUP.CFG``: three-dimensional particles, as many as in `run`."""
    return (
        "&SETUP\n"
        "initd = 0,\n"
        f"numpar = {run.particles},\n"
        f"maxpar = {max(run.particles, 10_000)},\n"
        "/\n"
    )


def write(run: Run, folder: Path) -> None:
    """Write ``CONTROL`` and ``SETUP.CFG`` into `folder`.

    Raises
    ------
    LatentbookError
        If the folder cannot be written.
    """
    for name, text in (("CONTROL", control(run)), ("SETUP.CFG", setup(run))):
        with files.atomic(folder / name) as scratch:
            scratch.write_text(text)


def run(run: Run, folder: Path) -> Path:
    """Write the input files, run HYSPLIT on them, and return its output.

    Parameters
    ----------
    run
        The release.
    folder
        Where HYSPLIT runs; its land use and roughness files are used if an ``ASCDATA.CFG`` there
        names them.

    Returns
    -------
    Path
        Of the concentrations, in HYSPLIT's binary format.

    Raises
    ------
    LatentbookError
        If there is no HYSPLIT, a file of weather is missing, or the run fails.
    """
    program = binary()
    missing = [str(path) for path in run.weather if not Path(path).is_file()]
    if missing:
        raise LatentbookError(f"the weather for HYSPLIT is not there: {', '.join(missing)}")
    write(replace(run, weather=[Path(path).resolve() for path in run.weather]), folder)
    output = folder / OUTPUT
    output.unlink(missing_ok=True)  # what is there afterwards is of this run
    result = subprocess.run([program], cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode or not output.is_file():
        said = (result.stderr.strip() or result.stdout.strip() or "nothing").splitlines()[-1]
        raise LatentbookError(
            f"HYSPLIT has failed (exit status {result.returncode}, it said: {said}): see MESSAGE "
            f"and WARNING in {folder}"
        )
    return output


def model(
    grid: Grid, weather: Sequence[Path], folder: Path, **options: Any
) -> tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Return HYSPLIT as a dispersion model: a name, and a function from releases to maps.

    Parameters
    ----------
    grid : Grid
        Of the maps.
    weather : paths
        As in `Run`.
    folder : Path
        Where HYSPLIT runs, one release after the other.
    **options
        Other attributes of `Run`, such as ``hours`` and ``nuclide``.

    Returns
    -------
    name : str
        All that the maps depend on besides places and starts.
    disperse : function
        Of places (m, 2), longitude and latitude in degrees, and m starts as datetimes; returns maps
        of shape (m, ny, nx), as `plume` does.
    """
    told = {key: str(value) for key, value in sorted(options.items())}
    name = f"HYSPLIT {told} with {[str(Path(path).resolve()) for path in weather]}"

    def disperse(places: np.ndarray, starts: np.ndarray) -> np.ndarray:
        maps = []
        for (longitude, latitude), start in zip(places, starts, strict=True):
            where = (float(longitude), float(latitude))
            one = Run(release=where, start=start, grid=grid, weather=weather, **options)
            maps.append(plume(run(one, folder), grid))
        return np.stack(maps)

    return name, disperse


def plume(path: Path, grid: Grid) -> np.ndarray:
    """Return the air of HYSPLIT's output on a map: concentration times hours, summed over time.

    The lowest level above the ground counts, and all pollutants together. Between the points of
    HYSPLIT's grid values are linear; beyond it they are 0.

    Returns
    -------
    array of float32, shape (ny, nx)

    Raises
    ------
    LatentbookError
        As `read`, and for an output without a level above the ground.
    """
    data = read(path)
    air = data["level"].values > 0
    if not air.any():
        raise LatentbookError(
            f"{path} has levels {data['level'].values.tolist()} m, none above the ground: ask "
            "HYSPLIT for one"
        )
    first = data.isel(level=int(np.flatnonzero(air)[0]))
    held = (first["concentration"] * first["hours"]).sum(("time", "pollutant")).values
    longitude = data["longitude"].values
    west = (longitude[0] + longitude[-1]) / 2 - 180
    points = np.stack([grid.latitude, west + (grid.longitude - west) % 360], axis=-1)
    at = RegularGridInterpolator(
        (data["latitude"].values, longitude), held, bounds_error=False, fill_value=0.0
    )
    return at(points).astype(np.float32)


def read(path: Path) -> xr.Dataset:
    """Read HYSPLIT's binary concentrations (``cdump``), packed or not.

    The file holds big-endian Fortran records (User's Guide, section S363): weather model, number of
    releases and packing; each release; the grid; levels; pollutants; and for every sample its
    start, its end, and one field for each pollutant and level.

    Returns
    -------
    Dataset
        ``concentration`` with dims (time, pollutant, level, latitude, longitude) and ``hours``, the
        length of each sample; time is the start, levels are in metres above the ground.

    Raises
    ------
    LatentbookError
        For a file that is missing, or that ends early or holds something else.
    """
    import xarray as xr
    from scipy.io import FortranFile

    try:
        with FortranFile(path, "r", header_dtype=">u4") as file:
            return _dataset(xr, lambda: file.read_record("u1").tobytes())
    except FileNotFoundError:
        raise LatentbookError(f"there is no {path}: run HYSPLIT first") from None
    except (ValueError, TypeError, IndexError, OverflowError, OSError) as error:
        raise LatentbookError(
            f"{path} is not HYSPLIT's binary output, or is cut off ({error}): run HYSPLIT again"
        ) from error


def _dataset(xr: Any, record: Callable[[], bytes]) -> xr.Dataset:
    first = record()
    releases, packed = np.frombuffer(first, ">i4", 2, 24)
    for _ in range(releases):
        record()
    shape = record()
    n_latitude, n_longitude = np.frombuffer(shape, ">i4", 2)
    steps = np.frombuffer(shape, ">f4", 4, 8).astype(float)
    levels = np.frombuffer(record(), ">i4")[1:]
    pollutants = [word.decode() for word in np.frombuffer(record(), "S4", offset=4)]
    begins, ends, samples = [], [], []
    while (start := _next(record)) is not None:
        begins.append(_moment(start))
        ends.append(_moment(record()))
        fields = [
            _field(record(), (n_latitude, n_longitude), bool(packed))
            for _ in range(len(pollutants) * len(levels))
        ]
        samples.append(np.reshape(fields, (len(pollutants), len(levels), *fields[0].shape)))
    if not samples:
        raise ValueError("it has no sample")
    time, end = (np.array(times, "datetime64[ns]") for times in (begins, ends))
    return xr.Dataset(
        {
            "concentration": (
                ("time", "pollutant", "level", "latitude", "longitude"),
                np.stack(samples),
            ),
            "hours": ("time", (end - time) / np.timedelta64(1, "h")),
        },
        {
            "time": time,
            "pollutant": pollutants,
            "level": levels.astype(int),
            "latitude": steps[2] + steps[0] * np.arange(n_latitude),
            "longitude": steps[3] + steps[1] * np.arange(n_longitude),
        },
    )


def _next(record: Callable[[], bytes]) -> bytes | None:
    """Return the next record, None at the end of the file."""
    from scipy.io import FortranEOFError

    try:
        return record()
    except FortranEOFError:
        return None


def _moment(record: bytes) -> np.datetime64:
    """Return the time of a sample; years of two digits are 1940 to 2039."""
    year, month, day, hour, minute = (int(value) for value in np.frombuffer(record, ">i4", 5))
    if year < 100:
        year += 1900 if year >= 40 else 2000
    return np.datetime64(f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}", "ns")


def _field(record: bytes, shape: tuple[int, int], packed: bool) -> np.ndarray:
    """Return one field; a packed one lists its cells, counted from 1 eastward and northward."""
    field = np.zeros(shape, np.float32)
    if not packed:
        field[:] = np.frombuffer(record, ">f4", field.size, 8).reshape(shape)
        return field
    (n,) = np.frombuffer(record, ">i4", 1, 8)
    cells = np.frombuffer(record, [("i", ">i2"), ("j", ">i2"), ("value", ">f4")], n, 12)
    field[cells["j"].astype(int) - 1, cells["i"].astype(int) - 1] = cells["value"]
    return field


def binary() -> Path:
    """Return the path of ``hycs_std``: the environment's HYSPLIT, or the one on the PATH.

    Raises
    ------
    LatentbookError
        If there is none.
    """
    named = os.environ.get("HYSPLIT")
    if named:
        for path in (Path(named), Path(named) / BINARY, Path(named) / "exec" / BINARY):
            if path.is_file() and os.access(path, os.X_OK):
                return path.resolve()
        raise LatentbookError(
            f"HYSPLIT is set to {named}, which is neither {BINARY} nor a folder that holds it"
        )
    found = shutil.which(BINARY)
    if not found:
        raise LatentbookError(
            f"there is no {BINARY} on the PATH: install HYSPLIT from NOAA's Air Resources "
            "Laboratory and set HYSPLIT to its folder, or use the model of this book, disperse"
        )
    return Path(found)


def _degrees(grid: Grid) -> tuple[tuple[float, float], ...]:
    """Return centre, spacing and span (latitude, longitude) of a grid over all cell centres."""
    ny, nx = grid.shape
    middle = grid.longitude[ny // 2, nx // 2]
    longitude = middle + (grid.longitude - middle + 180) % 360 - 180
    west, east = float(longitude.min()), float(longitude.max())
    south, north = float(grid.latitude.min()), float(grid.latitude.max())
    return (
        ((south + north) / 2, (west + east) / 2),
        ((north - south) / (ny - 1), (east - west) / (nx - 1)),
        (north - south, east - west),
    )

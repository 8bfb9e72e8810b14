"""Where the wind carries a release: a Lagrangian particle model on a map.

Particles follow the gridded wind, spread by turbulence, settle on the ground and decay.
The result is how long the activity stayed over each cell, the map that the source estimation of
tsiatsios2019 (section 4.2) compares with readings.
There is one level, no rain and no vertical motion: for those, `hysplit` drives NOAA's model.

References
----------
- tsiatsios2019: Georgios Tsiatsios. Deep learning for clustering of weather and atmospheric
  dispersion features. Master's thesis, University of the Peloponnese and NCSR Demokritos, 2019.
- stein2015hysplit: Ariel F. Stein, Roland R. Draxler, Glenn D. Rolph, Barbara J. B. Stunder, Mark
  D. Cohen, Fong Ngan. NOAA's HYSPLIT atmospheric transport and dispersion modeling system.
  Bulletin of the American Meteorological Society, 2015. https://doi.org/10.1175/BAMS-D-14-00110.1
- iaea2019modaria: International Atomic Energy Agency. Modelling of marine dispersion and transfer
  of radionuclides accidentally released from land based facilities. IAEA, IAEA-TECDOC-1876, 2019.
- chamberlain1966iodine: A. C. Chamberlain, R. C. Chadwick. Transport of iodine from atmosphere to
  ground. Tellus, 1966. https://doi.org/10.1111/j.2153-3490.1966.tb00231.x
- be2008radionuclides: Marie-Martine Bé, Vanessa Chisté, Christophe Dulieu and others. Table of
  radionuclides. Bureau International des Poids et Mesures, Monographie BIPM-5, 2008.
- steele2014splittable: Guy L. Steele, Doug Lea, Christine H. Flood. Fast splittable pseudorandom
  number generators. ACM International Conference on Object Oriented Programming Systems Languages
  and Applications, 2014. https://doi.org/10.1145/2660193.2660195
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable
from sklearn.utils import gen_batches

from latentbook.errors import LatentbookError, check_between, choose
from latentbook.weather import winds
from latentbook.weather.grid import Grid
from latentbook.weather.winds import Wind

DAY = 86_400.0
YEAR = 365.242_198 * DAY

#: Of eddies that the wind fields do not show, in m2 s-1: that of the long-range model LADAS in
#: iaea2019modaria (table 15).
DIFFUSIVITY = 2.5e4
#: Depth over which the activity is mixed, in metres: of a boundary layer by day.
MIXING_HEIGHT = 1000.0

#: Particles that a thread carries at once; their state stays in the cache of a core.
BLOCK = 2000

#: Sums in any order and fused products, but no bets against NaN and infinity.
FAST = {"reassoc", "contract", "nsz", "arcp"}


@dataclass(frozen=True)
class Nuclide:
    """A tracer: how fast it decays (half-life in s) and settles (deposition velocity in m s-1)."""

    name: str
    half_life: float
    deposition_velocity: float


#: Half-lives of the Decay Data Evaluation Project (be2008radionuclides).  Dry deposition:
#: caesium on particles as in both models of iaea2019modaria (table 15), elemental iodine on grass
#: as measured by chamberlain1966iodine.
NUCLIDES = {
    "Cs-137": Nuclide("Cs-137", 30.05 * YEAR, 0.001),
    "I-131": Nuclide("I-131", 8.0233 * DAY, 0.01),
}


@dataclass(frozen=True, eq=False)
class Plumes:
    """What became of each of m releases; made by `disperse`.

    Attributes
    ----------
    concentration : array of float32, shape (m, ny, nx)
        Share of the released activity that is in the air over each cell, integrated over time,
        in hours.
    airborne, deposited, decayed, left : vectors of length m
        Shares of the released activity: in the air and on the ground at the end, decayed in
        either, and carried out of the domain (as it was then). They add up to one.
    """

    concentration: np.ndarray
    airborne: np.ndarray
    deposited: np.ndarray
    decayed: np.ndarray
    left: np.ndarray


def disperse(
    wind: Wind,
    release: np.ndarray,
    start: Any,
    *,
    hours: float = 48.0,
    particles: int = 2000,
    dt: float = 900.0,
    diffusivity: float = DIFFUSIVITY,
    nuclide: str | Nuclide = "Cs-137",
    mixing_height: float = MIXING_HEIGHT,
    release_hours: float = 1.0,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> Plumes:
    """Carry releases with the wind, each on its own.

    Parameters
    ----------
    wind
        Shared by all releases.
    release : array of shape (m, 2) or (2,)
        Longitude and latitude of each, in degrees.
    start : one or m time indices or datetimes
        When each begins; datetimes may lie between the fields.
    hours
        How long each is followed.
    particles
        For each release.
    dt
        Longest time step in seconds; shortened so that it divides `hours`.
    diffusivity
        Of horizontal turbulence, in m2 s-1.
    nuclide
        ``Cs-137``, ``I-131``, or one's own.
    mixing_height
        In metres; the air below it loses ``deposition velocity / mixing_height`` of its activity
        a second to the ground.
    release_hours
        How long the release lasts, at a constant rate; 0 for all at once. HYSPLIT's default.
    seed
        Of the turbulence. A plume depends on the seed and on what describes its own release, and
        neither on the other releases of the call nor on the number of threads.
    threads
        Default: those of numba.
    progress
        Show a bar.

    Raises
    ------
    LatentbookError
        For a release outside the domain, too late for `hours` of wind, or across a gap between
        the fields; for an unknown nuclide, no particles, or another setting out of range.

    Notes
    -----
    Advection is Heun's second-order step, as in HYSPLIT (stein2015hysplit), on
    fields that are linear in time and bilinear in space; turbulence is a random displacement of
    variance ``2 K dt`` each way, of uniform numbers, whose sum over the steps is Gaussian. On a
    box, whose degrees narrow, its mean shift keeps a well-mixed tracer well mixed. Decay and
    deposition are exact over a step. The activity of a step is counted where its middle lies; a
    particle beyond the outer edge of a cell is gone for good.
    """
    tracer = find_nuclide(nuclide)
    places = check_inside(wind.grid, release)
    begin = _begin(wind, start, len(places), hours)
    check_between("number of particles", particles, 1, 10**9)
    check_between("mixing height in metres", mixing_height, 1, 1e5)
    check_between("release in hours", release_hours, 0, hours)
    steps, step = _steps(hours, dt)
    carry = _carrier(wind, steps, step, diffusivity)
    lasting = round(release_hours * 3600 / step)
    born = (np.arange(particles) * lasting // particles).astype(np.int64)
    decay, deposition = np.log(2) / tracer.half_life, tracer.deposition_velocity / mixing_height
    keys = _keys(seed, release, wind.times[0], begin)

    def one(task: tuple[int, slice]) -> tuple[np.ndarray, np.ndarray]:
        r, block = task
        own = born[block]
        place = np.repeat(places[r : r + 1], len(own), axis=0)
        streams = _mix(keys[r] + np.arange(block.start, block.stop, dtype=np.uint64) * GOLDEN)
        held, balance, _ = carry(begin[r], place, streams, own, decay, deposition)
        return held / particles, balance / particles

    m = len(places)
    concentration = np.zeros((m, *wind.grid.shape), np.float32)
    balance = np.zeros((m, 4))
    tasks = [(r, block) for r in range(m) for block in gen_batches(particles, BLOCK)]
    for (r, _), (held, shares) in zip(tasks, _parallel(one, tasks, threads, progress), strict=True):
        concentration[r] += held
        balance[r] += shares
    return Plumes(concentration, *balance.T.copy())


def follow(
    wind: Wind,
    release: np.ndarray,
    start: Any,
    *,
    hours: float = 48.0,
    dt: float = 900.0,
    diffusivity: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """Return where particles are after a while, one from each place, all started together.

    Parameters
    ----------
    wind, hours, dt, diffusivity, seed
        As in `disperse`; without turbulence unless a diffusivity is given.
    release : array of shape (m, 2)
        Longitude and latitude of each, in degrees.
    start : time index or datetime

    Returns
    -------
    array of shape (m, 2)
        Longitude and latitude in degrees; NaN for a particle that has left the domain.

    Raises
    ------
    LatentbookError
        As `disperse`.
    """
    places = check_inside(wind.grid, release)
    begin = _begin(wind, start, 1, hours)
    keys = _keys(seed, release, wind.times[0], np.repeat(begin, len(places)))
    streams = _mix(keys + np.arange(len(places), dtype=np.uint64) * GOLDEN)
    carry = _carrier(wind, *_steps(hours, dt), diffusivity)
    born = np.zeros(len(places), np.int64)
    _, _, ends = carry(begin[0], places, streams, born, 0.0, 0.0)
    grid = wind.grid
    size = grid.x[1] - grid.x[0], grid.y[1] - grid.y[0]
    x, y = grid.x[0] + ends[:, 0] * size[0], grid.y[0] + ends[:, 1] * size[1]
    inside = np.isfinite(x)
    result = np.full((len(places), 2), np.nan)
    result[inside] = np.stack(grid.unproject(x[inside], y[inside]), axis=1)
    return result


def find_nuclide(nuclide: str | Nuclide) -> Nuclide:
    """Return one of `NUCLIDES` by its name, or one's own as it is.

    Raises
    ------
    LatentbookError
        For an unknown name.
    """
    if isinstance(nuclide, Nuclide):
        return nuclide
    return NUCLIDES[choose("nuclide", nuclide, NUCLIDES)]


def check_inside(grid: Grid, release: np.ndarray) -> np.ndarray:
    """Return releases (longitude, latitude) as (x, y) in cells, of shape (m, 2).

    Raises
    ------
    LatentbookError
        If one lies outside the cells of `grid`.
    """
    release = np.atleast_2d(np.asarray(release, np.float64))
    if release.ndim != 2 or release.shape[1] != 2 or not len(release):
        raise LatentbookError(
            f"release has shape {release.shape}: give a longitude and a latitude for each"
        )
    size = np.array([grid.x[1] - grid.x[0], grid.y[1] - grid.y[0]])
    x, y = grid.project(release[:, 0], release[:, 1])
    places = (np.stack([x, y], axis=1) - [grid.x[0], grid.y[0]]) / size
    inside = ((places >= -0.5) & (places < np.array(grid.shape[::-1]) - 0.5)).all(axis=1)
    if not inside.all():
        (longitude, latitude), (column, row) = release[~inside][0], places[~inside][0]
        raise LatentbookError(
            f"the release at longitude {longitude:g}, latitude {latitude:g} lies outside the grid "
            f"{grid.name}: it would be in column {column:.0f} and row {row:.0f} of {grid.shape[1]} "
            f"by {grid.shape[0]} cells"
        )
    return places


def _begin(wind: Wind, start: Any, m: int, hours: float) -> np.ndarray:
    """Return when each release begins, in seconds from the first field."""
    start = np.asarray(start)
    if start.ndim > 1 or start.size not in (1, m):
        raise LatentbookError(f"{start.size} starts do not fit {m} releases: give one, or {m}")
    if np.issubdtype(start.dtype, np.integer):
        for index in (start.min(), start.max()):
            check_between("start, an index of times,", index, 0, len(wind.times) - 1)
        begin = wind.seconds[start]
    elif np.issubdtype(start.dtype, np.datetime64) and not np.isnat(start).any():
        begin = (start - wind.times[0]) / np.timedelta64(1, "s")
    else:
        raise LatentbookError(
            f"starts of type {start.dtype} are unknown or not all there: give indices of times, "
            "or datetimes"
        )
    check_between("number of hours", hours, 1e-3, 1e5)
    begin = np.broadcast_to(begin, m).astype(np.float64)
    _check_covered(wind, begin, begin + hours * 3600, hours)
    return begin


def _check_covered(wind: Wind, begin: np.ndarray, end: np.ndarray, hours: float) -> None:
    def when(seconds: float) -> str:
        return winds.hour(wind.times[0] + np.timedelta64(round(seconds), "s"))

    bad = (begin < 0) | (end > wind.seconds[-1])
    if bad.any():
        last = wind.seconds[-1] - hours * 3600
        allowed = (
            f"release between {when(0)} and {when(last)}"
            if last >= 0
            else f"the wind covers only {wind.seconds[-1] / 3600:g} hours"
        )
        raise LatentbookError(
            f"a release at {when(begin[bad][0])} needs {hours:g} hours of wind: {allowed}"
        )
    gap = np.diff(wind.seconds) > 1.5 * np.median(np.diff(wind.seconds))
    before = np.append(0, np.cumsum(gap))
    first = np.searchsorted(wind.seconds, begin, side="right") - 1
    last_field = np.searchsorted(wind.seconds, end, side="left")
    across = before[last_field] > before[first]
    if across.any():
        raise LatentbookError(
            f"fields are missing within {hours:g} hours of the release at {when(begin[across][0])}:"
            " release elsewhere in the record, or fill the gap"
        )


def _steps(hours: float, dt: float) -> tuple[int, float]:
    """Return the number of time steps and their length in seconds, at most `dt`."""
    check_between("time step in seconds", dt, 1, 6 * 3600)
    steps = int(np.ceil(hours * 3600 / dt - 1e-9))
    return steps, hours * 3600 / steps


def _parallel(
    function: Callable[[Any], Any], tasks: list[Any], threads: int | None, progress: bool
) -> Iterator[Any]:
    """Yield the results in the order of the tasks; the compiled code runs without the GIL."""
    from tqdm import tqdm

    if threads is None:
        threads = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    check_between("number of threads", threads, 1, 1024)
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(function, tasks)
        yield from tqdm(results, total=len(tasks), unit="block", disable=not progress)


def _carrier(
    wind: Wind, steps: int, dt: float, diffusivity: float
) -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return the function that carries one block of particles; what blocks share is done once."""
    check_between("diffusivity in m2 s-1", diffusivity, 0, 1e7)
    ny, nx = wind.grid.shape
    velocity = np.ascontiguousarray(wind.velocity, np.float32).reshape(len(wind.times), -1)
    scale, drift = _turbulence(wind.grid)
    spread = (np.sqrt(2 * diffusivity * dt) * scale).astype(np.float32).reshape(-1)
    shift = (0.5 * dt * diffusivity * drift).astype(np.float32).reshape(-1)

    def carry(
        begin: float,
        places: np.ndarray,
        streams: np.ndarray,
        born: np.ndarray,
        decay: float,
        deposition: float,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        held, balance = np.zeros(ny * nx), np.zeros(4)
        ends = np.full((len(places), 2), np.nan)
        _carry(
            velocity, wind.seconds, begin, steps, dt, nx, places, streams, born, spread, shift,
            decay, deposition, held, balance, ends,
        )  # fmt: skip
        return held.reshape(ny, nx), balance, ends

    return carry


def _turbulence(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return how diffusion looks on the map: cells per metre, and the mean shift it needs.

    With the metric ``G = J J^T``, which is diagonal on these orthogonal maps, a tracer spreads as
    ``sqrt(det G) d_i (G_ii / sqrt(det G) d_i .)``: the shift is the derivative of the coefficient.
    It vanishes on a conformal map.

    Returns
    -------
    two arrays of shape (ny, nx, 2)
        The root of the diagonal of G, and the shift per diffusivity, in cells m-2.
    """
    metric = np.square(winds.cells_per_metre(grid)).sum(axis=1)
    root = np.sqrt(metric[0] * metric[1])
    shift = [root * np.gradient(metric[i] / root, axis=1 - i) for i in (0, 1)]
    return np.stack(list(np.sqrt(metric)), axis=-1), np.stack(shift, axis=-1)


GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@register_jitable
def _mix(z):  # type: ignore[no-untyped-def]
    """Scramble 64 bits: what counts up becomes random numbers (steele2014splittable)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _keys(seed: int, release: np.ndarray, first: np.datetime64, begin: np.ndarray) -> np.ndarray:
    """Return a random number for each release, from the seed, the place and the time."""
    check_between("seed", seed, 0, 2**63)
    release = np.atleast_2d(np.asarray(release, np.float64)) + 0.0  # no -0.0, whose bits differ
    start = first.astype("datetime64[ns]").astype(np.int64) + (begin * 1e9).astype(np.int64)
    key = np.full(len(release), seed, np.uint64)
    for part in (release[:, 0].copy(), release[:, 1].copy(), start):
        key = _mix((key + GOLDEN) ^ part.view(np.uint64))
    return key


@numba.njit(nogil=True, cache=True, fastmath=FAST)
def _field_at(velocity, seconds, time, factor, shift, out):  # type: ignore[no-untyped-def]
    """Write ``factor * velocity + shift`` at a time, linear between the fields, into `out`."""
    i = np.searchsorted(seconds, time, side="right") - 1
    i = min(max(i, 0), len(seconds) - 2)
    along = (time - seconds[i]) / (seconds[i + 1] - seconds[i])
    before, after = np.float32((1.0 - along) * factor), np.float32(along * factor)
    for c in range(out.size):
        out[c] = before * velocity[i, c] + after * velocity[i + 1, c] + shift[c]


@numba.njit(fastmath=FAST)
def _bilinear(field, x, y, ny, nx):  # type: ignore[no-untyped-def]
    """Return both components at a point in cells; constant beyond the outermost centres."""
    x, y = min(max(x, 0.0), nx - 1.0), min(max(y, 0.0), ny - 1.0)
    i, j = min(int(x), nx - 2), min(int(y), ny - 2)
    one = np.float32(1.0)  # single precision from here on: a displacement is exact to millimetres
    e, n = np.float32(x - i), np.float32(y - j)
    sw, se, nw, ne = (one - e) * (one - n), e * (one - n), (one - e) * n, e * n
    below = 2 * (j * nx + i)
    above = below + 2 * nx
    along = sw * field[below] + se * field[below + 2] + nw * field[above] + ne * field[above + 2]
    below, above = below + 1, above + 1
    up = sw * field[below] + se * field[below + 2] + nw * field[above] + ne * field[above + 2]
    return along, up


@numba.njit(fastmath=FAST)
def _cell(x, y, ny, nx):  # type: ignore[no-untyped-def]
    """Return the number of the cell round a point, the nearest one for a point outside."""
    i, j = min(max(int(x + 0.5), 0), nx - 1), min(max(int(y + 0.5), 0), ny - 1)
    return j * nx + i


@numba.njit(nogil=True, cache=True, fastmath=FAST)
def _move(x, y, cell, key, n, now, then, spread, step, ny, nx):  # type: ignore[no-untyped-def]
    """Move n particles by one step; `now` and `then` are half displacements at its two ends."""
    turbulent = spread[0] > 0.0
    unit = np.float32(np.sqrt(3.0) / 2.0**31)  # of uniform numbers with variance one
    for p in range(n):
        a_x, a_y = _bilinear(now, x[p], y[p], ny, nx)
        b_x, b_y = _bilinear(then, x[p] + 2.0 * a_x, y[p] + 2.0 * a_y, ny, nx)
        d_x, d_y = a_x + b_x, a_y + b_y
        if turbulent:
            bits = _mix(key[p] + step)
            here = 2 * _cell(x[p], y[p], ny, nx)
            d_x += spread[here] * (unit * np.float32(np.int32(bits >> np.uint64(32))))
            d_y += spread[here + 1] * (unit * np.float32(np.int32(bits & np.uint64(0xFFFFFFFF))))
        cell[p] = _cell(x[p] + 0.5 * d_x, y[p] + 0.5 * d_y, ny, nx)
        x[p] += d_x
        y[p] += d_y


@numba.njit(nogil=True, cache=True, fastmath=FAST)
def _carry(  # type: ignore[no-untyped-def]
    velocity, seconds, begin, steps, dt, nx, places, streams, born, spread, shift, decay,
    deposition, held, balance, ends,
):  # fmt: skip
    """Carry one block of particles; each stands for one unit of activity when it is born.

    Activity is ``weight exp(-loss t)``: all particles of an age lose alike, so only the common
    factor changes. `held` collects hours for each cell, `balance` the shares of `Plumes`.
    """
    ny = held.size // nx
    x, y, weight = np.empty(len(born)), np.empty(len(born)), np.empty(len(born))
    key, number = np.empty_like(streams), np.empty_like(born)
    cell = np.empty_like(born)
    now, then = np.empty_like(shift), np.empty_like(shift)
    loss = decay + deposition
    integral = (-np.expm1(-loss * dt) / loss if loss > 0.0 else dt) / 3600.0
    air, ground, decayed, left = 0.0, 0.0, 0.0, 0.0
    n, released = 0, 0
    _field_at(velocity, seconds, begin, 0.5 * dt, shift, now)
    for k in range(steps):
        while released < len(born) and born[released] <= k:
            x[n], y[n] = places[released]
            key[n], number[n], weight[n] = streams[released], released, np.exp(loss * k * dt)
            n, released = n + 1, released + 1
        _field_at(velocity, seconds, begin + (k + 1) * dt, 0.5 * dt, shift, then)
        _move(x, y, cell, key, n, now, then, spread, np.uint64(k) * GOLDEN, ny, nx)
        factor = np.exp(-loss * k * dt)
        air = 0.0
        for p in range(n):
            air += weight[p]
            held[cell[p]] += weight[p] * factor * integral
        air *= factor
        decayed -= (air + ground) * np.expm1(-decay * dt)
        ground = (ground - air * np.expm1(-deposition * dt)) * np.exp(-decay * dt)
        factor = np.exp(-loss * (k + 1) * dt)
        air, p = 0.0, 0
        while p < n:
            if -0.5 <= x[p] < nx - 0.5 and -0.5 <= y[p] < ny - 0.5:
                air += weight[p] * factor
                p += 1
            else:
                left += weight[p] * factor
                n -= 1
                x[p], y[p], key[p] = x[n], y[n], key[n]
                number[p], weight[p] = number[n], weight[n]
        now, then = then, now
    for p in range(n):
        ends[number[p], 0], ends[number[p], 1] = x[p], y[p]
    balance[:] = air, ground, decayed, left

"""Which site released? How probable the readings are, in place of their cosine with plumes.

A plume of a site in a window of weather says where radiation is likely to be found. The readings of
an event then have a probability for every site and window, and windows that may be like the event's
weather are averaged with weights.
`source` draws the readings, `analogues` makes the weights, `calibration` asks whether the
probabilities of sites come true.

Notes
-----
With readings ``c_1 ... c_n``, windows ``w`` of weight ``a_w``, and all sites ``s`` equally likely
before,

``p(s | c) ~ sum_w a_w prod_i p(c_i | w, s)``.

A network of fixed stations also says where nothing arrived: its factors are ``q`` at a station that
detects and ``1 - q`` at one that does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from scipy.ndimage import gaussian_filter
from scipy.special import logsumexp
from sklearn.utils import gen_batches

from latentbook.errors import LatentbookError, check_between
from latentbook.weather import source

#: Width in cells of the Gaussian that a training plume is blurred by: no plume comes twice.
WIDTH = 1.0
#: Probability of a reading in a cell that a plume does not reach, or of a wrong one at a station.
FLOOR = 1e-6
ERROR = 0.01
#: Windows whose plumes are blurred at once.
BLOCK = 32


@dataclass(frozen=True, eq=False)
class Table:
    """Log probabilities of what is seen at every place, for plumes of windows and sites.

    Attributes
    ----------
    values : array of float32, shape (n_places, n_windows, n_sites)
        What a detection at a place adds to the log likelihood.
    constant : array of float32, shape (n_windows, n_sites)
        The log likelihood of no detection at all.
    """

    values: np.ndarray
    constant: np.ndarray

    @property
    def n_sites(self) -> int:
        """Number of candidate sites."""
        return self.constant.shape[1]


def of_readings(
    plumes: np.ndarray,
    *,
    width: float = WIDTH,
    floor: float = FLOOR,
    detection: float = source.DETECTION,
) -> Table:
    """Return the table for readings that are taken where something arrives.

    A reading lies in any of the cells that a plume reaches with the same probability; the map of
    these cells is blurred, divided by its sum, and raised by `floor`.

    Parameters
    ----------
    plumes : array of shape (n_windows, n_sites, ny, nx)
        Time-integrated concentrations.
    width : float, default=1.0
        Of the blur, in cells.
    floor : float, default=1e-6
        Probability of a reading anywhere.
    detection : float, default=1e-3
        As in `source.draw`.
    """
    check_between("floor", floor, 1e-12, 0.1)
    n_windows, n_sites, ny, nx = plumes.shape
    values = np.empty((ny * nx, n_windows, n_sites), np.float32)
    for block, blurred in _blurred(plumes, width, detection):
        total = blurred.sum(axis=2, keepdims=True)
        share = np.divide(blurred, total, out=np.zeros_like(blurred), where=total > 0)
        values[:, block] = np.log(share + floor).transpose(2, 0, 1)
    return Table(values, np.zeros((n_windows, n_sites), np.float32))


def of_stations(
    plumes: np.ndarray,
    stations: np.ndarray,
    *,
    width: float = WIDTH,
    error: float = ERROR,
    detection: float = source.DETECTION,
) -> Table:
    """Return the table for a fixed network, where a station that detects nothing counts as well.

    Parameters
    ----------
    plumes, width, detection
        As in `of_readings`.
    stations : array of int, shape (n_stations,)
        Cells, counted row by row.
    error : float, default=0.01
        Probability that a station is wrong where the blurred plume is certain.
    """
    check_between("error", error, 1e-6, 0.4)
    n_windows, n_sites = plumes.shape[:2]
    values = np.empty((len(stations), n_windows, n_sites), np.float32)
    constant = np.empty((n_windows, n_sites), np.float32)
    for block, blurred in _blurred(plumes, width, detection):
        sees = error + (1 - 2 * error) * blurred[..., stations]
        values[:, block] = np.log(sees / (1 - sees)).transpose(2, 0, 1)
        constant[block] = np.log1p(-sees).sum(axis=2)
    return Table(values, constant)


def _blurred(plumes: np.ndarray, width: float, detection: float):  # type: ignore[no-untyped-def]
    """Yield blocks of windows with the blurred maps of the cells that their plumes reach."""
    check_between("width of the blur in cells", width, 0, max(plumes.shape[2:]))
    shape = plumes.shape[2:]
    for block in gen_batches(len(plumes), BLOCK):
        part = plumes[block]
        reached = source.reached_cells(part.reshape(-1, *shape), detection)
        maps = reached.reshape(part.shape).astype(np.float32)
        if width:
            maps = gaussian_filter(maps, (0, 0, width, width), mode="constant")
        yield block, maps.reshape(*part.shape[:2], -1)


def seen(places: np.ndarray, n_places: int) -> scipy.sparse.csr_array:
    """Return what is detected where, as a sparse matrix of shape (n_events, n_places).

    Parameters
    ----------
    places : array of int, shape (n_events, n)
        Cells that were read, -1 for none, as `source.draw` returns them.
    n_places : int
        Number of cells.
    """
    there = places >= 0
    rows, _ = np.nonzero(there)
    ones = np.ones(len(rows), np.float32)
    return scipy.sparse.csr_array(
        (ones, (rows, places[there])), shape=(len(places), n_places), dtype=np.float32
    )


def posterior(
    detected: scipy.sparse.csr_array,
    group: np.ndarray,
    table: Table,
    weights: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Return the log probability of every site, for each way to weigh the windows.

    Parameters
    ----------
    detected : sparse matrix of shape (n_events, n_places)
        As `seen` returns it.
    group : array of int, shape (n_events,)
        Row of `weights` that holds for each event: events of one window of weather share it.
    table : Table
        Of the windows that are averaged.
    weights : mapping of str to array of shape (n_groups, n_windows)
        Not negative; those of a row that are zero cost nothing.

    Returns
    -------
    dict of str to array of float64, shape (n_events, n_sites)
        The same keys as `weights`.

    Raises
    ------
    LatentbookError
        For weights of another shape, or a row of them that is all zero.
    """
    n_windows = len(table.constant)
    chosen: dict[str, list[np.ndarray]] = {}
    for name, weight in weights.items():
        if weight.ndim != 2 or weight.shape[1] != n_windows or group.max() >= len(weight):
            raise LatentbookError(
                f"weights {name!r} of shape {weight.shape} do not fit {group.max() + 1} groups of "
                f"events and {n_windows} windows: give each group a row, and each window a column"
            )
        if (weight < 0).any() or not (weight.sum(axis=1) > 0).all():
            raise LatentbookError(
                f"weights {name!r} have a row without a positive entry, or a negative entry: "
                "every event needs at least one window"
            )
        chosen[name] = [np.flatnonzero(row) for row in weight]
    found = {name: np.empty((len(group), table.n_sites)) for name in weights}
    flat = table.values.reshape(len(table.values), -1)
    for one in np.unique(group):
        events = np.flatnonzero(group == one)
        logs = (detected[events] @ flat).reshape(len(events), n_windows, -1) + table.constant
        for name, weight in weights.items():
            near = chosen[name][one]
            part = logs[:, near] + np.log(weight[one, near], dtype=np.float64)[:, None]
            found[name][events] = normalised(logsumexp(part, axis=1))
    return found


def of_own_window(detected: scipy.sparse.csr_array, window: np.ndarray, table: Table) -> np.ndarray:
    """Return the log probability of every site where the weather of each event is known.

    Parameters
    ----------
    detected : sparse matrix of shape (n_events, n_places)
    window : array of int, shape (n_events,)
        Window of `table` that each event happened in.
    table : Table

    Returns
    -------
    array of float64, shape (n_events, n_sites)
    """
    logs = table.constant[window].astype(np.float64)
    for one in np.unique(window):
        events = np.flatnonzero(window == one)
        logs[events] += detected[events] @ table.values[:, one]
    return normalised(logs)


def normalised(logs: np.ndarray) -> np.ndarray:
    """Return log weights of shape (m, n_sites) as log probabilities, whose sum over sites is 1."""
    return np.asarray(logs - logsumexp(logs, axis=1, keepdims=True))

"""The rows of a table from the strangest to the most normal, with what is odd in each.

`rank` scores all rows by the bound of a network; `reasons` turns any score into a ranking;
`write_ranking` makes a CSV file of it.
Encoding the table is left to `latentbook.tabular`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from latentbook import files
from latentbook.anomaly import ranking
from latentbook.chapters.latent_anomalies.spaces import Space
from latentbook.errors import LatentbookError, check_matrix
from latentbook.tabular import Table


def rank(space: Space, table: Table) -> pd.DataFrame:
    """Rank all rows of a table by the bound of the network, and say what is odd in each.

    The score is the bound on log p(x|y) for the row's own class: low for a row that is strange
    altogether, and for one that is strange for its class.

    Parameters
    ----------
    space : Space
        Of the table's matrix, by a network.
    table : tabular.Table

    Returns
    -------
    DataFrame
        As from `reasons`; ``part`` says whether the network has learned from the row.

    Raises
    ------
    LatentbookError
        For a space that no network has shaped.
    """
    if space.terms is None or space.reconstruct is None:
        raise LatentbookError(f"{space.title} is no network: rank by a VAE, a CL-VAE or a CVAE")
    x, y = space.data.x, space.data.y
    terms, z = space.terms(x, y), space.encode(x, y)
    means = space.means
    if means is None or len(means) < 2:
        means = np.stack([z[y == c].mean(axis=0) for c in range(len(space.data.classes))])
    ranked = reasons(
        table,
        np.arange(len(x)),
        scores=-(terms["reconstruction"] + terms["kl"]),
        z=z,
        means=means,
        reconstruction=space.reconstruct(x, y),
    )
    part = {
        row: name for name, where in vars(space.rows).items() for row in space.data.index[where]
    }
    ranked.insert(3, "part", ranked["row"].map(part))
    return ranked


def reasons(
    table: Table,
    rows: np.ndarray,
    *,
    scores: np.ndarray,
    z: np.ndarray,
    means: np.ndarray,
    reconstruction: np.ndarray,
) -> pd.DataFrame:
    """Return rows of a table from the most anomalous to the most normal, with what is odd in each.

    Parameters
    ----------
    rows : vector of n positions in ``table.data``
        The rows that were scored.
    scores : vector of length n
        Higher for more normal rows, as from `anomaly.Detector.score_samples`.
    z : array of shape (n, n_latent)
        Codes of the rows.
    means : array of shape (n_classes, n_latent)
        Means of the classes' priors; of a model without them, of the codes of each class.
    reconstruction : array of shape (n, number of columns of the matrix)

    Returns
    -------
    DataFrame
        ``rank`` from 1; ``row`` in the file (the first below the header is 0); ``score``;
        ``class`` and ``nearest class`` in the latent space, with the distance to the mean of each;
        ``reconstruction error`` (squared, summed); ``worst column`` of the table, its ``value``,
        the value ``expected`` by the network and the ``share`` of the error that is there; then
        the columns of the table, with " (table)" after a name that is already taken.

    Raises
    ------
    LatentbookError
        If numbers of rows, classes or columns do not fit together, or for NaN.
    """
    rows = np.asarray(rows)
    order = ranking(scores)
    x, classes = table.data.x[rows], np.array(table.data.classes, dtype=object)
    check_matrix(z, "z")
    check_matrix(means, "means")
    if not len(rows) == len(scores) == len(z) == len(reconstruction):
        raise LatentbookError(
            f"there are {len(rows)} rows, but {len(scores)} scores, {len(z)} codes and "
            f"{len(reconstruction)} reconstructions"
        )
    if means.shape != (len(classes), z.shape[1]):
        raise LatentbookError(
            f"means must have shape (n_classes, n_latent) = {(len(classes), z.shape[1])}, but have "
            f"{means.shape}: without priors of classes, take the mean code of each class"
        )
    distances = np.linalg.norm(z[:, None].astype(np.float64) - means[None], axis=2)
    own, nearest = table.data.y[rows], distances.argmin(axis=1)
    errors = table.encoder.column_errors(x, reconstruction)
    total, worst = errors.sum(axis=1).to_numpy(), errors.to_numpy().argmax(axis=1)
    each = np.arange(len(rows))
    frame = table.frame.iloc[rows].reset_index(drop=True)
    expected = table.encoder.inverse_transform(reconstruction)
    columns = errors.columns.to_numpy()[worst]
    ranked = pd.DataFrame(
        {
            "row": table.data.index[rows],
            "score": scores,
            "class": classes[own],
            "nearest class": classes[nearest],
            "distance to class": distances[each, own],
            "distance to nearest": distances[each, nearest],
            "reconstruction error": total,
            "worst column": columns,
            "value": _looked_up(frame, columns),
            "expected": _looked_up(expected, columns),
            "share": errors.to_numpy()[each, worst] / np.where(total > 0, total, 1),
        }
    )
    frame = frame.rename(columns={c: f"{c} (table)" for c in ("rank", *ranked) if c in frame})
    ranked = pd.concat([ranked, frame], axis=1).iloc[order].reset_index(drop=True)
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    return ranked


def _looked_up(frame: pd.DataFrame, columns: np.ndarray) -> np.ndarray:
    """Return the value of each row in the column named for it; None where there is no such."""
    values = np.full(len(frame), None, dtype=object)
    for name in set(columns) & set(frame.columns):
        where = columns == name
        values[where] = frame[name].astype(object).to_numpy()[where]
    return values


def write_ranking(ranked: pd.DataFrame, path: str | Path) -> None:
    """Write the rows of `reasons` as CSV in UTF-8, all or nothing.

    Raises
    ------
    LatentbookError
        If the folder cannot be written.
    """
    with files.atomic(Path(path)) as scratch:
        ranked.to_csv(scratch, index=False, encoding="utf-8", lineterminator="\n")

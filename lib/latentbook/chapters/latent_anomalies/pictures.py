"""Small arrays of a space that the figures of the chapter are drawn from.

A full-scale run with seed 0 keeps them beside the records; drawing is left to `figures`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.decomposition import PCA

from latentbook import anomaly, plots, sampling
from latentbook.chapters.latent_anomalies.clusterings import Curves
from latentbook.chapters.latent_anomalies.spaces import Space
from latentbook.study import figure_arrays

#: Most anomalous images that are marked, as in figure 5 of the paper.
EXTREMES = 15
#: Misclassified images of each space.
MISTAKES = 20


def pictures(
    space: Space,
    curves: Curves,
    normality: np.ndarray,
    *,
    share: float,
    before: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return what the figures need of one space, in small types; tables have no pictures of rows.

    Parameters
    ----------
    space : Space
        One of more than two dimensions is drawn on its main plane.
    curves : Curves
    normality : vector of length n_test
        Scores of the detector whose most anomalous images are drawn.
    share : float
        Of the test images that are called anomalous.
    before : dict, default=None
        Arrays of other spaces of the same images, whose titles come first.
    """
    data, test, title = space.data, space.rows.test, space.title
    rows = sampling.subsample(len(test))
    y, index, plane = data.y[test], test[rows], _plane(space)
    counts = np.bincount(y, minlength=len(data.classes))
    marked = np.bincount(y[anomaly.anomalies(normality, share)], minlength=len(data.classes))
    best = int(curves.v_measure(y, "mixture").argmax())
    labels = curves.labels["mixture"][best].astype(np.int64)
    extreme = anomaly.ranking(normality[rows])[:EXTREMES]
    titles = [*(before or {}).get("titles", ()), title]
    arrays: dict[str, np.ndarray] = {
        "index": index.astype(np.int32),
        "classes": y[rows].astype(np.int16),
        "titles": np.array(titles),
        "true shares": counts / counts.sum(),
        f"z {title}": plane(space.z["test"][rows]).astype(np.float16),
        f"clusters {title}": plots.aligned(y, labels)[rows].astype(np.int16),
        f"extreme {title}": extreme.astype(np.int32),
        f"shares {title}": marked / max(1, marked.sum()),
    }
    if not before:
        arrays["deviation"] = _deviation(space, index).astype(np.float16)
    if data.x.ndim == 4:
        wrong, cluster_class = mistakes(y, labels, random_state=space.random_state)
        arrays |= {
            f"extreme images {title}": figure_arrays.thumbnails(data.x[index[extreme]]),
            f"mistakes {title}": figure_arrays.thumbnails(data.x[test[wrong]]),
            f"mistaken {title}": np.stack([y[wrong], cluster_class]).astype(np.int8),
        }
    if space.means is not None and len(space.means) > 1:
        arrays[f"means {title}"] = plane(space.means).astype(np.float32)
    return arrays


def _plane(space: Space) -> Callable[[np.ndarray], np.ndarray]:
    """Return the map to two dimensions: none, or the main axes of the test codes."""
    if space.z["test"].shape[1] == 2:
        return lambda z: z
    return PCA(2).fit(space.z["test"]).transform


def _deviation(space: Space, index: np.ndarray) -> np.ndarray:
    """Return the root mean square difference between each image and the mean of its class."""
    data, fit = space.data, space.rows.fit
    classes = range(len(data.classes))
    means = np.stack([data.flat[fit[data.y[fit] == c]].mean(axis=0) for c in classes])
    return np.sqrt(((data.flat[index] - means[data.y[index]]) ** 2).mean(axis=1))


def mistakes(
    y: np.ndarray, labels: np.ndarray, *, random_state: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return a sample of rows whose class is not the most frequent one of their cluster.

    Returns
    -------
    positions, and the most frequent classes of their clusters, vectors of equal length
    """
    clusters, codes = np.unique(labels, return_inverse=True)
    most = np.array([np.bincount(y[codes == c]).argmax() for c in range(len(clusters))])[codes]
    wrong = np.flatnonzero(most != y)
    wrong = wrong[sampling.subsample(len(wrong), MISTAKES, random_state)]
    return wrong, most[wrong]

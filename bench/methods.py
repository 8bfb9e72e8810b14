"""Time the methods that the chapters lean on, at 70,000 points, each against its budget.

    python bench/methods.py            # everything that takes seconds
    python bench/methods.py tsne       # t-SNE of all 70,000 MNIST images: minutes

Needs the MNIST file (``latentbook data fetch mnist``) for HDBSCAN, UMAP and t-SNE; without it
they print ``not available``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

from latentbook import clustering, datasets, embed, metrics
from latentbook.errors import LatentbookError
from latentbook.study import provenance

N = 70_000


def report(name: str, seconds: float, budget: str) -> None:
    """Print one line: what, how long, and the budget."""
    print(f"{name:<55} {seconds:10.4f} s   budget {budget}", flush=True)


def best_of(repeats: int, function: Callable[[], object]) -> float:
    """Return the shortest processor time of several calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def accuracy_by_loop(y: np.ndarray, labels: np.ndarray) -> float:
    """Compute clustering accuracy as public scripts do: a Python loop over pairs of labels."""
    size = max(y.max(), labels.max()) + 1
    table = np.zeros((size, size), dtype=np.int64)
    for cluster, true in zip(labels, y, strict=True):
        table[cluster, true] += 1
    return table[linear_sum_assignment(table, maximize=True)].sum() / len(y)


def scores() -> None:
    """Time all external scores, the sampled silhouette, and accuracy against a loop."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, N)
    labels = np.where(rng.random(N) < 0.3, rng.integers(0, 10, N), y)
    report("all scores", best_of(3, lambda: metrics.clustering_scores(y, labels)), "1 s each")
    x = rng.random((N, 784), dtype=np.float32)
    report("silhouette, 5,000 sampled", best_of(1, lambda: metrics.silhouette(x, labels)), "none")
    fast = best_of(9, lambda: metrics.accuracy(y, labels))
    slow = best_of(3, lambda: accuracy_by_loop(y, labels))
    assert metrics.accuracy(y, labels) == accuracy_by_loop(y, labels)
    report("accuracy", fast, "1 s")
    report("accuracy by a loop over pairs", slow, f"at least 50 x: {slow / fast:.0f} x")


def mnist() -> np.ndarray | None:
    """Return all MNIST images as a matrix, or say that they are not available."""
    try:
        return datasets.load("mnist", download=False).flat
    except LatentbookError as error:
        print(f"MNIST                                          not available: {error}")
        return None


def hdbscan() -> None:
    """Time HDBSCAN on the two-dimensional UMAP embedding (computed or loaded) of MNIST."""
    x = mnist()
    if x is None:
        return
    embedded = embed.embed(x, "umap2")
    report("UMAP, 2 dimensions, 30 neighbours", embedded.seconds, "none")
    z = embedded.arrays["embedding"]
    model = clustering.clusterer("hdbscan", n_clusters=0, seed=0, **clustering.SETTINGS["hdbscan"])
    start = time.perf_counter()
    model.fit(z)
    report("HDBSCAN on it", time.perf_counter() - start, "20 s")


def tsne() -> None:
    """Time openTSNE on all MNIST images (loaded with its original time if it ran before)."""
    x = mnist()
    if x is not None:
        report("t-SNE of 70,000 images", embed.embed(x, "tsne2 all").seconds, "900 s")


def main() -> None:
    """Run the named benchmarks, or the quick ones."""
    print(f"{provenance.device()}, {provenance.versions()['python']}")
    known = {"scores": scores, "hdbscan": hdbscan, "tsne": tsne}
    for name in sys.argv[1:] or ["scores", "hdbscan"]:
        known[name]()


if __name__ == "__main__":
    main()

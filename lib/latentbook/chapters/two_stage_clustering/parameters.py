"""What chapter 03 can be told, and what goes together."""

from __future__ import annotations

from latentbook.study import sizes
from latentbook.study.parameters import (
    PROFILE,
    SEED,
    Choice,
    Number,
    Parameter,
    Values,
    Words,
    at_most,
    has,
)

#: The keys of `study.STAGES`.
REPRESENTATIONS = ("raw", "pca50", "tsne2", "umap2", "umap10", "umap30", "cae10", "cae10-guo")
#: The keys of `misses.EXPERIMENTS`.
EXPERIMENTS = ("controls", "old-starts", "starts", "neighbours", "iterations")

PARAMETERS: dict[str, Parameter] = {
    "profile": PROFILE,
    "dataset": Choice("the images", sizes.IMAGES),
    "n": sizes.drawn(100),
    "seed": SEED,
    "k": Number("clusters of k-means and of the mixture", 2, 10_000),
    "k_max": Number("largest number of clusters tried without labels", 2, 10_000),
    "representations": Words("what is clustered", REPRESENTATIONS),
    "sample": Number("samples that t-SNE sees at most", 100, 10_000_000),
    "perplexity": Number("of t-SNE: about how many neighbours count", 1, 10_000, whole=False),
    "learning_rate": Number("of t-SNE", 1e-9, 1e6, whole=False),
    "n_neighbors": Number("of UMAP", 2, 10_000),
    "min_dist": Number("of UMAP: smallest distance of points", 0, 1, whole=False),
    "min_samples": Number("of HDBSCAN: neighbours that make a place dense", 1, 1_000_000),
    "min_cluster_share": Number(
        "of HDBSCAN: smallest cluster as a share of the samples", 0, 0.5, whole=False
    ),
    "epochs": Number("of the autoencoders at most", 1, 100_000),
    "patience": Number("epochs without progress before they stop", 1, 100_000),
    "experiments": Words("tried on what did not reproduce", EXPERIMENTS, least=0),
}


def _seen(values: Values) -> int:
    """Return the samples of the smallest representation that is asked for."""
    n = sizes.samples(values)
    return min(n, values["sample"]) if _draws(values) else n


def _draws(values: Values) -> bool:
    """Say whether t-SNE is run, which sees a sample."""
    return has(values, "representations", "tsne2") or has(values, "experiments", "iterations")


def _check_clusters(values: Values) -> None:
    n = _seen(values)
    at_most(values, "k", n - 1, f"one less than the {n:,} samples that are clustered")
    held_out = sizes.training(values)[1] if sizes.of(values["dataset"]).n_train else n
    if has(values, "representations", "cae10", "cae10-guo"):
        at_most(values, "k", held_out - 1, f"one less than the {held_out:,} test images")
    # the number of clusters is chosen on umap2, or on the first representation
    chosen = values["representations"].split()
    basis = n if "umap2" not in chosen and chosen[0] == "tsne2" else sizes.samples(values)
    at_most(values, "k_max", basis - 1, f"one less than the {basis:,} samples that are clustered")


def _check_neighbours(values: Values) -> None:
    n = sizes.samples(values)
    if _draws(values):
        at_most(values, "perplexity", (_seen(values) - 1) // 3, "a third of the samples it sees")
    # the chapter shows UMAP and HDBSCAN whatever is compared
    at_most(values, "n_neighbors", n - 1, f"one less than the {n:,} samples")
    seen = _seen(values)
    at_most(values, "min_samples", seen, f"the {seen:,} samples that are clustered")


COMBINATIONS = (sizes.enough(), _check_clusters, _check_neighbours)

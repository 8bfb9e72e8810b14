"""What chapter 01 can be told, and what goes together."""

from __future__ import annotations

from latentbook.study import sizes
from latentbook.study.method import Method
from latentbook.study.parameters import (
    PROFILE,
    SEED,
    Choice,
    Number,
    Parameter,
    Values,
    Words,
    at_most,
)

#: Named embeddings: the keys of `latentbook.embed.SETTINGS`.
EMBEDDINGS = (
    "pca2",
    "pca50",
    "tsne2",
    "tsne2 all",
    "umap2 picture",
    "umap2",
    "umap10",
    "umap30",
)
#: The data as they are, and embeddings of them or of their oriented gradients.
METHODS = ("raw", *EMBEDDINGS, "hog + raw", *(f"hog + {name}" for name in EMBEDDINGS))

_EMBEDDINGS = Words("methods that are compared", METHODS, separator=",")

PARAMETERS: dict[str, Parameter] = {
    "profile": PROFILE,
    "dataset": Choice("the images", sizes.IMAGES),
    "n": sizes.drawn(100),
    "seed": SEED,
    "sample": Number("samples that t-SNE sees at most", 100, 10_000_000),
    "perplexity": Number("of t-SNE: about how many neighbours count", 1, 10_000, whole=False),
    "learning_rate": Number("of t-SNE", 1e-9, 1e6, whole=False),
    "n_neighbors": Number("of the UMAP picture", 2, 10_000),
    "min_dist": Number("of the UMAP picture: smallest distance of points", 0, 1, whole=False),
    "embeddings": _EMBEDDINGS,
    "multiples": Number("samples of the pictures with other settings", 100, 10_000_000),
}


def _check_neighbours(values: Values) -> None:
    n = sizes.samples(values)
    parsed = map(Method.parse, _EMBEDDINGS.split(values["embeddings"]))
    methods = {method.learner or method.representation for method in parsed}
    if "tsne2" in methods:
        seen = min(n, values["sample"])
        at_most(values, "perplexity", (seen - 1) // 3, f"a third of the {seen:,} samples")
    if "umap2 picture" in methods:
        at_most(values, "n_neighbors", n - 1, f"one less than the {n:,} samples")


COMBINATIONS = (sizes.enough(), _check_neighbours)

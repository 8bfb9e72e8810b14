"""What chapter 04 can be told, and what goes together."""

from __future__ import annotations

from latentbook.errors import LatentbookError
from latentbook.study import sizes
from latentbook.study.parameters import (
    PROFILE,
    SEED,
    Choice,
    Number,
    Parameter,
    Text,
    Values,
    Words,
    at_most,
    file_or_empty,
    has,
)

#: The keys of `latentbook.autoencoders.conv.BUILDERS`.
ARCHITECTURES = ("cae10", "cae10-guo", "cae10-guo-deep", "cae10-guo-noise")
#: The keys of `latentbook.dcec.STARTS`.
STARTS = ("k-means", "mixture")
#: The keys of `study.EXPERIMENTS`.
EXPERIMENTS = ("gamma", "init", "alpha", "pretraining", "generalisation", "architecture")
#: Experiments that pretrain networks of their own.
_PRETRAINED = ("pretraining", "generalisation", "architecture")

PARAMETERS: dict[str, Parameter] = {
    "profile": PROFILE,
    "dataset": Choice("the images", sizes.IMAGES),
    "n": sizes.drawn(100),
    "seed": SEED,
    "k": Number("clusters", 2, 10_000),
    "architecture": Choice("the autoencoder", ARCHITECTURES),
    "pretraining_epochs": Number("epochs of the autoencoder alone", 1, 100_000),
    "weights": Text("file of pretrained weights; empty to pretrain", file_or_empty),
    "gamma": Number("weight of the clustering loss", 0, 1e6, whole=False),
    "alpha": Number("degrees of freedom of the soft assignment", 1e-3, 1e6, whole=False),
    "init": Choice("what finds the first centres", STARTS),
    "batch_size": Number("images a batch", 1, 1_000_000),
    "update_interval": Number("iterations between two updates of the target", 1, 1_000_000),
    "tol": Number("share of images that change their cluster when it stops", 0, 1, whole=False),
    "max_iterations": Number("iterations at most", 1, 10_000_000),
    "points": Number("images of the UMAP pictures", 100, 10_000_000),
    "experiments": Words(
        "questions that are looked into; may be empty", ("start", *EXPERIMENTS, "umap"), least=0
    ),
}


def _check_clusters(values: Values) -> None:
    n = sizes.samples(values)
    at_most(values, "k", n - 1, f"one less than the {n:,} images")


def _check_iterations(values: Values) -> None:
    limit = values["max_iterations"]
    at_most(values, "update_interval", limit, "the value of max_iterations")


def _check_weights(values: Values) -> None:
    if values["weights"] and has(values, "experiments", *_PRETRAINED):
        raise LatentbookError(
            f"parameter weights is {values['weights']!r}, but the experiments {_PRETRAINED[0]}, "
            f"{_PRETRAINED[1]} and {_PRETRAINED[2]} pretrain networks of their own: leave weights "
            "empty, or leave them out"
        )


def _check_images(values: Values) -> None:
    side = sizes.of(values["dataset"]).side
    if values["architecture"] == "cae10" and side != 28:
        raise LatentbookError(
            f"parameter architecture is 'cae10', which takes images of 28 x 28 pixels, but those "
            f"of {values['dataset']} have {side} x {side}: choose cae10-guo"
        )


COMBINATIONS = (sizes.enough(), _check_clusters, _check_iterations, _check_weights, _check_images)

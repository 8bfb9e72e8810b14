"""What chapter 07 can be told, and what goes together."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from latentbook import paths
from latentbook.errors import LatentbookError, choose
from latentbook.study import sizes
from latentbook.study.parameters import (
    PROFILE,
    SEED,
    Choice,
    Number,
    Numbers,
    Parameter,
    Text,
    Values,
    Words,
    at_most,
    file_or_empty,
    shown,
)

#: The keys of `latentbook.autoencoders.variational.HIDDEN`.
NETWORKS = ("dense", "conv")
#: The keys of `latentbook.autoencoders.variational.LIKELIHOODS`.
LIKELIHOODS = ("bernoulli", "gaussian")
#: `latentbook.anomaly.NAMES`.
DETECTORS = (
    "isolation forest",
    "local outlier factor",
    "one-class svm",
    "k-means",
    "class mean",
    "percentile",
    "isolation forest per cluster",
    "local outlier factor per cluster",
    "one-class svm per cluster",
)
#: The keys of `latentbook.planted.CHANGES`, and `latentbook.planted.FOREIGN`.
CHANGES = ("rotated", "noise", "mislabelled")
FOREIGN = ("mnist", "fashion_mnist")
#: What becomes of small classes of a table; ``keep`` stops at one that is too small.
RARE = ("keep", "merge", "drop")
#: The keys of `study.EXPERIMENTS`.
EXPERIMENTS = ("gamma", "network", "likelihood", "means", "latent", "contamination")


def _check_ranking(name: str, value: str) -> None:
    """Refuse what would replace something else than a ranking."""
    if not value:
        return
    root = paths.root().resolve()
    path = (root / value).resolve()
    ours = any(path.is_relative_to(root / folder) for folder in ("data", "lib", "tests", ".git"))
    if path.suffix != ".csv" or ours:
        raise LatentbookError(
            f"parameter {name} is {shown(value)}, but must be a file that ends in .csv and does "
            "not lie among the files of the project, such as '_build/anomalies/mine.csv'"
        )
    if not path.parent.is_dir() and path.parent != root / "_build" / "anomalies":
        raise LatentbookError(
            f"parameter {name} is {shown(value)}, but there is no folder {path.parent}: make it "
            "first, or choose another"
        )


PARAMETERS: dict[str, Parameter] = {
    "profile": PROFILE,
    "dataset": Choice("the data, unless table is given", sizes.DATASETS),
    "table": Text("your own CSV or Parquet file; empty for the data set", file_or_empty),
    "label": Text("the column of it to condition on"),
    "drop": Text("columns of it to leave out, with commas between them"),
    "rare": Choice("what becomes of its classes with under 10 training rows", RARE),
    "truth": Text("a column of it that is 1 for known anomalies and 0 for other rows"),
    "n": sizes.drawn(200),
    "seed": SEED,
    "network": Choice("kind of layers", NETWORKS),
    "hidden": Numbers(
        "widths of the layers, empty for the usual ones", 1, 100_000, least=0, distinct=False
    ),
    "likelihood": Choice("what is assumed of the values", ("auto", *LIKELIHOODS)),
    "n_latent": Number("numbers in the code", 2, 10_000),
    "gamma": Number("weight of the reconstruction in the weighted CL-VAE", 0, 1e6, whole=False),
    "beta": Number("weight of its divergence", 0, 1e6, whole=False),
    "epochs": Number("of the networks at most", 1, 100_000),
    "patience": Number("epochs without progress before they stop", 1, 100_000),
    "batch_size": Number("rows a batch", 1, 1_000_000),
    "k_max": Number("largest number of clusters tried", 2, 10_000),
    "detectors": Words("what looks for anomalies", DETECTORS, separator=",", prefix="pyod:"),
    "share": Number("of the test rows that are called anomalous", 0.001, 0.5, whole=False),
    "anomalies": Words("kinds that are planted; may be empty", (*CHANGES, *FOREIGN), least=0),
    "planted": Number("share of the test rows that they replace", 0.001, 0.5, whole=False),
    "volume_samples": Number("points that estimate volumes", 100, 10_000_000),
    "ranking": Text("file for the ranked anomalies; empty for one in _build", _check_ranking),
    "experiments": Words("questions that are looked into; may be empty", EXPERIMENTS, least=0),
}


def _check_table(values: Values) -> None:
    if bool(values["table"]) != bool(values["label"]):
        raise LatentbookError(
            f"parameter table is {shown(values['table'])} and label is {shown(values['label'])}, "
            "but they belong together: give the file of your table and the column to condition "
            "on, or leave both empty"
        )


def _check_columns(values: Values) -> None:
    """Refuse what is said of columns where there is no table, or of the label itself."""
    given = [name for name in ("drop", "truth") if values[name]]
    if not values["table"] and (given or values["rare"] != "keep"):
        name = given[0] if given else "rare"
        raise LatentbookError(
            f"parameter {name} is {shown(values[name])}, but there is no table of yours: give "
            "table and label as well"
        )
    if values["label"] and values["label"] in (*columns(values["drop"]), values["truth"]):
        name = "truth" if values["truth"] == values["label"] else "drop"
        raise LatentbookError(
            f"parameter {name} has {values['label']!r}, which is the label too: choose another "
            "column"
        )


def columns(text: str) -> list[str]:
    """Return the names of columns in a text with commas between them, empty ones left out."""
    return [name for name in (part.strip() for part in text.split(",")) if name]


def _check_size(values: Values) -> None:
    if not values["table"]:
        sizes.enough()(values)


def _check_network(values: Values) -> None:
    name = values["table"] or values["dataset"]
    if values["network"] == "conv" and (values["table"] or not sizes.of(name).side):
        raise LatentbookError(
            f"parameter network is 'conv', which takes images, but {shown(name)} is a table: "
            "choose dense"
        )


def _check_latent(values: Values) -> None:
    """Refuse a code with more numbers than an image; what a table is encoded to shows later."""
    if not values["table"] and sizes.of(values["dataset"]).side:
        features = sizes.of(values["dataset"]).features
        at_most(values, "n_latent", features, f"the pixels of {values['dataset']}")


def _check_foreign(values: Values) -> None:
    """Images of another data set can replace those of the same shape, and only those."""
    own = values["dataset"]
    if values["table"] or not sizes.of(own).side:  # a table leaves out what it cannot plant
        return
    for word in values["anomalies"].split():
        if word in FOREIGN and (word == own or sizes.of(own).features != 28 * 28):
            others = ", ".join(CHANGES)
            raise LatentbookError(
                f"parameter anomalies has {word!r}, which cannot be planted among {own}: it must "
                f"be another data set of 28 x 28 pixels, or one of {others}"
            )


def _check_detectors(values: Values) -> None:
    """Refuse detectors of PyOD that are not installed, without importing it."""
    for word in values["detectors"].split(","):
        name = word.strip().removesuffix(" per cluster")
        if not name.startswith("pyod:"):
            continue
        found = importlib.util.find_spec("pyod")
        if found is None or not found.submodule_search_locations:
            raise LatentbookError(
                f"parameter detectors has {word.strip()!r}, which needs PyOD, and that is not "
                'installed: pip install -e ".[anomaly]"'
            )
        folder = Path(found.submodule_search_locations[0]) / "models"
        known = [path.stem.replace("_", "") for path in folder.glob("*.py")]
        choose("detector of PyOD", name.removeprefix("pyod:").lower(), known)


COMBINATIONS = (
    _check_table,
    _check_columns,
    _check_size,
    _check_network,
    _check_latent,
    _check_foreign,
    _check_detectors,
)

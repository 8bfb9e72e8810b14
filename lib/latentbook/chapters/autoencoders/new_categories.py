"""Use 10, new categories: how many images of classes that no label names are noticed, and where.

petersen's ice-core case: a classifier learns controlled samples of known kinds, the melted ice
holds "other things" too, and embeddings of the test images are to show them. Here classes are held
out on purpose, so that it can be counted how many are found, by one rule in every space: the
distance to the nearest training images.
Classifiers and features with few labels are the subject of `few_labels`, whose parts are used.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from sklearn.neighbors import NearestNeighbors

from latentbook import cache, embed, sampling
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders import few_labels
from latentbook.chapters.autoencoders.few_labels import Features
from latentbook.chapters.autoencoders.study import one_thread, result
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between, choose
from latentbook.study.method import Method
from latentbook.study.result import Result, Score

#: Setting of `embed` for the plane.
UMAP = "umap2 picture"

#: Test images that are drawn at most, and points of each precision-recall curve.
DRAWN, CURVE_POINTS = 2000, 201

#: Batch of edges, and widths of the network, of parametric UMAP.
EDGES, PARAMETRIC_WIDTHS = 1000, (128, 128)

#: Source -> the method that takes distances in it, and not in a plane.
SPACES = {
    "pixels": "pixels",
    "classifier": "classifier features",
    "autoencoder": "autoencoder codes",
}

#: Method that needs no neighbours -> its source.
OUTPUTS = {"autoencoder error": "autoencoder", "classifier confidence": "classifier"}


def split(
    data: Dataset, unknown: Sequence[str], *, n_train: int, n_test: int, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw at most `n_train` training rows of known classes, and `n_test` test rows of all.

    Parameters
    ----------
    unknown
        Names of the classes that are in no training row.

    Raises
    ------
    LatentbookError
        For an unknown name, no unknown class, fewer than two known ones, or a draw without test
        rows of either kind.
    """
    codes = {data.classes.index(choose("class", name, data.classes)) for name in unknown}
    if not codes or len(data.classes) - len(codes) < 2:
        raise LatentbookError(
            f"{len(codes)} of {len(data.classes)} classes are unknown: name at least one, and "
            "leave at least two that a classifier can learn"
        )
    check_between("n_train", n_train, 2, np.inf)
    check_between("n_test", n_test, 2, np.inf)
    train, test = sampling.split(len(data), data.n_train)
    rng = np.random.default_rng(random_state)
    known = train[~np.isin(data.y[train], list(codes))]
    known = np.sort(rng.permutation(known)[:n_train])
    test = np.sort(rng.permutation(test)[:n_test])
    if not 0 < np.isin(data.y[test], list(codes)).mean() < 1:
        raise LatentbookError(
            f"the {len(test)} test rows of {data.name} do not hold known and unknown classes: "
            "draw more of them"
        )
    return known, test


def distance(x_train: np.ndarray, x: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the mean distance of each row to its nearest training rows.

    Parameters
    ----------
    x_train, x : arrays of shape (n, n_features)
    n_neighbors : int
        Training rows that count.

    Examples
    --------
    >>> distance(np.array([[0.0], [1.0], [5.0]]), np.array([[0.0]]), n_neighbors=2)
    array([0.5])
    """
    check_between("n_neighbors", n_neighbors, 1, len(x_train))
    nearest = NearestNeighbors(n_neighbors=n_neighbors).fit(x_train)
    return nearest.kneighbors(x)[0].mean(axis=1)


def parametric_umap(
    train: np.ndarray, test: np.ndarray, *, epochs: int, random_state: int
) -> Features:
    """Learn a network that embeds with UMAP's own loss, and apply it to both (umap-learn's).

    Parameters
    ----------
    train, test : arrays of shape (n, n_features)
    epochs
        UMAP's ``n_epochs``: how often the edge of largest weight is passed. UMAP itself takes 500
        for small data; a network, whose every step moves all points, needs far fewer.
    """
    check_between("epochs", epochs, 11, 10_000)
    params = embed.settings(UMAP)
    embed.check_settings(len(train), train.shape[1], params)
    key = {
        "train": cache.digest(train),
        "test": cache.digest(test),
        "params": params,
        "epochs": epochs,
        "network": [*PARAMETRIC_WIDTHS, EDGES],
        "seed": random_state,
        "library": f"umap-learn {version('umap-learn')}, keras {version('keras')}",
    }

    def compute() -> dict[str, np.ndarray]:
        import keras
        from keras import layers
        from umap.parametric_umap import ParametricUMAP

        keras.utils.set_random_seed(random_state)
        hidden = [layers.Dense(width, activation="relu") for width in PARAMETRIC_WIDTHS]
        shape = keras.Input((train.shape[1],))
        network = keras.Sequential([shape, *hidden, layers.Dense(params["n_components"])])
        wanted = {name: value for name, value in params.items() if name != "kind"}
        reducer = ParametricUMAP(
            encoder=network,
            dims=(train.shape[1],),
            batch_size=EDGES,
            n_epochs=epochs,
            random_state=random_state,
            n_jobs=1,
            keras_fit_kwargs={"verbose": 0},
            **wanted,
        )
        with warnings.catch_warnings():  # of Keras, about umap-learn's own model
            warnings.simplefilter("ignore", UserWarning)
            reducer.fit(train)
        return {"train": dense.outputs(network, train), "test": dense.outputs(network, test)}

    found = cache.load_or_compute("transformed", key, compute)
    return Features(found.arrays["train"], found.arrays["test"], found.seconds)


@one_thread
def run(
    data: Dataset,
    *,
    random_state: int,
    unknown: Sequence[str],
    n_train: int,
    n_test: int,
    n_codes: int,
    hidden: Sequence[int],
    epochs: int,
    steps: int,
    batch_size: int,
    n_neighbors: int,
    parametric_epochs: int,
) -> Result:
    """Look for test images of classes that no training image has.

    The classifier and the autoencoder have the same encoder, and both see images of the known
    classes only; UMAP is fitted on these, and the test images are transformed.

    Parameters
    ----------
    unknown
        Names of the classes held out.
    n_train, n_test
        Training images of known classes, and test images of all, at most.
    n_codes, hidden
        Of the encoder (ReLU, linear code).
    epochs
        Of the autoencoder.
    steps, batch_size
        Of the classifier.
    n_neighbors
        Training images to which the distance is taken, the same in every space.
    parametric_epochs
        See `parametric_umap`.

    Returns
    -------
    Result
        Methods: the distance in the spaces ``pixels``, ``classifier features`` and
        ``autoencoder codes``, in their plane (``pixels + umap``, ``classifier + umap``,
        ``autoencoder + umap``), in that of a network (``... + parametric umap``), and in one
        fitted on training and test images (``... + joint umap``); the ``autoencoder error``;
        and ``classifier confidence``, the largest probability.
        Metrics: ``ap`` (by chance: ``unknown_share``) and ``auc``; of the confidence also
        ``acc_known``, on test images of known classes.

    Raises
    ------
    LatentbookError
        As `split`, `few_labels.train_classifier`, `dense.trained` and `parametric_umap`.
    """
    rows, test_rows = split(
        data, unknown, n_train=n_train, n_test=n_test, random_state=random_state
    )
    check_between("n_neighbors", n_neighbors, 1, len(rows))
    check_between("parametric_epochs", parametric_epochs, 11, 10_000)
    check_between("steps", steps, 1, 1_000_000)
    train, test, y_test = data.flat[rows], data.flat[test_rows], data.y[test_rows]
    known = np.unique(data.y[rows])
    odd = ~np.isin(y_test, known)
    design = {"n_codes": n_codes, "widths": tuple(hidden), "activation": "relu"}
    labels = np.searchsorted(known, data.y[rows])
    spaces, probabilities = _classified(
        train, test, labels, design, steps=steps, batch_size=batch_size, random_state=random_state
    )
    (network,), seconds = dense.trained(train, [design], epochs=epochs, seeds=(random_state,))
    spaces["autoencoder"] = Features(
        dense.outputs(network.encoder, train), dense.outputs(network.encoder, test), seconds
    )
    every = _every_space(spaces, epochs=parametric_epochs, random_state=random_state)
    values, costs = _scores(every, n_neighbors)
    values["autoencoder error"] = -((dense.outputs(network.model, test) - test) ** 2).mean(axis=1)
    values["classifier confidence"] = probabilities.max(axis=1) - 1
    costs |= {"autoencoder error": seconds, "classifier confidence": spaces["classifier"].seconds}
    base = {"unknown": list(unknown), "n_train": len(rows), "n_test": len(test_rows)}
    encoder = {"n_codes": n_codes, "hidden": list(hidden)}
    trained: dict[str, dict[str, Any]] = {
        "pixels": {},
        "classifier": encoder | {"steps": steps, "batch_size": batch_size},
        "autoencoder": encoder | {"epochs": epochs},
    }
    scores = []
    for name, value in values.items():
        params = base | trained[_source(name)]
        params |= {"n_neighbors": n_neighbors} if name in every else {}
        if Method.parse(name).learner == "parametric umap":
            params |= {"parametric_epochs": parametric_epochs}
        metrics = _metrics(odd, value)
        if name == "classifier confidence":
            right = known[probabilities.argmax(axis=1)] == y_test
            metrics["acc_known"] = float(right[~odd].mean())
        scores.append(Score(name, metrics, params, costs[name]))
    return result(
        "new categories", data, random_state, scores, _pictures(every, values, y_test, odd)
    )


def _source(name: str) -> str:
    """Return which of `SPACES` a method starts from."""
    direct = {space: source for source, space in SPACES.items()} | OUTPUTS
    return direct.get(name) or Method.parse(name).representation


def _scores(
    every: Mapping[str, Features], n_neighbors: int
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return minus the distances of the test images in every space, and the seconds they cost."""
    values, costs = {}, {}
    for name, found in every.items():
        start = time.perf_counter()
        values[name] = -distance(found.train, found.test, n_neighbors)
        costs[name] = found.seconds + time.perf_counter() - start
    return values, costs


def _classified(
    train: np.ndarray,
    test: np.ndarray,
    labels: np.ndarray,
    design: Mapping[str, Any],
    *,
    steps: int,
    batch_size: int,
    random_state: int,
) -> tuple[dict[str, Features], np.ndarray]:
    """Return pixels and the classifier's last layer as spaces, and the test probabilities."""
    encoder = dense.build(train.shape[1:], seed=random_state, **design).encoder
    model = few_labels.classifier(encoder, int(labels.max()) + 1)
    found = few_labels.train_classifier(
        model,
        model.get_weights(),
        train,
        labels,
        steps=steps,
        batch_size=batch_size,
        random_state=random_state,
    )
    features = Features(dense.outputs(encoder, train), dense.outputs(encoder, test), found.seconds)
    return {"pixels": Features(train, test), "classifier": features}, dense.outputs(model, test)


def _every_space(
    spaces: Mapping[str, Features], *, epochs: int, random_state: int
) -> dict[str, Features]:
    """Return the spaces, and their planes.

    UMAP, and the network of parametric UMAP, are fitted on training images and applied to the test
    images; joint UMAP is fitted on both, which needs no labels and no transformation.
    The seconds of a plane include those of the space that it is made from.
    """
    every = {SPACES[name]: found for name, found in spaces.items()}
    for name, found in spaces.items():
        rows = np.arange(len(found.train))
        plane = few_labels.umap_features(
            found.train, found.test, rows, random_state=random_state, setting=UMAP
        )
        every[f"{name} + umap"] = _later(plane, found)
    for name in ("classifier", "autoencoder"):
        found = spaces[name]
        plane = parametric_umap(found.train, found.test, epochs=epochs, random_state=random_state)
        every[f"{name} + parametric umap"] = _later(plane, found)
    for name, found in spaces.items():
        joint = embed.embed(np.concatenate([found.train, found.test]), UMAP, seed=random_state)
        train, test = np.split(joint.arrays["embedding"], [len(found.train)])
        every[f"{name} + joint umap"] = _later(Features(train, test, joint.seconds), found)
    return every


def _later(plane: Features, space: Features) -> Features:
    return Features(plane.train, plane.test, plane.seconds + space.seconds)


def _metrics(odd: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Return how well scores, lower for newer images, rank images of unknown classes first."""
    return {
        "ap": float(average_precision_score(odd, -values)),
        "auc": float(roc_auc_score(odd, -values)),
        "unknown_share": float(odd.mean()),
    }


def _pictures(
    every: Mapping[str, Features],
    values: Mapping[str, np.ndarray],
    y: np.ndarray,
    odd: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return planes of a sample of the test images, and precision-recall curves."""
    rows = sampling.subsample(len(y), DRAWN)
    grid = np.linspace(0, 1, CURVE_POINTS)
    arrays = {
        "methods": np.array(list(values)),
        "ap": np.array([average_precision_score(odd, -value) for value in values.values()]),
        "share": np.array(odd.mean()),
        "y": y[rows].astype(np.int8),
        "odd": odd[rows],
    }
    for name, found in every.items():
        if Method.parse(name).learner:  # a plane
            arrays[f"z {name}"] = found.test[rows].astype(np.float16)
    for name, value in values.items():
        precision, recall, _ = precision_recall_curve(odd, -value)
        curve = np.interp(grid, recall[::-1], precision[::-1])
        arrays[f"pr {name}"] = curve.astype(np.float16)
    return arrays

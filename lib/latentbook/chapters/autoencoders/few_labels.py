"""Use 8, few labels: what an autoencoder of all images is worth where few have a label.

petersen's "training assistance" (train on the large unlabelled sample, go on from the latent space
with the few labels), measured as accuracy against the number of labels beside a network of the
same shape that starts from nothing, and beside features that cost less.
Networks themselves are left to `autoencoders.dense`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.utils import gen_batches

from latentbook import cache, embed, feed, sampling, training
from latentbook.autoencoders import dense
from latentbook.chapters.autoencoders.study import one_thread, result
from latentbook.datasets import Dataset
from latentbook.errors import LatentbookError, check_between
from latentbook.study.result import Result, Score

if TYPE_CHECKING:
    import keras

#: Steps of a classifier whose images are in memory at once.
BLOCK_STEPS = 250

#: Iterations of logistic regression at most: with thousands of labels they matter no more.
REGRESSION_ITERATIONS = 300

#: Setting of `embed` for the UMAP features.
UMAP = "umap10"

METHODS = ("fine-tuned", "from scratch", "frozen codes", "umap", "pca", "pixels")


@dataclass(frozen=True)
class Features:
    """A description of all training images and of all test images.

    Attributes
    ----------
    train, test : arrays of shape (n, n_features)
        Rows of training images that a method did not describe are NaN.
    seconds : float
        What it cost to learn it, without labels.
    """

    train: np.ndarray
    test: np.ndarray
    seconds: float = 0.0


def label_order(
    y: np.ndarray, n_classes: int, labels: Sequence[int], *, random_state: int
) -> np.ndarray:
    """Return rows in the order in which they get their labels: the classes take turns.

    The first n rows are a stratified draw of n, and a smaller draw is part of a larger one.

    Parameters
    ----------
    y : vector of length n_samples
        Classes in 0 .. n_classes - 1.
    labels
        Numbers of labels that are asked for.

    Raises
    ------
    LatentbookError
        If there are fewer labels than classes, so that a class would have none, or more than the
        smallest class can give.
    """
    counts = np.bincount(y, minlength=n_classes)
    for n in labels:
        if n < n_classes:
            raise LatentbookError(
                f"{n} labels for {n_classes} classes leave zero labels of a class: "
                f"ask for {n_classes} or more"
            )
        check_between("number of labels", n, n_classes, int(counts.min()) * n_classes)
    rng = np.random.default_rng(random_state)
    each = int(counts.min())
    turns = np.stack([rng.permutation(np.flatnonzero(y == c))[:each] for c in range(n_classes)], 1)
    return rng.permuted(turns, axis=1).ravel()[: max(labels)]


def classifier(encoder: keras.Model, n_classes: int) -> keras.Model:
    """Return `encoder` with a softmax layer on its code, compiled with Adam."""
    import keras
    from keras import layers

    head = layers.Dense(n_classes, activation="softmax", name="head")
    model = keras.Model(encoder.input, head(encoder.output))
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-3),
        loss="sparse_categorical_crossentropy",
        **training.compiling(),
    )
    return model


def train_classifier(
    model: keras.Model,
    start: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    random_state: int,
) -> cache.Computed:
    """Train `model` from the weights `start` on labelled rows, or load what was trained.

    `training.fit` learns to reproduce its input; here the target is a class. Every run makes the
    same number of gradient steps, however few the labels are, without early stopping.

    Parameters
    ----------
    x : array of shape (n, n_features)
    y : vector of length n

    Returns
    -------
    cache.Computed
        The weights, which `model` has afterwards, by their position.
    """
    import keras

    check_between("steps", steps, 1, 1_000_000)
    check_between("batch_size", batch_size, 1, 100_000)
    key = {
        "start": cache.digest(*start),
        "labelled": cache.digest(x, y),
        "steps": steps,
        "batch_size": batch_size,
        "seed": random_state,
        "keras": f"{version('keras')} {keras.backend.backend()}",
    }

    def compute() -> dict[str, np.ndarray]:
        keras.utils.set_random_seed(random_state)
        model.set_weights(start)
        model.optimizer.build(model.trainable_variables)
        for variable in model.optimizer.variables:
            if variable is not model.optimizer.learning_rate:
                variable.assign(np.zeros(variable.shape, variable.dtype))
        rng = np.random.default_rng(random_state)
        passes = -(-steps * batch_size // len(x))
        order = np.concatenate([rng.permutation(len(x)) for _ in range(passes)])
        order = order[: steps * batch_size].reshape(steps, batch_size)
        for part in gen_batches(steps, BLOCK_STEPS):
            rows = order[part].ravel()
            fed = feed.arrays(x[rows], y[rows], batch_size=batch_size)
            model.fit(**fed, shuffle=False, verbose=0)
        return {f"{i:03d}": weight for i, weight in enumerate(model.get_weights())}

    found = cache.load_or_compute("classifiers", key, compute)
    model.set_weights([found.arrays[name] for name in sorted(found.arrays)])
    return found


def regression(
    features: Features, y: np.ndarray, rows: np.ndarray, *, random_state: int
) -> np.ndarray:
    """Return the classes of the test images by logistic regression on the labelled `rows`.

    Features are centred and divided by one number, their standard deviation over all columns and
    all training images; the penalty is scikit-learn's default, C = 1, whatever the features are.
    """
    known = features.train[~np.isnan(features.train).any(axis=1)]
    centre = known.mean(axis=0)
    spread = np.sqrt(((known - centre) ** 2).mean()) or 1.0
    model = LogisticRegression(max_iter=REGRESSION_ITERATIONS, random_state=random_state)
    model.fit((features.train[rows] - centre) / spread, y[rows])
    return model.predict((features.test - centre) / spread)


def umap_features(
    train: np.ndarray, test: np.ndarray, rows: np.ndarray, *, random_state: int, setting: str = UMAP
) -> Features:
    """Fit UMAP on the training images at `rows` and transform the test images, or load both.

    Raises
    ------
    LatentbookError
        For fewer rows than neighbours, and as `embed.check_settings`.
    """
    params = embed.settings(setting)
    embed.check_settings(len(rows), train.shape[1], params)
    key = {
        "train": cache.digest(train[rows]),
        "test": cache.digest(test),
        "params": params,
        "seed": random_state,
        "library": f"umap-learn {version('umap-learn')}",
    }

    def compute() -> dict[str, np.ndarray]:
        reducer = embed.reducer(seed=random_state, **params).fit(train[rows])
        return {"train": reducer.embedding_, "test": reducer.transform(test)}

    found = cache.load_or_compute("transformed", key, compute)
    embedded = np.full((len(train), params["n_components"]), np.nan, np.float32)
    embedded[rows] = found.arrays["train"]
    return Features(embedded, found.arrays["test"], found.seconds)


@one_thread
def run(
    data: Dataset,
    *,
    random_state: int,
    labels: Sequence[int],
    n_codes: int,
    hidden: Sequence[int],
    epochs: int,
    steps: int,
    batch_size: int,
    umap_rows: int,
) -> Result:
    """Measure accuracy on the test images against the number of labelled training images.

    Settings are fixed for all numbers of labels and all methods, and nothing looks at the test
    images' labels. The autoencoder, PCA and UMAP see all training images without labels (UMAP at
    most `umap_rows`, among them the labelled ones).

    Parameters
    ----------
    labels
        Numbers of labelled training images.
    n_codes
        Size of the code, and number of principal components.
    hidden
        Widths of the encoder's layers (ReLU), mirrored in the decoder.
    epochs
        Of the autoencoder, over all training images.
    steps, batch_size
        Gradient steps of every classifier network, and images in each.
    umap_rows
        Training images that UMAP is fitted on at most.

    Returns
    -------
    Result
        Methods: ``from scratch`` (a network trained on the labelled images), ``fine-tuned`` (the
        same, starting from the autoencoder's encoder), and logistic regression on ``frozen
        codes``, ``umap``, ``pca`` and ``pixels``. Metric: ``acc``. A method's seconds are those
        with this number of labels and of learning its features.

    Raises
    ------
    LatentbookError
        As `label_order`, `umap_features`, `dense.trained` and `train_classifier`.
    """
    rows_train, rows_test = sampling.split(len(data), data.n_train)
    y, y_test = data.y[rows_train], data.y[rows_test]
    train, test = data.flat[rows_train], data.flat[rows_test]
    order = label_order(y, len(data.classes), labels, random_state=random_state)
    check_between("umap_rows", umap_rows, len(order), np.inf)
    check_between("steps", steps, 1, 1_000_000)
    design = {"n_codes": n_codes, "widths": tuple(hidden), "activation": "relu"}
    (network,), seconds = dense.trained(train, [design], epochs=epochs, seeds=(random_state,))
    codes = Features(
        dense.outputs(network.encoder, train), dense.outputs(network.encoder, test), seconds
    )
    seen = _umap_rows(len(train), order, umap_rows, random_state=random_state)
    features = {
        "frozen codes": codes,
        "umap": umap_features(train, test, seen, random_state=random_state),
        "pca": _principal_components(train, test, n_codes),
        "pixels": Features(train, test),
    }
    model = classifier(
        dense.build(train.shape[1:], seed=random_state, **design).encoder, len(data.classes)
    )
    fresh, encoder = model.get_weights(), network.encoder.get_weights()
    starts = {"fine-tuned": [*encoder, *fresh[len(encoder) :]], "from scratch": fresh}

    def predict(name: str, rows: np.ndarray) -> np.ndarray:
        if name in features:
            return regression(features[name], y, rows, random_state=random_state)
        pairs = train[rows], y[rows]
        train_classifier(
            model,
            starts[name],
            *pairs,
            steps=steps,
            batch_size=batch_size,
            random_state=random_state,
        )
        return dense.outputs(model, test).argmax(axis=1)

    costs = {"fine-tuned": seconds, **{name: found.seconds for name, found in features.items()}}
    shape = {"n_codes": n_codes, "hidden": list(hidden)}
    fitted = {"steps": steps, "batch_size": batch_size}
    params: dict[str, dict[str, Any]] = {
        "fine-tuned": shape | fitted | {"epochs": epochs},
        "from scratch": shape | fitted,
        "frozen codes": shape | {"epochs": epochs},
        "umap": {"setting": UMAP, "umap_rows": len(seen)},
        "pca": {"n_codes": n_codes},
        "pixels": {},
    }
    common = {"unlabelled": len(train)}
    scores = [
        _score(predict, name, order[:n], y_test, common | params[name], costs.get(name, 0.0))
        for name in METHODS
        for n in labels
    ]
    accuracies = np.array([score.metrics["acc"] for score in scores]).reshape(len(METHODS), -1)
    arrays = {"labels": np.array(labels), "methods": np.array(METHODS), "acc": accuracies}
    return result("few labels", data, random_state, scores, arrays)


def _umap_rows(n_rows: int, labelled: np.ndarray, at_most: int, *, random_state: int) -> np.ndarray:
    """Return the rows that UMAP sees: the labelled ones, and others drawn at random."""
    others = np.setdiff1d(np.arange(n_rows), labelled)
    extra = np.random.default_rng(random_state).permutation(others)[: at_most - len(labelled)]
    return np.sort(np.concatenate([labelled, extra]))


def _principal_components(train: np.ndarray, test: np.ndarray, n_components: int) -> Features:
    start = time.perf_counter()
    pca = PCA(n_components, svd_solver="covariance_eigh").fit(train)
    return Features(pca.transform(train), pca.transform(test), time.perf_counter() - start)


def _score(
    predict: Callable[[str, np.ndarray], np.ndarray],
    name: str,
    rows: np.ndarray,
    y_test: np.ndarray,
    params: Mapping[str, Any],
    cost: float,
) -> Score:
    """Return the accuracy of a method with the labelled `rows`; `cost` seconds came before."""
    start = time.perf_counter()
    right = predict(name, rows) == y_test
    seconds = time.perf_counter() - start + cost
    return Score(name, {"acc": float(right.mean())}, {"labels": len(rows), **params}, seconds)

"""The CL-VAE of chapter 07 on any table, one network a fold: what it makes of rows it never saw.

The matrix of a fold is sparse; rows are made dense in blocks.
The networks themselves are left to `autoencoders.variational`, words to `reasons`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentbook.tabular import Encoder

#: Rows that one network learns from at most, and rows that are made dense at once.
FIT_ROWS, BLOCK_ROWS = 10_000, 5_000
#: Rows of a batch, steps between two looks at the rows held out, and looks without progress.
BATCH, STEPS, PATIENCE = 32, 128, 4
#: Entries of the dense matrix that one network learns from at most: 240 MB.
FIT_ENTRIES = 60_000_000


@dataclass(frozen=True)
class Settings:
    """A network and its training.

    Attributes
    ----------
    gamma : float, default=10
        Weight of the reconstruction: columns of the matrix have a variance of about 1, and an error
        of variance 1 / gamma.
    n_latent : int, default=8
        Numbers in the code, at most half of the columns of the matrix.
    hidden : tuple of int, default=(64, 32)
        Widths of the layers.
    steps : int, default=3000
        Steps of training at most.
    """

    gamma: float = 10.0
    n_latent: int = 8
    hidden: tuple[int, ...] = (64, 32)
    steps: int = 3000


@dataclass(frozen=True)
class Explanation:
    """What a network expects of some rows.

    Attributes
    ----------
    columns : list of str
        Columns of the table.
    errors : array of shape (n, len(columns))
        Squared error by column.
    z : array of the same shape
        For numbers the difference from what is expected, in root mean square errors of the column;
        NaN for categories and dates.
    expected : DataFrame of n rows
    """

    columns: list[str]
    errors: np.ndarray
    z: np.ndarray
    expected: pd.DataFrame


class FoldNetworks:
    """One conditioned network a fold, each with the encoder of the rows that it learned from.

    All folds share one Keras model, whose weights are set for the fold that is asked: a model is
    compiled once, and a matrix that is narrower than the widest has columns of zeros.

    Parameters
    ----------
    settings : Settings
    seed : int
        Of weights, batches and rows drawn.

    Attributes
    ----------
    fitted_ : int
        Rows that the network with the most rows learned from.
    """

    def __init__(self, settings: Settings, seed: int = 0) -> None:
        self.settings, self.seed = settings, seed

    def fit(
        self,
        frame: pd.DataFrame,
        labels: np.ndarray,
        fold: np.ndarray,
        say: Callable[[str], None] = lambda _: None,
    ) -> FoldNetworks:
        """Train one network for each fold, on at most `FIT_ROWS` rows of the other folds."""
        rng = np.random.default_rng(self.seed)
        learned = [np.flatnonzero(fold != k) for k in range(fold.max() + 1)]
        self.encoders_ = [Encoder(even_costs=True).fit(frame.iloc[rows]) for rows in learned]
        self.width_ = max(len(encoder.names_) for encoder in self.encoders_)
        most = max(200, min(FIT_ROWS, FIT_ENTRIES // self.width_))
        learned = [_few_of_each(rows, labels, most, rng) for rows in learned]
        self.fitted_ = max(map(len, learned))
        self._trainer = Trainer(self.width_, int(labels.max()) + 1, self.settings, self.seed)
        self.weights_ = []
        for k, rows in enumerate(learned):
            x = self._matrix(k, frame, rows)
            self.weights_.append(self._trainer.trained(x, labels[rows], rng))
            say(f"network {k + 1} of {len(learned)} learned from {len(rows):,} rows")
        return self

    def _matrix(self, k: int, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
        """Return rows as the encoder of fold `k` sees them, as wide as the network."""
        x = self.encoders_[k].transform(frame.iloc[rows])
        return np.pad(x, ((0, 0), (0, self.width_ - x.shape[1])))

    def strangeness(self, frame: pd.DataFrame, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """Return minus the bound on log p(x | class) of each row, by the network of its fold."""
        scores = np.empty(len(frame))
        for k, weights in enumerate(self.weights_):
            for rows in _blocks(np.flatnonzero(fold == k)):
                x = self._matrix(k, frame, rows)
                scores[rows] = self._trainer.losses(weights, x, labels[rows])
        return scores

    def explain(
        self, frame: pd.DataFrame, labels: np.ndarray, fold: np.ndarray, rows: np.ndarray
    ) -> Explanation:
        """Return what the networks expect of `rows`, in their order."""
        columns = list(dict.fromkeys(c for one in self.encoders_ for c in one.kinds_))
        errors = np.zeros((len(rows), len(columns)))
        z = np.full(errors.shape, np.nan)
        expected: list[pd.DataFrame] = []
        for k, encoder in enumerate(self.encoders_):
            at = np.flatnonzero(fold[rows] == k)
            if not len(at):
                continue
            width = len(encoder.names_)
            x = self._matrix(k, frame, rows[at])
            made = self._trainer.rebuilt(self.weights_[k], x)[:, :width]
            x = x[:, :width]
            by_column = encoder.column_errors(x, made)
            where = np.array([columns.index(c) for c in by_column])
            errors[np.ix_(at, where)] = by_column
            usual = self._usual_errors(k, frame, fold)[:width]
            for j, name in enumerate(encoder.names_):
                if encoder.kinds_.get(name) == "number":
                    z[at, columns.index(name)] = (x[:, j] - made[:, j]) / usual[j]
            expected.append(encoder.inverse_transform(made).set_index(at))
        return Explanation(columns, errors, z, pd.concat(expected).sort_index())

    def _usual_errors(self, k: int, frame: pd.DataFrame, fold: np.ndarray) -> np.ndarray:
        """Return the root mean square error of each column of the matrix in fold `k`."""
        x = self._matrix(k, frame, np.flatnonzero(fold == k)[:BLOCK_ROWS])
        error = x - self._trainer.rebuilt(self.weights_[k], x)
        return np.sqrt((error**2).mean(axis=0)) + 1e-6


class Trainer:
    """One Keras model that is trained again and again from the same first weights.

    It is a CL-VAE, and a plain VAE where there is one class only.

    Parameters
    ----------
    width : int
        Columns of the matrix.
    n_classes : int
    settings : Settings
    seed : int
        Of the first weights and of the noise.
    """

    def __init__(self, width: int, n_classes: int, settings: Settings, seed: int) -> None:
        import keras

        with _quiet():  # TensorFlow writes to the terminal when it is imported
            import keras

            from latentbook import training
            from latentbook.autoencoders import variational

        self.settings = settings
        model = "cl-vae" if n_classes > 1 else "vae"
        n_latent = max(1, min(settings.n_latent, width // 2))
        #: As records name it.
        self.name = f"{model}{n_latent}, gamma {settings.gamma:g}"
        self.network = variational.build(
            model,
            (width,),
            n_classes if n_classes > 1 else 0,
            seed=seed,
            likelihood="gaussian",
            gamma=settings.gamma,
            hidden=settings.hidden,
            n_latent=n_latent,
        )
        self.optimizer = keras.optimizers.Adam(1e-3)
        self.network.model.compile(self.optimizer, loss=None, **training.compiling())
        self.optimizer.build(self.network.model.trainable_variables)
        self.first = self.network.model.get_weights()
        self.untouched = [np.array(one) for one in self.optimizer.variables]

    def trained(self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """Return the weights with the least loss on a tenth of the rows that is held out."""
        held = np.zeros(len(x), dtype=bool)
        for c in np.unique(y):
            own = rng.permutation(np.flatnonzero(y == c))
            held[own[: len(own) // 10]] = True
        watched = (x[held], y[held]) if held.any() else (x, y)
        rows = np.flatnonzero(~held)
        self.network.model.set_weights(self.first)
        for variable, value in zip(self.optimizer.variables, self.untouched, strict=True):
            variable.assign(value)
        best, least, stale = self.first, np.inf, 0
        for _ in range(self.settings.steps // STEPS):
            drawn = rng.permutation(np.tile(rows, -(-STEPS * BATCH // len(rows))))[: STEPS * BATCH]
            inputs = {"x": x[drawn]}
            if self.network.n_classes:
                inputs["label"] = y[drawn].astype(np.int32)
            self.network.model.fit(inputs, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
            weights = self.network.model.get_weights()
            loss = self.losses(weights, *watched).mean()
            stale = 0 if loss < least else stale + 1
            if loss < least:
                best, least = weights, loss
            if stale == PATIENCE:
                break
        return best

    def losses(self, weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return γ -log p(x|z), at the mean of q(z|x), plus the divergence, of each row."""
        self.network.model.set_weights(weights)
        mean, log_variance = (np.array(one) for one in self.network.encoder({"x": x}))
        made = np.array(self.network.decoder({"z": mean}))
        means = self.network.prior_means[y if self.network.n_classes else 0]
        kl = 0.5 * (np.exp(log_variance) + (mean - means) ** 2 - 1 - log_variance).sum(axis=1)
        return 0.5 * self.settings.gamma * ((x - made) ** 2).sum(axis=1) + kl

    def rebuilt(self, weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
        """Return what the network makes of the rows `x`."""
        self.network.model.set_weights(weights)
        return np.array(self.network.decoder({"z": self.network.encoder({"x": x})[0]}))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries in C write to the terminal from it."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _few_of_each(
    rows: np.ndarray, labels: np.ndarray, most: int, rng: np.random.Generator
) -> np.ndarray:
    """Return at most about `most` of the rows, and at least 9 of each class (or all)."""
    if len(rows) <= most:
        return rows
    keep = rng.random(len(rows)) < most / len(rows)
    for c in np.unique(labels[rows]):
        own = np.flatnonzero(labels[rows] == c)
        keep[own[:9]] = True
    return rows[keep]


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[i : i + BLOCK_ROWS] for i in range(0, len(rows), BLOCK_ROWS)]

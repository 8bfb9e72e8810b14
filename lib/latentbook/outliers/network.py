"""The CL-VAE of chapter 07 on any table, one network a fold: what it makes of rows it never saw.

The matrix of a fold is sparse; rows are made dense in blocks.
The networks themselves are left to `autoencoders.variational`, words to `reasons`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from latentbook.tabular import Encoder

#: Rows that one network learns from at most, and rows that are made dense at once.
FIT_ROWS, BLOCK_ROWS = 10_000, 5_000
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


@dataclass
class FoldNetworks:
    """One conditioned network a fold, each with the encoder of the rows that it learned from.

    Parameters
    ----------
    settings : Settings
    seed : int
        Of weights, batches and rows drawn.
    """

    settings: Settings
    seed: int = 0
    models_: list[tuple[Encoder, object]] = field(default_factory=list, repr=False)
    fitted_: int = 0

    def fit(
        self,
        frame: pd.DataFrame,
        labels: np.ndarray,
        fold: np.ndarray,
        say: Callable[[str], None] = lambda _: None,
    ) -> FoldNetworks:
        """Train one network for each fold, on at most `FIT_ROWS` rows of the other folds."""
        rng = np.random.default_rng(self.seed)
        for k in range(fold.max() + 1):
            rows = np.flatnonzero(fold != k)
            encoder = Encoder(even_costs=True).fit(frame.iloc[rows])
            most = max(200, min(FIT_ROWS, FIT_ENTRIES // len(encoder.names_)))
            rows = _few_of_each(rows, labels, most, rng)
            self.fitted_ = max(self.fitted_, len(rows))
            x = encoder.transform(frame.iloc[rows])
            self.models_.append((encoder, self._trained(x, labels[rows], rng)))
            say(f"network {k + 1} of {fold.max() + 1}: learned from {len(rows):,} rows")
        return self

    def _trained(self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> object:
        from latentbook.autoencoders import variational  # keras takes seconds to import

        held = np.zeros(len(x), dtype=bool)
        for c in np.unique(y):
            own = rng.permutation(np.flatnonzero(y == c))
            held[own[: len(own) // 10]] = True
        batch = int(np.clip(len(x) // 40, 8, 250))
        model, _ = variational.trained(
            "cl-vae",
            x[~held],
            y[~held],
            x[held] if held.any() else None,
            y[held] if held.any() else None,
            epochs=max(2, min(100, self.settings.steps * batch // len(x))),
            patience=10 if held.any() else None,
            batch_size=batch,
            seed=self.seed,
            progress=False,
            likelihood="gaussian",
            gamma=self.settings.gamma,
            hidden=self.settings.hidden,
            n_latent=max(1, min(self.settings.n_latent, x.shape[1] // 2)),
        )
        return model

    def strangeness(self, frame: pd.DataFrame, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """Return minus the bound on γ log p(x | class) of each row, by the network of its fold."""
        scores = np.empty(len(frame))
        for k, (encoder, model) in enumerate(self.models_):
            rows = np.flatnonzero(fold == k)
            for block in _blocks(rows):
                x = encoder.transform(frame.iloc[block])
                terms = model.terms(x, labels[block], seed=self.seed)  # type: ignore[attr-defined]
                scores[block] = self.settings.gamma * terms["reconstruction"] + terms["kl"]
        return scores

    def explain(
        self, frame: pd.DataFrame, labels: np.ndarray, fold: np.ndarray, rows: np.ndarray
    ) -> Explanation:
        """Return what the networks expect of `rows`, in their order."""
        columns = list(self.models_[0][0].kinds_)
        errors = np.zeros((len(rows), len(columns)))
        z = np.full(errors.shape, np.nan)
        expected: list[pd.DataFrame] = []
        for k, (encoder, model) in enumerate(self.models_):
            at = np.flatnonzero(fold[rows] == k)
            if not len(at):
                continue
            own = rows[at]
            x = encoder.transform(frame.iloc[own])
            made = model.reconstruct(x, labels[own])  # type: ignore[attr-defined]
            by_column = encoder.column_errors(x, made)
            shared = [c for c in by_column if c in columns]
            where = [columns.index(c) for c in shared]
            errors[np.ix_(at, where)] = by_column[shared]
            usual = self._usual_errors(k, frame, labels, fold)
            for j, name in enumerate(encoder.names_):
                if name in columns and encoder.kinds_.get(name) == "number":
                    z[at, columns.index(name)] = (x[:, j] - made[:, j]) / usual[j]
            expected.append(encoder.inverse_transform(made).set_index(at))
        return Explanation(columns, errors, z, pd.concat(expected).sort_index())

    def _usual_errors(
        self, k: int, frame: pd.DataFrame, labels: np.ndarray, fold: np.ndarray
    ) -> np.ndarray:
        """Return the root mean square error of each column of the matrix in fold `k`."""
        encoder, model = self.models_[k]
        rows = np.flatnonzero(fold == k)[:BLOCK_ROWS]
        x = encoder.transform(frame.iloc[rows])
        error = x - model.reconstruct(x, labels[rows])  # type: ignore[attr-defined]
        return np.sqrt((error**2).mean(axis=0)) + 1e-6


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

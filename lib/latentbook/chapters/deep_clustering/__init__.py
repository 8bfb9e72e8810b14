"""Chapter 04: deep clustering with a convolutional autoencoder (DCEC)."""

from typing import Any

CHAPTER = "04-deep-clustering"
#: Weight of the clustering loss in the reference implementation of guo2017dcec.
GAMMA = 0.1
#: What the reference fixes; a faithful run keeps all of it.
REFERENCE: dict[str, Any] = {
    "gamma": GAMMA,
    "alpha": 1.0,
    "init": "k-means",
    "architecture": "cae10-guo",
    "trained_on": "all",
}
#: Epochs of pretraining in the reference; the quick profile takes fewer.
REFERENCE_EPOCHS = 200
#: Rows of the arrays ``history ...``: what `DCEC.history_` keeps of every update.
HISTORY = (
    "iteration",
    "loss",
    "clustering_loss",
    "reconstruction_loss",
    "changed",
    "acc",
    "nmi",
    "ari",
)


def run_name(method: str, gamma: float, seed: int, network: str = "") -> str:
    """Return the name of a run among the arrays of its data set.

    Parameters
    ----------
    method : str
        As the records spell it.
    network : str, default=""
        First digits of the digest of a network that was loaded.
    """
    name = f"{method}, gamma {gamma:g}, seed {seed}"
    return f"{name}, network {network}" if network else name

"""Race an epoch as the book feeds it against one as Keras feeds it: ``python bench/feed.py``.

The network is Guo's autoencoder on noise of 28 x 28 pixels. Keras' pipelines often wait at the end
of an epoch for the next waking of a tuner (0.01, 0.03, 0.07 ... 20, 41 seconds after the start; see
`latentbook.feed`). Whether they do is a race between threads, so the mean is what counts, and what
is lost depends on the length of the epoch, which ``--images`` sets.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import mean


def race(images: int, rounds: int) -> None:
    """Print what an epoch of both takes, run in turns, and the ratio of the means."""
    import numpy as np

    from latentbook import feed, training
    from latentbook.autoencoders import conv

    x = np.random.default_rng(0).random((images, 28, 28, 1), dtype=np.float32)
    autoencoder, loss = conv.build("cae10-guo", x.shape[1:], 10, seed=0)
    model = autoencoder.model
    model.compile("adam", loss, **training.compiling())
    feeds = {
        "keras": lambda: {"x": x, "y": x, "batch_size": 256},
        "latentbook": lambda: feed.arrays(x, x, batch_size=256),
    }
    seconds: dict[str, list[float]] = {name: [] for name in feeds}
    for _ in range(rounds + 1):
        for name, fed in feeds.items():
            before = time.perf_counter()
            model.fit(**fed(), shuffle=False, verbose=0)
            seconds[name].append(time.perf_counter() - before)
    for name, taken in seconds.items():
        del taken[0]  # it compiles
        print(f"{name:<12}{mean(taken):6.2f} s an epoch, at most {max(taken):.2f} s")
    print(f"{'ratio':<12}{mean(seconds['keras']) / mean(seconds['latentbook']):6.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    race(arguments.images, arguments.rounds)

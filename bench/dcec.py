"""Race an iteration and a whole period of DCEC against the reference and against ClustPy.

    python bench/dcec.py --reference-python A/bin/python --clustpy-python B/bin/python

Each peer is a process of its own that stays alive; in every round they take turns on the same
images with the same network, batch and number of threads, all on the CPU. `reference` does what
the implementation of guo2017dcec does, under tf_keras. `clustpy` runs the IDEC step of ClustPy on
PyTorch; it has no update of the target to measure.

The peers need packages that the book does not; one that is not installed is printed as
``not available``. Each wants an environment of its own:

    pip install tensorflow-cpu numpy, then pip install --no-deps tf_keras    # the reference
    pip install clustpy==0.0.3                                               # ClustPy

Without ``--no-deps`` tf_keras brings a second TensorFlow along.

The update of the reference over 70,000 images takes longer than 140 iterations. With
``--iterations 20 --update-images 10000`` a round is a seventh of a period; the seconds of the
update and the period are scaled up, and the output says so.

TensorFlow turns the oneDNN kernels on by itself only for some processors. ``--onednn PEER ...``
turns them on for the named peers, to tell their part in a ratio from that of the code.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np

BATCH = 256
PERIOD = 140  #: iterations between two updates of the target
GAMMA = 0.1
CLUSTERS = 10

#: What, peer, at least so many times as fast.
TARGETS = [
    ("iteration", "reference", 1.3),
    ("period", "reference", 2.0),
    ("iteration", "clustpy", 1.2),
]


class Peer(Protocol):
    """What takes part in the race; made in the folder that holds the images ``x.npy``."""

    packages: tuple[str, ...]
    parameters: int

    def iterate(self, count: int) -> float:
        """Do so many iterations; return their mean loss."""

    def update(self, count: int) -> None:
        """Set target and labels of the first images anew."""


def rows(iteration: int, n: int) -> slice:
    """Return the images of an iteration: in the order of the file, the last batch smaller."""
    start = iteration % -(-n // BATCH) * BATCH
    return slice(start, min(start + BATCH, n))


def before_the_last_batch(n: int) -> int:
    """Return the iteration to begin with, so that a short warm-up meets the smaller batch too."""
    return max(-(-n // BATCH) - 3, 0)


class Ours:
    """`latentbook.dcec`; leaves its first weights and target for the reference to start from."""

    packages: tuple[str, ...] = ("keras", "tensorflow-cpu")

    def __init__(self, folder: Path) -> None:
        from latentbook.autoencoders import conv
        from latentbook.dcec import DCEC

        self.x = np.load(folder / "x.npy")
        self.estimator = DCEC(CLUSTERS, gamma=GAMMA, batch_size=BATCH, progress=False)
        autoencoder, _ = conv.build("cae10-guo", self.x.shape[1:], seed=0)
        self.estimator.autoencoder_ = autoencoder
        self.estimator.model_ = self.estimator._join(autoencoder)
        self.estimator._clustering.centres.assign(autoencoder.encode(self.x[:CLUSTERS]))
        self.parameters = self.estimator.model_.count_params()
        self.iteration = before_the_last_batch(len(self.x))
        self.p = np.empty((len(self.x), CLUSTERS), dtype=np.float32)
        self.update(len(self.x))
        parts = (autoencoder.encoder, autoencoder.decoder, self.estimator._clustering)
        weights = [w for part in parts for w in part.get_weights()]
        np.savez(folder / "start.npz", self.p, *weights)

    def iterate(self, count: int) -> float:
        """Train through `IntervalBatches`, as `DCEC.fit` does."""
        from latentbook import feed
        from latentbook.dcec import IntervalBatches

        batches = IntervalBatches(self.x, self.p, BATCH, self.iteration, count)
        self.iteration += count
        logs = self.estimator.model_.fit(feed.dataset(batches), shuffle=False, verbose=0).history
        return float(logs["loss"][-1])

    def update(self, count: int) -> None:
        """Predict with the encoder alone."""
        from latentbook.dcec import target_distribution

        q = self.estimator.predict_proba(self.x[:count])
        self.p[:count] = target_distribution(q)
        self.labels = q.argmax(axis=1)


class Reference:
    """What the implementation of guo2017dcec does, written anew for tf_keras."""

    packages: tuple[str, ...] = ("tf_keras", "tensorflow-cpu")

    def __init__(self, folder: Path) -> None:
        import tf_keras

        self.x = np.load(folder / "x.npy")
        self.model = self.build(self.x.shape[1:])
        self.model.compile(tf_keras.optimizers.Adam(), ["kld", "mse"], loss_weights=[GAMMA, 1.0])
        with np.load(folder / "start.npz") as start:
            self.p, *weights = (start[name] for name in start.files)
        for variable in self.model.weights:  # encoder before decoder in both, centres elsewhere
            found = next(i for i, w in enumerate(weights) if w.shape == tuple(variable.shape))
            variable.assign(weights.pop(found))
        self.parameters = self.model.count_params()
        self.iteration = before_the_last_batch(len(self.x))

    @staticmethod
    def build(shape: tuple[int, int, int]) -> Any:
        """Return the network: images in, soft assignments and reconstructions out."""
        import tensorflow as tf
        import tf_keras
        from tf_keras import layers

        class Clustering(layers.Layer):
            def build(self, input_shape: Any) -> None:
                self.centres = self.add_weight(
                    name="centres", shape=(CLUSTERS, input_shape[-1]), initializer="glorot_uniform"
                )

            def call(self, z: Any) -> Any:
                squared = tf.reduce_sum(tf.square(tf.expand_dims(z, 1) - self.centres), axis=2)
                q = 1.0 / (1.0 + squared)
                return tf.transpose(tf.transpose(q) / tf.reduce_sum(q, axis=1))

        side, same = shape[0] // 8, {"padding": "same", "activation": "relu"}
        third = same | {"padding": "valid" if shape[0] % 8 else "same"}
        image = tf_keras.Input(shape)
        x = layers.Conv2D(32, 5, 2, **same)(image)
        x = layers.Conv2D(64, 5, 2, **same)(x)
        x = layers.Conv2D(128, 3, 2, **third)(x)
        code = layers.Dense(10)(layers.Flatten()(x))
        x = layers.Dense(128 * side * side, activation="relu")(code)
        x = layers.Reshape((side, side, 128))(x)
        x = layers.Conv2DTranspose(64, 3, 2, **third)(x)
        x = layers.Conv2DTranspose(32, 5, 2, **same)(x)
        x = layers.Conv2DTranspose(shape[2], 5, 2, padding="same")(x)
        return tf_keras.Model(image, [Clustering()(code), x])

    def iterate(self, count: int) -> float:
        """Train on one batch at a time."""
        losses, sizes = [], []
        for _ in range(count):
            batch = rows(self.iteration, len(self.x))
            x, p = self.x[batch], self.p[batch]
            losses.append(self.model.train_on_batch(x, [p, x])[0])
            sizes.append(len(x))
            self.iteration += 1
        return float(np.average(losses, weights=sizes))

    def update(self, count: int) -> None:
        """Predict both outputs at the default batch of 32, and throw one away."""
        q, _ = self.model.predict(self.x[:count], verbose=0)
        weight = q**2 / q.sum(0)
        self.p[:count] = (weight.T / weight.sum(1)).T
        self.labels = q.argmax(axis=1)


class ClustPy:
    """The IDEC step of ClustPy with its default settings, on the same network in PyTorch.

    Batches are sliced in the order of the file: ClustPy's loader, which collects images one by
    one, is left out to its advantage.
    """

    packages: tuple[str, ...] = ("clustpy", "torch")

    def __init__(self, folder: Path) -> None:
        import torch
        from clustpy.deep._utils import mean_squared_error
        from clustpy.deep.dec import _DEC_Module

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        torch.manual_seed(0)
        images = np.load(folder / "x.npy")
        self.x = torch.from_numpy(np.ascontiguousarray(np.moveaxis(images, -1, 1)))
        self.device, self.error = torch.device("cpu"), mean_squared_error
        self.network = self.build(images.shape[1:])
        with torch.no_grad():
            centres = self.network.encode(self.x[:CLUSTERS]).numpy()
        self.module = _DEC_Module(centres, 1.0)
        trained = [*self.network.parameters(), *self.module.parameters()]
        self.optimizer = torch.optim.Adam(trained, lr=1e-4)
        self.parameters = sum(w.numel() for w in trained)
        self.iteration = before_the_last_batch(len(images))

    @staticmethod
    def build(shape: tuple[int, int, int]) -> Any:
        """Return the network of guo2017dcec as one of ClustPy's autoencoders."""
        from clustpy.deep.neural_networks._abstract_autoencoder import _AbstractAutoencoder
        from torch import nn

        side, pad = shape[0] // 8, 0 if shape[0] % 8 else 1
        twice = {"stride": 2, "padding": 2}
        back = {**twice, "output_padding": 1}

        class Guo(_AbstractAutoencoder):
            def __init__(self) -> None:
                super().__init__()
                self.encoder = nn.Sequential(
                    *(nn.Conv2d(shape[2], 32, 5, **twice), nn.ReLU()),
                    *(nn.Conv2d(32, 64, 5, **twice), nn.ReLU()),
                    *(nn.Conv2d(64, 128, 3, 2, pad), nn.ReLU()),
                    *(nn.Flatten(), nn.Linear(128 * side * side, 10)),
                )
                self.decoder = nn.Sequential(
                    *(nn.Linear(10, 128 * side * side), nn.ReLU()),
                    nn.Unflatten(1, (128, side, side)),
                    *(nn.ConvTranspose2d(128, 64, 3, 2, pad, pad), nn.ReLU()),
                    *(nn.ConvTranspose2d(64, 32, 5, **back), nn.ReLU()),
                    nn.ConvTranspose2d(32, shape[2], 5, **back),
                )

            def encode(self, x: Any) -> Any:
                return self.encoder(x)

            def decode(self, embedded: Any) -> Any:
                return self.decoder(embedded)

        return Guo()

    def iterate(self, count: int) -> float:
        """Train as the loop in `_DEC_Module.fit` does."""
        total = 0.0
        for _ in range(count):
            batch = rows(self.iteration, len(self.x))
            loss = self.module._loss(
                [None, self.x[batch]], self.network, GAMMA, 1.0, self.error, self.device
            )
            total += loss.item()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.iteration += 1
        return total / count

    def update(self, count: int) -> None:
        """Do nothing: ClustPy takes its target from each batch."""


PEERS: dict[str, Callable[[Path], Peer]] = {
    "ours": Ours,
    "reference": Reference,
    "clustpy": ClustPy,
}


def serve(name: str, folder: Path) -> None:
    """Be a peer: answer every line ``iterate COUNT`` or ``update COUNT`` with a line of JSON."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the libraries print must not come between the answers

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=channel)

    try:
        peer = PEERS[name](folder)
    except ImportError as error:
        answer(missing=str(error))
        return
    used = ", ".join(f"{package} {_version(package)}" for package in peer.packages)
    if "tensorflow-cpu" in peer.packages:
        used += f", oneDNN {os.environ.get('TF_ENABLE_ONEDNN_OPTS', 'as TensorFlow decides')}"
    answer(parameters=peer.parameters, versions=used)
    for line in sys.stdin:
        command, count = line.split()
        wall, processor = time.perf_counter(), time.process_time()
        value = getattr(peer, command)(int(count))
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        answer(seconds=wall, processor=processor, value=value)


def _version(package: str) -> str:
    with contextlib.suppress(ImportError):
        return version(package)
    return version(package.removesuffix("-cpu"))


class Process:
    """A peer behind a pipe, or the reason why there is none."""

    def __init__(self, name: str, python: str, folder: Path, settings: dict[str, str]) -> None:
        self.name = name
        self.seconds: dict[str, list[float]] = {"iteration": [], "update": [], "period": []}
        self.processor: dict[str, list[float]] = {"iteration": [], "update": [], "period": []}
        self.missing = ""
        try:
            self.process = subprocess.Popen(
                [python, __file__, "serve", name, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=(folder / f"{name}.log").open("w"),
                text=True,
                # latentbook, imported here, has set this variable: every peer starts without it
                env={k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
                | settings,
            )
        except OSError as error:
            self.missing = str(error)
            return
        self.log = folder / f"{name}.log"
        self.hello = self.read()
        self.missing = self.hello.get("missing", "")

    def read(self) -> dict[str, Any]:
        """Return the next answer.

        Raises
        ------
        RuntimeError
            If the process has died.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has failed:\n{self.log.read_text()[-2000:]}")
        return json.loads(line)

    def ask(self, command: str, count: int) -> dict[str, Any]:
        """Have the peer do something and return its answer."""
        assert self.process.stdin
        print(command, count, file=self.process.stdin, flush=True)
        return self.read()

    def turn(self, iterations: int, images: int, scale: float) -> float:
        """Measure iterations and an update; return the mean loss of the iterations."""
        done = self.ask("iterate", iterations)
        update = self.ask("update", images)
        for clock, kept in (("seconds", self.seconds), ("processor", self.processor)):
            kept["iteration"].append(done[clock] / iterations)
            kept["update"].append(update[clock] * scale)
            kept["period"].append(kept["iteration"][-1] * PERIOD + kept["update"][-1])
        return float(done["value"])


def environment(threads: int) -> dict[str, str]:
    """Return the variables that give every library the same number of threads, and no GPU."""
    pools = ("OMP", "MKL", "OPENBLAS", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
    names = [
        f"{pool}_THREADS" if pool.startswith("TF") else f"{pool}_NUM_THREADS" for pool in pools
    ]
    return dict.fromkeys(names, str(threads)) | {
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def images(n: int) -> tuple[np.ndarray, str]:
    """Return `n` images, float32, and what they are: MNIST, or noise of its shape."""
    from latentbook import datasets
    from latentbook.errors import LatentbookError

    try:
        return datasets.load("mnist", download=False).x[:n], "MNIST"
    except LatentbookError:
        return np.random.default_rng(0).random((n, 28, 28, 1), dtype=np.float32), "random images"


@contextlib.contextmanager
def started(options: argparse.Namespace, x: np.ndarray) -> Iterator[list[Process]]:
    """Yield the peers, those that are not available included, and end them afterwards."""
    pythons = {
        "ours": sys.executable,
        "reference": options.reference_python,
        "clustpy": options.clustpy_python,
    }
    peers: list[Process] = []
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", x)
        try:
            for name, python in pythons.items():
                settings = environment(options.threads)
                if name in options.onednn:
                    settings["TF_ENABLE_ONEDNN_OPTS"] = "1"
                peers.append(Process(name, python, Path(folder), settings))
            yield peers
        finally:
            for peer in peers:
                if hasattr(peer, "process"):
                    peer.process.kill()
                    peer.process.wait()


def race(peers: list[Process], options: argparse.Namespace) -> None:
    """Let the peers take turns, after a warm-up that is not counted."""
    updated = options.update_images or options.images
    for peer in peers:
        peer.ask("iterate", 5)
        peer.ask("update", min(2000, options.images))
    for number in range(1, options.rounds + 1):
        for peer in peers:
            loss = peer.turn(options.iterations, updated, options.images / updated)
            print(
                f"round {number}  {peer.name:<10} mean loss {loss:.6f}"
                f"  iteration {peer.seconds['iteration'][-1]:8.4f} s"
                f"  update {peer.seconds['update'][-1]:8.2f} s",
                flush=True,
            )


def spread(values: list[float], digits: int) -> str:
    """Return the median and the range."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def summary(peers: list[Process]) -> None:
    """Print the median seconds of every peer, on the clock and of the processor."""
    for peer in peers:
        print(f"{peer.name}: {peer.hello['versions']}, {peer.hello['parameters']:,} parameters")
        for what, seconds in peer.seconds.items():
            if what != "iteration" and peer.name == "clustpy":
                continue
            digits = 4 if what == "iteration" else 2
            used = median(peer.processor[what])
            print(f"  {what:<10} {spread(seconds, digits)} s, processor {used:.{digits}f} s")


def ratios(peers: list[Process]) -> bool:
    """Print how many times as fast as the peers ours is; say whether no target was missed."""
    found = {peer.name: peer for peer in peers if not peer.missing}
    reached = True
    for what, name, target in TARGETS:
        line = f"{what + ', ' + name + ' / ours':<32}"
        if name not in found:
            print(f"{line} not available")
            continue
        clock, processor = (
            [a / b for a, b in zip(theirs[what], ours[what], strict=True)]
            for theirs, ours in (
                (found[name].seconds, found["ours"].seconds),
                (found[name].processor, found["ours"].processor),
            )
        )
        verdict = "reached" if median(clock) >= target else "missed"
        reached = reached and verdict == "reached"
        print(
            f"{line} {spread(clock, 2)}, by processor time {spread(processor, 2)}, "
            f"at least {target}: {verdict}"
        )
    return reached


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reference-python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--clustpy-python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=PERIOD, help="measured in a round")
    parser.add_argument("--images", type=int, default=70_000)
    parser.add_argument("--update-images", type=int, help="predicted at an update (default: all)")
    parser.add_argument("--onednn", nargs="*", default=[], choices=["ours", "reference"])
    return parser.parse_args()


def main() -> int:
    """Run the race; return 1 if a target was missed."""
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], Path(sys.argv[3]))
        return 0
    from latentbook.study import (
        provenance,  # not needed, and perhaps not there, where a peer is served
    )

    options = parse()
    x, name = images(options.images)
    options.images = len(x)
    print(
        f"{provenance.device()}, {os.cpu_count()} cores, {options.threads} thread(s) each; load "
        f"{os.getloadavg()[0]:.1f}; {len(x):,} {name}, batch {BATCH}"
    )
    scaled = (options.iterations, options.update_images or len(x)) != (PERIOD, len(x))
    if scaled:
        print("period: scaled from fewer iterations or images at the update")
    with started(options, x) as peers:
        for peer in peers:
            if peer.missing:
                print(f"{peer.name:<10} not available: {peer.missing}")
        present = [peer for peer in peers if not peer.missing]
        race(present, options)
        summary(present)
        reached = ratios(peers)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())

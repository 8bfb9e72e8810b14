"""Tables of the study: the published columns as a typed frame, and a numeric matrix beside it.

The book's encoding of mixed columns is `tabular.Encoder`, which starts from the frame: chapter 07
encodes network connections and trades with it.
NSL-KDD has a matrix here as well, because the committed records of chapter 02 were measured on it.
It is no setting of `tabular.Encoder`. That one standardises numbers on a soft logarithmic scale,
divides categories by √2, merges rare values and drops constant columns, and other numbers in the
matrix are other results. Here numbers are scaled to [0, 1] by the range of the training split, and
the column of a value that never occurs stays: a value outside [0, 1] is one that training never
saw, which chapter 02 clips.
Tables of the reader are left to `latentbook.tabular`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pandas as pd

from latentbook.datasets import trades
from latentbook.datasets.dataset import Dataset
from latentbook.datasets.registry import Entry
from latentbook.datasets.store import Verified
from latentbook.errors import LatentbookError


def build(data: Entry, raw: Verified) -> Dataset:
    """Return the table of `raw` as a `Dataset` with x of shape (n, d), y and the frame."""
    reader = {"satimage": _satimage, "nsl_kdd": _nsl_kdd, "trades": _trades}[data.name]
    frame, x, y, n_train = reader(data, raw.arrays)
    if not np.isfinite(x).all():
        raise LatentbookError(f"{data.name} from {raw.source} holds NaN or infinite values")
    return Dataset(
        name=data.name,
        x=x,
        y=y,
        classes=data.classes,
        n_train=n_train,
        sha256=raw.sha256,
        index=np.arange(len(x)),
        complete=raw.complete,
        source=raw.source,
        frame=frame,
        part=raw.part,
    )


Table = tuple[pd.DataFrame, np.ndarray, np.ndarray, int]


def _satimage(data: Entry, arrays: dict[str, np.ndarray]) -> Table:
    """Return 36 columns ``pixel1_band1`` ... ``pixel9_band4`` and the soil; x is bytes / 255.

    Pixels run from the top left to the bottom right of the 3 x 3 neighbourhood; 5 is the centre.
    """
    values = np.concatenate([arrays["x_train"], arrays["x_test"]])
    codes = np.concatenate([arrays["y_train"], arrays["y_test"]])
    y = np.searchsorted(data.extra["codes"], codes).astype(np.int64)
    names = [f"pixel{pixel}_band{band}" for pixel in range(1, 10) for band in range(1, 5)]
    frame = pd.DataFrame(values, columns=names)
    frame["soil"] = pd.Categorical.from_codes(y, categories=list(data.classes))
    return frame, values.astype(np.float32) / np.float32(255), y, len(arrays["y_train"])


_NSL_KDD = """
    duration protocol_type service flag src_bytes dst_bytes land wrong_fragment urgent hot
    num_failed_logins logged_in num_compromised root_shell su_attempted num_root num_file_creations
    num_shells num_access_files num_outbound_cmds is_host_login is_guest_login count srv_count
    serror_rate srv_serror_rate rerror_rate srv_rerror_rate same_srv_rate diff_srv_rate
    srv_diff_host_rate dst_host_count dst_host_srv_count dst_host_same_srv_rate
    dst_host_diff_srv_rate dst_host_same_src_port_rate dst_host_srv_diff_host_rate
    dst_host_serror_rate dst_host_srv_serror_rate dst_host_rerror_rate dst_host_srv_rerror_rate
"""
NSL_KDD_COLUMNS = tuple(_NSL_KDD.split())


def _nsl_kdd(data: Entry, arrays: dict[str, np.ndarray]) -> Table:
    """Return the 41 features, label and difficulty; x has 122 columns, see `_nsl_kdd_matrix`."""
    train, test = (_connections(data, arrays[part].tobytes()) for part in ("train", "test"))
    frame = pd.concat([train, test], ignore_index=True)
    group = {label: name for name, labels in data.extra["attacks"].items() for label in labels}
    group["normal"] = "normal"
    y = frame["label"].map(group).map(data.classes.index).to_numpy(np.int64)
    frame["label"] = frame["label"].astype("category")
    x = np.column_stack(list(_nsl_kdd_matrix(frame, len(train))))
    return frame, x, y, len(train)


def _connections(data: Entry, text: bytes) -> pd.DataFrame:
    """Return comma-separated `text` as a frame: categories, whole numbers, and rates in [0, 1]."""
    known = {"protocol_type": "protocols", "service": "services", "flag": "flags"}
    types: dict[str, object] = {
        name: "float64" if name.endswith("_rate") else "int64" for name in NSL_KDD_COLUMNS
    }
    types |= {name: pd.CategoricalDtype(data.extra[key]) for name, key in known.items()}
    types |= {"label": "str", "difficulty": "int64"}
    return pd.read_csv(io.BytesIO(text), names=list(types), dtype=types)


def _nsl_kdd_matrix(frame: pd.DataFrame, n_train: int) -> Iterator[np.ndarray]:
    """Yield columns in published order: a category becomes one 0/1 column for each of its values.

    Numbers are scaled by minimum and maximum of the training split, so test values may exceed 1.
    A column that is constant in training becomes the distance from that constant.
    """
    for name in NSL_KDD_COLUMNS:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            yield _one_hot(column)
        else:
            values = column.to_numpy(np.float64)
            low, high = values[:n_train].min(), values[:n_train].max()
            yield ((values - low) / ((high - low) or 1.0)).astype(np.float32)


def _one_hot(column: pd.Series) -> np.ndarray:
    """Return a 0/1 column for each category of `column`, zeros where it is missing."""
    codes = column.cat.codes.to_numpy()
    return (codes[:, np.newaxis] == np.arange(len(column.cat.categories))).astype(np.float32)


def _trades(data: Entry, arrays: dict[str, np.ndarray]) -> Table:
    """Return the frame of `trades.frame` and the trader; x has no columns, see `tabular.Encoder`.

    The rows are in random order; the first two thirds are the training split.
    """
    frame = trades.frame(arrays["rows"])
    y = frame["trader"].cat.codes.to_numpy(np.int64)
    return frame, np.zeros((len(frame), 0), np.float32), y, 2 * len(frame) // 3

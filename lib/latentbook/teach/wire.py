"""What may pass between the answers of a student and the tests: values, never code.

Numbers, texts, arrays, tables and plain containers travel as JSON; anything else, functions among
them, stays where it is and is named by a handle, which `running` can ask to be called.
Nothing is unpickled, so that an answer cannot run anything where it is marked.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

#: More does not travel, bytes of one value.
LIMIT = 64 * 2**20


@dataclass(frozen=True)
class Handle:
    """Something that stays with the student's process, by number."""

    number: int
    kind: str
    callable: bool


def pack(value: Any, keep: Callable[[Any], int]) -> Any:
    """Return a value as JSON can hold it.

    Parameters
    ----------
    value : object
    keep : callable
        Given what cannot travel; returns the number of its handle.
    """
    if isinstance(value, np.generic):  # np.float64 is a float, np.str_ a str
        return pack(np.asarray(value), keep)
    if value is None or isinstance(value, bool | int | str):
        return value
    if value is ...:
        return {"unanswered": True}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        target = io.BytesIO()
        np.save(target, value, allow_pickle=False)
        return {"array": base64.b64encode(target.getvalue()).decode()}
    if isinstance(value, pd.DataFrame):
        return {
            "frame": [[_plain(name), pack(_column(value.iloc[:, i]), keep)]
                      for i, name in enumerate(value.columns)],
            "index": pack(_column(value.index), keep),
        }  # fmt: skip
    if isinstance(value, pd.Series):
        return {"series": pack(_column(value), keep), "index": pack(_column(value.index), keep)}
    if isinstance(value, list | tuple | set | frozenset):
        kind = "list" if isinstance(value, list) else "tuple" if isinstance(value, tuple) else "set"
        return {kind: [pack(one, keep) for one in value]}
    if isinstance(value, dict):
        return {"dict": [[pack(k, keep), pack(v, keep)] for k, v in value.items()]}
    return {"handle": [keep(value), type(value).__name__, callable(value)]}


def _plain(name: Any) -> Any:
    return name if isinstance(name, str | int) else str(name)


def _column(values: Any) -> Any:
    array = values.to_numpy()
    return [_plain(one) if not isinstance(one, float) else one for one in array.tolist()] if (
        array.dtype.hasobject or array.dtype.kind in "mM"
    ) else array  # fmt: skip


def unpack(packed: Any, fetch: Callable[[Handle], Any]) -> Any:
    """Return the value that `pack` has packed.

    Parameters
    ----------
    packed : object
    fetch : callable
        Given a handle; returns what stands for it here.

    Raises
    ------
    ValueError
        If it is not what `pack` makes.
    """
    if packed is None or isinstance(packed, bool | int | str):
        return packed
    if not isinstance(packed, dict) or not packed:
        raise ValueError("the answer did not come as it was sent")
    kind, content = next(iter(packed.items()))
    if kind == "unanswered":
        return ...
    if kind == "float":
        return float(content)
    if kind == "array":
        array = np.load(io.BytesIO(base64.b64decode(content)), allow_pickle=False)
        return array[()] if array.ndim == 0 else array
    if kind == "frame":
        columns = {name: unpack(column, fetch) for name, column in content}
        return pd.DataFrame(columns, index=unpack(packed["index"], fetch))
    if kind == "series":
        return pd.Series(unpack(content, fetch), index=unpack(packed["index"], fetch))
    if kind in ("list", "tuple", "set"):
        parts = [unpack(one, fetch) for one in content]
        return parts if kind == "list" else tuple(parts) if kind == "tuple" else set(parts)
    if kind == "dict":
        return {unpack(k, fetch): unpack(v, fetch) for k, v in content}
    if kind == "handle":
        number, name, is_callable = content
        return fetch(Handle(int(number), str(name), bool(is_callable)))
    raise ValueError("the answer did not come as it was sent")

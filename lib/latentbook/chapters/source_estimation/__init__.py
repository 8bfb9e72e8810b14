"""Chapter 06: where a release came from."""

from typing import Any

CHAPTER = "06-source-estimation"
#: Parameter that can be varied -> the values that are tried.
VARIED: dict[str, tuple[Any, ...]] = {
    "smoothing": (0.0, 0.3, 1.0, 2.0, 4.0),
    "k": (5, 15, 30, 60),
    "readings": (1, 3, 10, 30, 100),
    "values": ("presence", "concentration"),
}

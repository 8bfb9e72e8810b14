"""Any table: from a file to a matrix that a network can learn, and back.

A reader's own CSV, simulated trades and network connections all become a `Dataset` here, whose
matrix never saw a test row while it was scaled, and whose every column knows what it was made of.
Networks, detectors and figures are left to those who learn from the matrix.
"""

from latentbook.tabular.encoding import LIMIT, MAX_CATEGORIES, Encoder
from latentbook.tabular.reading import read
from latentbook.tabular.table import CLASS_ROWS, Table, dataset

__all__ = [
    "CLASS_ROWS",
    "LIMIT",
    "MAX_CATEGORIES",
    "Encoder",
    "Table",
    "dataset",
    "read",
]

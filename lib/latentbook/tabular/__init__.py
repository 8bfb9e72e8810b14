"""Any table: from a file to a matrix that a network can learn, and back.

A reader's own CSV file, simulated trades and network connections become a `Dataset` here.
Scales are learned from training rows only, and every column of the matrix names its origin.
Networks, detectors and figures are left to the modules that learn from the matrix.
"""

from latentbook.tabular.classes import CLASS_ROWS
from latentbook.tabular.encoding import LIMIT, MAX_CATEGORIES, Encoder
from latentbook.tabular.reading import read
from latentbook.tabular.table import Table, add_remarks, dataset

__all__ = [
    "CLASS_ROWS",
    "LIMIT",
    "MAX_CATEGORIES",
    "Encoder",
    "Table",
    "add_remarks",
    "dataset",
    "read",
]

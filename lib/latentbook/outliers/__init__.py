"""Rows of a table that do not fit their class: a rule without a network beside a conditioned one.

`analyse` scores a file, `frequencies` and `network` are the two scores, `trust` says which of them
finds more, `report` writes a page about it, and `detectors` holds other detectors to compare with.
Reading and encoding tables is left to `latentbook.tabular`.
"""

from latentbook.outliers.analysis import Analysis, analyse

__all__ = ["Analysis", "analyse"]

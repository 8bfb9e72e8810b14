"""Coursework: questions of one source, handed out without solutions, checked, graded in bulk.

Notebooks that are handed out import `check` from here, and nothing else of this room.
"""

from latentbook.teach.checking import check

__all__ = ["check"]

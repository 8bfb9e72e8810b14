"""The former name of `latentbook.chapters.begin` and of what reads texts of several values."""

from latentbook.chapters import begin, numbers, words

__all__ = ["begin", "numbers", "words"]

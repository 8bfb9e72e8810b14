"""The data of the study: ``load("mnist")`` returns verified arrays, wherever the files lie.

>>> from latentbook import datasets
>>> digits = datasets.load("digits")
>>> digits.x.shape, digits.description
((1797, 28, 28, 1), 'Optical digits: 1,797 images')
"""

from latentbook.datasets.dataset import Dataset
from latentbook.datasets.loading import class_names, load
from latentbook.datasets.registry import NAMES

__all__ = ["NAMES", "Dataset", "class_names", "load"]

"""Autoencoders as functions that return three Keras models over the same weights.

Each module is one family. Training is left to `latentbook.training`.
"""

from latentbook.autoencoders.base import Autoencoder

__all__ = ["Autoencoder"]

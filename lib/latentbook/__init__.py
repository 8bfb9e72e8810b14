"""Helper library of the book "Latent Spaces".

The notebooks tell the story; the modules here do the work.
Import the module you need (``from latentbook import datasets, embed``): nothing heavy is
imported before it is used.
"""

__version__ = "0.1.0"

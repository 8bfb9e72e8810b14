"""Helper library of the book "Latent Spaces".

The notebooks tell the story; the modules here do the work.
Import the module you need (``from latentbook import datasets, embed``): nothing heavy is
imported before it is used.
"""

import os

# TensorFlow leaves these kernels off on some processors, where they make convolutions 1.4 times
# as fast; it reads the variable when it is first imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"

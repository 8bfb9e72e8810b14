"""Helper library of the book "Latent Spaces".

The notebooks explain; the modules here compute.
Import the module that you need (``from latentbook import datasets, embed``). Nothing heavy is
imported before it is used.
"""

import os

# These kernels make convolutions 1.4 times as fast, but TensorFlow leaves them off on some
# processors.  It reads the variable when it is first imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"

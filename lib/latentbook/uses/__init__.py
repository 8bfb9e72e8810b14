"""What autoencoders are used for: one module a use, each with `study` and functions that draw it.

The questions and how each is judged are in `latentbook.uses.study`.
"""

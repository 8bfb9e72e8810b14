"""Names of methods: the representation, the learner on its codes, and what was changed.

The text of a `Method` is its spelling in the records, and `Method.parse` is the inverse.
No other code takes the text of a method apart.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Method:
    """A method as the records name it.

    Attributes
    ----------
    representation : str
        Source of the codes, such as ``umap2``, ``cae10-guo``, ``dcec`` or ``cl-vae2, gamma 0.3``;
        ``raw`` for the data themselves.
    learner : str, default=""
        Clusterer or detector that works on the codes, such as ``k-means``; empty for none.
    change : str, default=""
        What differs from the faithful setting, such as ``alpha 2`` or ``readings 30``.
    use : str, default=""
        Use of an autoencoder (chapter 02), such as ``denoising``.

    Examples
    --------
    >>> str(Method("umap2", "mixture"))
    'umap2 + mixture'
    >>> Method.parse("cnn-lstm + k-means, smoothing 1.0").change
    'smoothing 1.0'
    >>> str(Method("raw", "k-means"))
    'k-means raw'
    >>> Method.parse("denoising: autoencoder, perceptual")
    Method(representation='autoencoder', learner='', change='perceptual', use='denoising')
    """

    representation: str
    learner: str = ""
    change: str = ""
    use: str = ""

    def __str__(self) -> str:
        """Return the spelling of the records."""
        if self.representation == "raw" and self.learner:
            core = f"{self.learner} raw"
        else:
            core = " + ".join(filter(None, [self.representation, self.learner]))
        changed = ", ".join(filter(None, [core, self.change]))
        return f"{self.use}: {changed}" if self.use else changed

    @classmethod
    @functools.cache
    def parse(cls, text: str) -> Method:
        """Return the method that the records spell `text`."""
        use, _, rest = text.rpartition(": ")
        # a change is at the end; a comma before the learner belongs to the representation
        representation, _, last = rest.rpartition(" + ")
        core, _, change = last.partition(", ")
        if representation:
            return cls(representation, core, change, use)
        if core.endswith(" raw"):
            return cls("raw", core.removesuffix(" raw"), change, use)
        return cls(core, "", change, use)

    @property
    def kind(self) -> str:
        """Representation without its size and settings: ``cl-vae`` of ``cl-vae2, conv``."""
        return self.representation.partition(", ")[0].rstrip("0123456789")

    @property
    def codes(self) -> str:
        """The method without its learner, as the records spell it."""
        return str(replace(self, learner=""))

    @property
    def unchanged(self) -> Method:
        """The same method in its faithful setting."""
        return Method(self.representation, self.learner, use=self.use)

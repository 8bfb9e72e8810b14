"""Copy MathJax out of its Python package into book/extra.

It would otherwise come from a server each time a page is read, or lie in the repository.
Only what the pages load is taken: the component for TeX, its fonts, and what the accessibility
menu asks for.  plotly's script is the business of `latentbook.study.interactive`.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from latentbook import paths

MATHJAX = ("tex-chtml-full.js", "output/chtml/fonts", "a11y", "sre")


def main() -> None:
    """Fill book/extra/mathjax."""
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise SystemExit("latentbook: sphinx-mathjax-offline is not installed: run make again")
    source = Path(package.origin).parent / "static" / "mathjax"
    target = paths.extra() / "mathjax"
    shutil.rmtree(target, ignore_errors=True)
    for part in MATHJAX:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part)
        else:
            shutil.copy(source / part, target / part)


if __name__ == "__main__":
    main()

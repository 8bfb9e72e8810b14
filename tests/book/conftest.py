"""The rendered pages, which ``make book`` leaves in _build/html."""

from pathlib import Path

import pytest

from latentbook import paths

HTML = paths.root() / "_build" / "html"


def built_pages() -> list[Path]:
    """Return every page of the built book, the interactive ones included."""
    aside = {"genindex.html", "search.html", "_static", "mathjax"}
    pages = (page.relative_to(HTML) for page in HTML.rglob("*.html"))
    return [HTML / page for page in sorted(pages) if page.parts[0] not in aside]


def pytest_generate_tests(metafunc):
    """Run a test that asks for `page` once a page; skip it, visibly, where nothing is built."""
    if "page" in metafunc.fixturenames:
        pages = built_pages() or [
            pytest.param(None, marks=pytest.mark.skip("the book is not built: make book"))
        ]
        names = [p.relative_to(HTML).as_posix() if isinstance(p, Path) else "none" for p in pages]
        metafunc.parametrize("page", pages, ids=names)


@pytest.fixture(scope="session")
def html() -> Path:
    """Return the folder of the built book."""
    if not (HTML / "index.html").is_file():
        pytest.skip("the book is not built: make book")
    return HTML

"""What every notebook owes its pages: captions, alternative texts, tables that are rendered."""

import json

import pytest

from latentbook import paths
from latentbook.study import cells

NOTEBOOKS = {path.stem: path for path in cells.notebooks(paths.notebooks())}


def code(notebook):
    """Return the code cells: source, and metadata for MyST."""
    content = json.loads(NOTEBOOKS[notebook].read_text(encoding="utf-8"))
    return [
        ("".join(cell["source"]), cell["metadata"].get("mystnb", {}))
        for cell in content["cells"]
        if cell["cell_type"] == "code"
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_figure_has_a_name_a_caption_and_a_text_instead(notebook):
    for source, myst in code(notebook):
        if "plt.show()" in source:
            assert {"name", "caption"} <= set(myst.get("figure", {})), source
            assert myst["image"]["alt"], source


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_tables_are_rendered_as_myst(notebook):
    """Otherwise a page shows the text of the table's directive."""
    for source, myst in code(notebook):
        if source.rstrip().rpartition("\n")[2].startswith("Markdown(tables."):
            assert myst.get("markdown_format") == "myst", source

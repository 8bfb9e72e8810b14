"""Source of the library as a chapter shows it."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from latentbook import dimension, embed
from latentbook.study.source import WIDTH, show_source, source


class Example:
    """First line of the class.

    More of it.
    """

    def one(self) -> int:
        """Return one.

        Examples
        --------
        None.
        """
        return 1

    def two(self) -> int:
        """Return two."""
        return 2


def test_docstrings_keep_their_first_line_and_the_code_is_the_same():
    assert source(Example).splitlines() == [
        "class Example:",
        '    """First line of the class."""',
        "    def one(self) -> int:",
        '        """Return one."""',
        "        return 1",
        "",
        "    def two(self) -> int:",
        '        """Return two."""',
        "        return 2",
    ]


@pytest.mark.parametrize("function", [dimension.contrast, dimension.relative_contrast, embed.hog])
def test_what_is_shown_computes_the_same(function):
    names = dict(vars(__import__(function.__module__, fromlist=["x"])))
    exec(source(function), names)
    shown = names[function.__name__]
    if function is dimension.contrast:
        assert shown(10, 2, random_state=0) == function(10, 2, random_state=0)
    elif function is dimension.relative_contrast:
        cloud = np.random.default_rng(0).normal(size=(30, 4))
        assert shown(cloud) == function(cloud)
    else:
        images = np.random.default_rng(0).random((2, 16, 16, 1))
        np.testing.assert_array_equal(shown(images), function(images))


def test_several_functions_stand_in_one_block_that_fits_the_page():
    shown = (dimension.contrast, dimension.relative_contrast, dimension.effective_dimension)
    lines = show_source(*shown).data.splitlines()
    assert (lines[0], lines[-1]) == ("```python", "```")
    assert max(map(len, lines)) <= WIDTH
    tree = ast.parse("\n".join(lines[1:-1]))
    assert [node.name for node in tree.body] == [function.__name__ for function in shown]

"""The interactive pages of the book: HTML files written from templates, with their data inside.

All pages share a base template, a stylesheet, and scripts that read the data and follow the theme.
These files are in ``templates`` as HTML, CSS and JavaScript, where editors and linters see them.
The content of a page is left to the module that fills it (`interactive`, `event_map`).
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from latentbook import files, paths

_LOADER = PackageLoader("latentbook.study")
_ENVIRONMENT = Environment(
    loader=_LOADER,
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
# The filter tojson replaces <, >, & and ' by \uXXXX: no text can close the script element that
# holds the data.  NaN and infinity are not JSON and would stop the page in the browser.
_ENVIRONMENT.policies["json.dumps_kwargs"] = {
    "allow_nan": False,
    "ensure_ascii": False,
    "separators": (",", ":"),
}


def folder() -> Path:
    """Return the folder of the pages, which the built book carries verbatim."""
    return paths.extra() / "embeddings"


def render(template: str, **values: object) -> str:
    """Return the text of a page.

    Parameters
    ----------
    template
        Name of a file in ``templates``, such as ``embedding.html.jinja``.
    **values
        What the template shows, escaped where it stands in HTML.  Every page needs a ``title`` and
        ``data``, which its script finds as the constant ``data``.

    Raises
    ------
    jinja2.UndefinedError
        If the template shows a value that is not given.
    ValueError
        If ``data`` holds NaN or infinity.
    """
    return _ENVIRONMENT.get_template(template).render(**values)


def write(name: str, template: str, **values: object) -> Path:
    """Write the page ``NAME.html`` and return its path; the rest is as in `render`."""
    text = render(template, **values)
    target = folder() / f"{name}.html"
    with files.atomic(target) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return target


def _verbatim(name: str) -> Markup:
    """Return a stylesheet or script as it stands, whatever looks like template syntax in it."""
    return Markup(_LOADER.get_source(_ENVIRONMENT, name)[0])


_ENVIRONMENT.globals["verbatim"] = _verbatim

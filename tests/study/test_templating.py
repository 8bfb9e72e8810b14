"""Templates of the interactive pages: one base for all, and no text from data becomes code."""

import fnmatch
import json
import re
import tomllib
from pathlib import Path

import jinja2
import pytest
from bs4 import BeautifulSoup

from latentbook.study import templating

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(templating.__file__).parent / "templates"
HOSTILE = (
    """</script><script>alert(1)</script><img src=x onerror='alert(2)'> "a" 'b' &amp; {{ c }}"""
)
VALUES = {
    "embedding.html.jinja": {"caption": HOSTILE, "classes": [(HOSTILE, "#0173b2"), ("b", "#fff")]},
    "event_map.html.jinja": {"caption": HOSTILE},
}


@pytest.fixture(params=VALUES)
def page(request):
    """A page of each kind whose every text is hostile."""
    data = {"nx": 4, "ny": 3, "sites": [HOSTILE, "Krško"]}
    text = templating.render(request.param, title=HOSTILE, data=data, **VALUES[request.param])
    return text, BeautifulSoup(text, "html.parser")


def test_hostile_text_is_shown_and_not_run(page):
    text, soup = page
    assert text.count("alert(1)") == len(
        re.findall(r"(?:&lt;|\\u003c)script(?:&gt;|\\u003e)alert", text)
    )
    assert soup.find("img") is None
    assert [
        tag.name for tag in soup.find_all(True) for key in tag.attrs if key.startswith("on")
    ] == []
    assert soup.title.string == HOSTILE
    assert HOSTILE in soup.footer.get_text()
    assert "<footer>" + str(jinja2.filters.escape(HOSTILE)) in text
    for button in soup.select("#legend button[data-trace='0']"):
        assert button.get_text() == HOSTILE


def test_data_reach_the_script_unchanged(page):
    _, soup = page
    data = soup.find("script", id="data")
    assert data["type"] == "application/json"
    assert json.loads(data.string)["sites"] == [HOSTILE, "Krško"]


def test_all_pages_share_base_style_and_theme(page):
    text, soup = page
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert soup.style.string.strip() == (TEMPLATES / "page.css").read_text().strip()
    for name in ("theme.js", "data.js"):
        assert (TEMPLATES / name).read_text() in text
    assert len(soup.select("main")) == len(soup.select("footer")) == 1


def test_every_kind_of_page_extends_the_base():
    kinds = sorted(path.name for path in TEMPLATES.glob("*.html.jinja"))
    assert kinds == sorted([*VALUES, "page.html.jinja"])
    for kind in VALUES:
        assert (TEMPLATES / kind).read_text().startswith('{% extends "page.html.jinja" %}')


def test_templates_name_no_other_host_and_close_no_script():
    for path in TEMPLATES.iterdir():
        text = path.read_text()
        assert re.findall(r"(?:https?:)?//[\w-]+\.\w+", text) == [], path.name
        assert path.suffix == ".jinja" or "</s" not in text.lower(), path.name
        assert re.search(r"\|\s*safe\b|autoescape", text) is None, path.name


def test_buttons_can_be_reached_by_keyboard(page):
    _, soup = page
    controls = soup.select("button, select")
    assert len(controls) >= 2
    for control in controls:
        assert control.name == "select" or control["type"] == "button"
        assert "tabindex" not in control.attrs
    for plot in soup.select("#plot"):
        assert plot["tabindex"] == "0"
        assert "arrow keys" in plot["aria-label"]


def test_a_value_that_is_missing_or_no_json_is_refused():
    with pytest.raises(jinja2.UndefinedError, match="'caption' is undefined"):
        templating.render("embedding.html.jinja", title="a", classes=[], data={})
    with pytest.raises(ValueError, match="not JSON compliant"):
        templating.render(
            "embedding.html.jinja", title="a", caption="b", classes=[], data=[float("nan")]
        )


def test_templates_are_installed_and_watched():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["latentbook.study"]
    for path in TEMPLATES.iterdir():
        name = f"templates/{path.name}"
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name
    rule = (ROOT / "Snakefile").read_text().split("rule embeddings:")[1].split("output:")[0]
    assert "/study/templates/*" in rule

"""What the built pages say, read as files: links, pictures, tables, errors."""

import functools
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

pytestmark = pytest.mark.book

#: What a browser fetches by itself, as (selector, attribute).
FETCHED = (
    ("script[src]", "src"),
    ("link[rel~=stylesheet], link[rel~=preload], link[rel~=icon]", "href"),
    ("img[src]", "src"),
    ("iframe[src]", "src"),
    ("source[src]", "src"),
)


@functools.cache
def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def article(page: Path):
    """Return the part of a page that we wrote."""
    return soup(page).select_one("article") or soup(page).body


def targets(page: Path, selector: str, attribute: str) -> list[str]:
    """Return the internal addresses of a page, without those that carry their own data."""
    found = [element[attribute] for element in soup(page).select(selector)]
    return [a for a in found if not urlsplit(a).scheme and not a.startswith("//")]


def test_every_internal_link_leads_somewhere(page, html):
    missing = []
    for address in {a for s, at in (*FETCHED, ("a[href]", "href")) for a in targets(page, s, at)}:
        parts = urlsplit(address)
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if file.is_dir():
            file = file / "index.html"
        if not file.is_file():
            missing.append(address)
        elif parts.fragment and file.suffix == ".html" and file.name != "search.html":
            name = unquote(parts.fragment)
            if not soup(file).find(id=name) and not soup(file).find(attrs={"name": name}):
                missing.append(address)
    assert missing == []


def test_nothing_comes_from_another_server(page, html):
    outside = [
        element[attribute]
        for selector, attribute in FETCHED
        for element in soup(page).select(selector)
        if urlsplit(element[attribute]).scheme in ("http", "https")
        or element[attribute].startswith("//")
    ]
    assert outside == []


def test_every_picture_has_a_text(page, html):
    silent = [image.get("src", "")[:80] for image in article(page).select("img")
              if len(image.get("alt", "")) < 10]  # fmt: skip
    assert silent == []
    untitled = [frame["src"] for frame in soup(page).select("iframe") if not frame.get("title")]
    assert untitled == []


def test_no_error_is_shown(page, html):
    text = article(page).get_text()
    assert "Traceback (most recent call last)" not in text
    assert re.findall(r"WARNING:.*|\w+Warning: .*", text) == []
    assert (
        soup(page).select(".output.traceback, .output.error, .problematic, .system-message") == []
    )


def test_tables_and_outputs_are_not_empty(page, html):
    for table in article(page).select("table"):
        caption = table.caption.get_text(strip=True) if table.caption else "a table"
        assert table.select("td"), f"{caption} has no rows"
        assert any(cell.get_text(strip=True) for cell in table.select("td")), f"{caption} is empty"


def test_every_chapter_shows_pictures(html):
    for chapter in (html / "chapters").glob("*.html"):
        assert len(article(chapter).select("img")) >= 3, chapter.name

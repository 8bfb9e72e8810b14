"""Slides of a chapter, made of its first screen: question, claims, answer, a picture, exercises.

``python -m latentbook.teach.slides`` reads the executed chapters and writes plain pages of HTML
into the book, which need no network and print a slide a sheet.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from latentbook import files, paths
from latentbook.teach import source
from latentbook.teach.source import Chapter

_PAGES = Environment(
    loader=PackageLoader("latentbook.teach"), autoescape=True, undefined=StrictUndefined
)
_COMMENT = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_ROLE = re.compile(r"\{[\w:-]+\}`([^`<]+?)(?:\s*<[^`]*>)?`")
_EMPTY = re.compile(r"\[\]\((?:[\w.]*/)*([\w-]+)(?:\.\w+)?(?:#[^)]*)?\)")
#: Links to other pages of the book, which are written from where a chapter lies.
_LINK = re.compile(r"\[([^\]\n]+)\]\((?!https?:)[^)\s]+\)")
_FENCE = re.compile(r"^(`{3,}|:{3,})\{(\w+)\}[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"^:\w[\w-]*:.*\n?", re.MULTILINE)
#: What opens a slide on the first screen, and the slide's title.
_OPENS = (
    (re.compile(r"^\*\*In short\*\*"), "In short"),
    (re.compile(r"^In this chapter you", re.MULTILINE), "In this chapter you"),
    (re.compile(r"claim|\bprints\b.*\btable of results|lectures"), "What the source says"),
)


@dataclass(frozen=True)
class Slide:
    """A slide: a title, text as HTML, and a picture where there is one."""

    title: str
    body: Markup
    image: str = ""
    alt: str = ""
    caption: str = ""


def slides(notebook: Mapping[str, Any], chapter: Chapter | None) -> list[Slide]:
    """Return the slides of an executed chapter.

    Parameters
    ----------
    notebook : mapping
    chapter : Chapter or None
        Its questions, of which the last slide lists the titles.
    """
    first = str(notebook["cells"][0]["source"])
    found = list(_of_first_screen(first))
    if pictured := _picture(notebook):
        found.append(pictured)
    if chapter is not None:
        items = "\n".join(f"- {q.title} ({q.minutes} minutes)" for q in chapter.questions)
        found.append(Slide("Exercises", _html(items)))
    return found


def title(notebook: Mapping[str, Any]) -> str:
    """Return the title of a chapter."""
    return str(notebook["cells"][0]["source"]).partition("\n")[0].lstrip("# ").strip()


def _of_first_screen(text: str) -> Iterator[Slide]:
    """Yield a slide for each part of the first cell."""
    body = text.partition("\n")[2]
    boxes = [(found[2], _OPTION.sub("", found[3])) for found in _FENCE.finditer(body)]
    body = _FENCE.sub("", body)
    parts: list[tuple[str, list[str]]] = [("", [])]
    for paragraph in re.split(r"\n\s*\n", _COMMENT.sub("", body).strip()):
        opened = next((name for rule, name in _OPENS if rule.search(paragraph)), "")
        is_list = paragraph.lstrip().startswith(("- ", "* "))
        if opened and not is_list and opened != parts[-1][0]:
            parts.append((opened, []))
        parts[-1][1].append(paragraph)
    for name, paragraphs in parts:
        if paragraphs:
            kept = [
                p for p in paragraphs if not (name == "In short" and p.startswith("**In short"))
            ]
            yield Slide(name, _html("\n\n".join(kept)))
    for kind, inside in boxes:
        if kind in ("admonition", "note"):
            yield Slide("Before you start", _html(_COMMENT.sub("", inside)))


def _html(text: str) -> Markup:
    """Return MyST text as HTML: roles become their words, mathematics stays for MathJax."""
    text = _CITE.sub(lambda found: _authors(found[1]), text)
    text = _EMPTY.sub(lambda found: found[1].replace("-", " "), text)
    text = _LINK.sub(r"\1", text)
    text = _ROLE.sub(lambda found: found[1].strip("./").split("/")[-1], text)
    return Markup(MarkdownIt("commonmark").enable("table").render(_kept_math(text)))


def _kept_math(text: str) -> str:
    r"""Return a text whose dollars are the brackets that MathJax knows: ``\(`` and ``\[``."""
    text = re.sub(r"\$\$(.+?)\$\$", lambda f: f"\\\\[{_escaped(f[1])}\\\\]", text, flags=re.DOTALL)
    return re.sub(r"\$([^$\n]+)\$", lambda f: f"\\\\({_escaped(f[1])}\\\\)", text)


def _escaped(formula: str) -> str:
    return re.sub(r"([\\_*`<>\[\]])", r"\\\1", formula)


def _authors(keys: str) -> str:
    """Return keys of the bibliography as people say them: fernandez2020 -> Fernandez 2020."""
    said = [re.sub(r"^([a-z]+)(\d*).*$", _key, key.strip()) for key in keys.split(",")]
    return ", ".join(said)


def _key(found: re.Match[str]) -> str:
    return f"{found[1].capitalize()} {found[2]}".strip()


def _picture(notebook: Mapping[str, Any]) -> Slide | None:
    """Return a slide with the first picture that has a text instead, or None."""
    for cell in notebook["cells"]:
        shown = cell["metadata"].get("mystnb", {})
        alt = shown.get("image", {}).get("alt", "")
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get("image/png")
            if data and alt:
                caption = _html(_COMMENT.sub("", shown.get("figure", {}).get("caption", "")))
                image = "data:image/png;base64," + "".join(str(data).split())
                return Slide("A picture to begin with", Markup(), image, alt, caption)
    return None


def page(notebook: Mapping[str, Any], stem: str, chapter: Chapter | None) -> str:
    """Return the page of slides of a chapter."""
    return _PAGES.get_template("slides.html.jinja").render(
        title=title(notebook), stem=stem, slides=slides(notebook, chapter)
    )


def main(arguments: list[str]) -> int:
    """Write the slides of executed chapters."""
    parser = argparse.ArgumentParser(prog="python -m latentbook.teach.slides")
    parser.add_argument("notebooks", nargs="+", type=Path, help="executed chapters")
    chapters = {chapter.stem: chapter for chapter in source.chapters(own=False)}
    for path in parser.parse_args(arguments).notebooks:
        text = page(nbformat.read(path, as_version=4), path.stem, chapters.get(path.stem))
        with files.atomic(paths.extra() / "slides" / f"{path.stem}.html") as scratch:
            scratch.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

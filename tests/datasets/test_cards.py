"""The tables of the data cards agree with the registry, and the prose covers every data set."""

import pytest

from latentbook import paths
from latentbook.book import cards
from latentbook.datasets import NAMES, registry


def test_every_data_set_and_digest_is_in_the_tables():
    text = cards.markdown()
    for name in NAMES:
        data = registry.entry(name)
        assert f"[{data.title}]({data.page})" in text
        assert data.licence in text
        for container in data.containers:
            assert container.files or container.origin in text
            for spec in container.arrays.values():
                assert spec.sha256 is None or spec.sha256[:12] in text


def test_tables_are_rectangular():
    for table in cards.markdown().split(":::{table}")[1:]:
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) == 1
        assert len(rows) > 3


def test_the_file_is_written_where_the_page_includes_it(project):
    cards.write()
    written = project.root / "book" / "generated" / "data-cards-table.md"
    assert written.read_text(encoding="utf-8") == cards.markdown()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_a_card_for(name):
    page = (paths.root() / "book" / "data-cards.md").read_text(encoding="utf-8")
    assert "{include} generated/data-cards-table.md" in page
    card = page.partition(f"(card-{name.replace('_', '-')})=\n")[2].partition("\n(card-")[0]
    for heading in ("**Source.**", "**Columns.**", "**How obtained.**", "**Known defects.**"):
        assert heading in card

"""The interactive map: one page without requests that ranks the sites as the study does."""

import json

import numpy as np
import pytest
from bs4 import BeautifulSoup

from latentbook import paths
from latentbook.chapters.source_estimation import event_map
from latentbook.study import figure_arrays
from latentbook.weather import source

from .conftest import SITES


@pytest.fixture
def write(result, monkeypatch, tmp_path):
    """Return a function that writes the page of a run, with other sites or arrays if given."""

    def page(sites=SITES, **arrays):
        monkeypatch.setattr(source, "sites", lambda: sites)
        monkeypatch.setattr(paths, "extra", lambda: tmp_path / "extra")
        monkeypatch.setattr(paths, "figures", lambda: tmp_path / "figures")
        return event_map.write_page(
            figure_arrays.save("06-made", {**result.arrays, **arrays}, tmp_path / "figures")
        )

    return page


def data_of(page):
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    return json.loads(soup.find("script", id="data").string)


def test_the_page_makes_no_request(write):
    page = write()
    assert page.name == "source-made.html"
    text = page.read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text


def test_the_page_ranks_the_sites_as_the_study_does(write, result):
    data = data_of(write())
    assert data["sites"] == SITES["site"].tolist()
    kept = result.arrays["likeness"]
    truth = np.tile(np.arange(4), len(kept))
    np.testing.assert_array_equal(
        source.ranks(np.array(data["similarity"]).reshape(-1, 4), truth),
        source.ranks(kept.reshape(-1, 4), truth),
    )


def test_the_page_distinguishes_all_kept_similarities(write):
    every = np.arange(0x3C01, dtype=np.uint16).view(np.float16)  # 0 to 1
    shown = np.ravel(data_of(write(likeness=every.reshape(1, 1, -1)))["similarity"])
    assert (np.diff(shown) > 0).all()


def test_site_names_are_only_text(write):
    hostile = "</script><script>alert(1)</script>"
    page = write(SITES.assign(site=["A", "B", "C", hostile]))
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    assert all(script.get_text() != "alert(1)" for script in soup.find_all("script"))
    assert data_of(page)["sites"][-1] == hostile

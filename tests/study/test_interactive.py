"""Interactive pages: what is kept for them, and what stands in the HTML."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from latentbook import paths
from latentbook.errors import LatentbookError
from latentbook.study import figure_arrays, interactive

pytestmark = pytest.mark.usefixtures("own_project")


@pytest.fixture
def z(digits):
    return np.random.default_rng(0).normal(size=(len(digits), 2)).astype(np.float32)


def full_scale(digits, z, **options):
    where = figure_arrays.folder("paper", 0)
    return interactive.save(digits, z, where, description="some <method>", **options)


def data_of(page):
    """Return what the script of a page works with."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    return json.loads(soup.find("script", id="data").string)


def test_only_complete_paper_runs_with_seed_0_reach_the_repository():
    assert figure_arrays.folder("paper", 0) == paths.figures()
    others = [("paper", 1, True), ("paper", 0, False), ("quick", 0, True)]
    folders = {figure_arrays.folder(p, s, whole=w) for p, s, w in others}
    assert len(folders) == 3
    assert all(paths.root() / "_build" in folder.parents for folder in folders)


def test_what_is_kept(digits, z):
    arrays = figure_arrays.read(full_scale(digits, z, n=500))
    rows = arrays["index"]
    assert len(np.unique(rows)) == 500
    np.testing.assert_allclose(arrays["embedding"], z[rows], atol=2e-3)
    np.testing.assert_array_equal(arrays["labels"], digits.y[rows])
    np.testing.assert_array_equal(arrays["thumbnails"], np.round(digits.x[rows, ..., 0] * 255))


def test_colour_images_are_halved(digits):
    x = np.repeat(digits.x[:4], 3, axis=-1)
    x[..., 1:] = 0
    small = figure_arrays.thumbnails(x[:4])
    assert small.shape == (4, 14, 14, 3)
    assert small[..., 1:].max() == 0
    assert abs(small[..., 0].mean() - 248 * x[..., 0].mean()) < 2


def test_a_later_run_adds_an_embedding_to_the_same_samples(tmp_path):
    index = np.arange(5)
    figure_arrays.save("01-digits", {"index": index, "pca2": np.zeros(5)}, tmp_path)
    path = figure_arrays.save("01-digits", {"index": index, "umap2": np.ones(5)}, tmp_path)
    assert set(figure_arrays.read(path)) == {"index", "pca2", "umap2"}
    figure_arrays.save("01-digits", {"index": index + 1, "umap2": np.ones(5)}, tmp_path)
    assert set(figure_arrays.read(path)) == {"index", "umap2"}


def test_arrays_that_are_too_heavy_are_refused_and_the_old_ones_stay(tmp_path):
    path = figure_arrays.save("heavy", {"index": np.arange(3)}, tmp_path)
    noise = np.random.default_rng(0).bytes(figure_arrays.LIMIT + 1)
    heavy = {"index": np.arange(3), "noise": np.frombuffer(noise, np.uint8)}
    with pytest.raises(LatentbookError, match=r"heavy\.npz would weigh .* at most 1,000,000"):
        figure_arrays.save("heavy", heavy, tmp_path)
    assert set(figure_arrays.read(path)) == {"index"}
    assert [file.name for file in tmp_path.glob("*.npz")] == ["heavy.npz"]


def test_damaged_and_missing_arrays(digits, z):
    path = full_scale(digits, z, n=10)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LatentbookError, match=r"interactive-digits\.npz is damaged"):
        interactive.write_page(path)
    path.unlink()
    with pytest.raises(LatentbookError, match=r"there is no interactive-digits\.npz"):
        interactive.write_page(path)
    assert figure_arrays.full_scale("01-digits") == {}


def test_page_holds_every_point_and_asks_for_nothing_from_outside(digits, z):
    page = interactive.write_page(full_scale(digits, z, n=300))
    text = page.read_text(encoding="utf-8")
    assert page == paths.extra() / "embeddings" / "digits.html"
    assert re.findall(r"https?://", text) == []
    assert not re.findall(r"""(?:src|href)=["']?//""", text)
    assert re.findall(r'<script[^>]* src="([^"]*)"', text) == ["plotly.min.js"]
    assert (page.parent / "plotly.min.js").stat().st_size > 1_000_000
    places = [i for trace in data_of(page)["figure"]["data"] for i in trace["customdata"]]
    assert sorted(places) == list(range(300))
    assert page.stat().st_size < 2_000_000


def test_page_is_accessible_and_escapes_text(digits, z):
    text = interactive.write_page(full_scale(digits, z, n=50)).read_text(encoding="utf-8")
    assert '<html lang="en">' in text
    assert re.search(r"<title>Optical digits: interactive embedding</title>", text)
    assert text.count('<button type="button" aria-pressed="true"') == len(digits.classes)
    assert 'aria-live="polite"' in text
    assert "some &lt;method&gt;" in text
    assert "some <method>" not in text


def test_hostile_names_and_captions_are_only_text(digits, z, monkeypatch):
    name = "</script><script>alert('class')</script>"
    data = interactive.entry("digits")
    classes = (f'{name} "quoted"', *data.classes[1:])
    monkeypatch.setattr(interactive, "entry", lambda _: replace(data, classes=classes))
    where = figure_arrays.folder("paper", 0)
    path = interactive.save(digits, z, where, description=f"UMAP {name} & more", n=20)
    soup = BeautifulSoup(interactive.write_page(path).read_text(encoding="utf-8"), "html.parser")
    assert [s.get_text() for s in soup.find_all("script") if "alert(" in s.get_text()] == []
    assert soup.select_one("#legend button").get_text() == classes[0]
    assert f"UMAP {name} & more. With" in soup.footer.get_text()


def test_sprite_shows_the_images_in_their_places(digits, z):
    path = full_scale(digits, z, n=300)
    data = data_of(interactive.write_page(path))
    encoded = data["sprite"].removeprefix("data:image/png;base64,")
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))
    columns = data["columns"]
    thumbnails = figure_arrays.read(path)["thumbnails"]
    for i in (0, 17, 299):
        row, column = divmod(i, columns)
        tile = sheet[28 * row : 28 * (row + 1), 28 * column : 28 * (column + 1)]
        np.testing.assert_array_equal(tile, thumbnails[i])


def test_full_scale_and_live_pages_have_different_names(digits, z):
    full_scale(digits, z, n=20)
    for profile, seed in (("quick", 0), ("quick", 1)):
        where = figure_arrays.folder(profile, seed)
        interactive.save(digits, z, where, description="UMAP", n=20)
    assert [page.stem for page in interactive.write_pages()] == ["quick-seed-0-digits", "digits"]
    assert interactive.full_scale_pages() == ["digits"]


def test_no_pages_where_nothing_ran():
    assert interactive.write_pages() == []


def test_bad_input(digits, z):
    where = figure_arrays.folder("quick", 0)
    with pytest.raises(LatentbookError, match=r"z must have shape \(1797, 2\)"):
        interactive.save(digits, z[:-1], where, description="UMAP")
    with pytest.raises(LatentbookError, match="from 1 to 2500 points"):
        interactive.save(digits, z, where, description="UMAP", n=2501)
    with pytest.raises(LatentbookError, match="z holds NaN"):
        interactive.save(digits, z * np.nan, where, description="UMAP")


def test_iframe_is_folded_named_and_lazy():
    text = interactive.iframe("mnist", 'MNIST "all"')
    assert text.startswith("<details")
    assert 'src="../embeddings/mnist.html"' in text
    assert 'title="MNIST &quot;all&quot;"' in text
    assert 'loading="lazy"' in text


def test_a_running_chapter_keeps_its_page_where_its_arrays_belong(digits, z):
    options = {"random_state": 3, "description": "UMAP"}
    shown = interactive.live(digits, z, "quick", **options)
    assert 'src="../embeddings/quick-seed-3-digits.html"' in shown
    assert f'title="Interactive embedding of {digits.description}"' in shown
    page = paths.extra() / "embeddings" / "quick-seed-3-digits.html"
    assert "UMAP, profile quick, seed 3" in page.read_text(encoding="utf-8")
    interactive.live(digits, z, "paper", whole=False, **options | {"random_state": 0})
    assert not list(paths.figures().glob("*.npz"))

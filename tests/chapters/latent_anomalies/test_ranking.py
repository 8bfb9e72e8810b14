"""The ranking of a table's rows: reasons, names of columns, the file, an own table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from latentbook.chapters.latent_anomalies.data import load_task
from latentbook.chapters.latent_anomalies.ranking import rank, reasons, write_ranking
from latentbook.chapters.latent_anomalies.spaces import Setting, principal_components, train
from latentbook.errors import LatentbookError
from latentbook.tabular import dataset, read


def trades(n=300, seed=0):
    """A table with a number, a gap, a time and a category, and two traders who differ."""
    rng = np.random.default_rng(seed)
    trader = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "id": [f"trade {i}" for i in range(n)],
            "amount": rng.lognormal(8 + trader, 2, n).round(2),
            "margin": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "time": pd.Timestamp("2018-01-01")
            + pd.to_timedelta(rng.integers(0, 90 * 24, n), unit="h"),
            "currency": rng.choice(["SEK", "EUR", "USD"], n, p=[0.6, 0.3, 0.1]),
            "desk": "Malmö",
            "trader": np.array(["Ada", "Bo"])[trader],
        }
    )


@pytest.fixture(scope="module")
def scored():
    """Trades of which one has an odd amount and one an odd currency, seen by principal components.

    The odd amount is in row 10, the odd currency in row 20, both among the rows to test.
    """
    frame = trades()
    frame.loc[10, "amount"] = 1e15
    table = dataset(frame, "trader", seed=0, name="trades", drop=["time"])
    data = table.data
    z = PCA(2, random_state=0).fit(data.x[: data.n_train]).transform(data.x)
    means = np.array([z[data.y == c].mean(axis=0) for c in range(2)])
    reconstruction = np.tile(data.x.mean(axis=0), (len(data), 1))
    rows = np.arange(50, 150)
    inside = np.flatnonzero(data.index == 10)
    rows = np.union1d(rows, inside)
    picked = {"z": z[rows], "means": means, "reconstruction": reconstruction[rows]}
    error = ((data.x[rows] - picked["reconstruction"]) ** 2).sum(axis=1)
    return table, rows, {"scores": -error} | picked


def test_reasons(scored):
    table, rows, parts = scored
    found = reasons(table, rows, **parts)
    first = found.iloc[0]
    assert found["rank"].tolist() == list(range(1, len(rows) + 1))
    assert found["score"].is_monotonic_increasing
    assert first["row"] == 10
    assert first["worst column"] == "amount"
    assert first["value"] == 1e15
    assert first["expected"] < 1e6
    assert 0.5 < first["share"] <= 1
    np.testing.assert_allclose(found["reconstruction error"], -found["score"], rtol=1e-5)
    assert (found["distance to nearest"] <= found["distance to class"]).all()
    same = found["class"] == found["nearest class"]
    np.testing.assert_array_equal(
        found["distance to nearest"][same], found["distance to class"][same]
    )
    original = trades().iloc[found["row"]].reset_index(drop=True)
    assert (found["class"] == original["trader"]).all()
    assert (found["currency"] == original["currency"]).all()
    assert list(found.columns[-7:]) == list(trades())


def test_names_that_are_taken(scored):
    frame = trades().rename(columns={"margin": "score", "desk": "rank"})
    table = dataset(frame, "trader", seed=0, name="t", drop=["time"])
    data = table.data
    found = reasons(
        table,
        np.arange(5),
        scores=np.arange(5.0),
        z=np.zeros((5, 2)),
        means=np.zeros((2, 2)),
        reconstruction=data.x[:5],
    )
    assert found.columns.is_unique
    assert {"score", "score (table)", "rank", "rank (table)"} <= set(found)
    assert (found["share"] == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: {"scores": p["scores"][:-1]}, "rows, but .* scores"),
        (lambda p: {"scores": np.full_like(p["scores"], np.nan)}, "scores holds NaN"),
        (lambda p: {"means": p["means"][:1]}, r"means must have shape .*\(2, 2\)"),
        (lambda p: {"reconstruction": p["reconstruction"][:, :-1]}, "reconstruction has"),
        (lambda p: {"z": p["z"][:, 0]}, "z must have shape"),
    ],
)
def test_parts_that_do_not_fit(scored, change, message):
    table, rows, parts = scored
    with pytest.raises(LatentbookError, match=message):
        reasons(table, rows, **parts | change(parts))


def test_the_ranking_is_a_file(scored, tmp_path):
    table, rows, parts = scored
    ranked = reasons(table, rows, **parts)
    path = tmp_path / "new" / "ranking.csv"
    write_ranking(ranked, path)
    found = read(path)
    assert list(found) == list(ranked)
    assert found["row"].tolist() == ranked["row"].tolist()
    np.testing.assert_allclose(found["score"], ranked["score"])
    assert [p.name for p in path.parent.iterdir()] == ["ranking.csv"]
    (tmp_path / "file").touch()
    with pytest.raises(LatentbookError, match="cannot write"):
        write_ranking(ranked, tmp_path / "file" / "ranking.csv")


def test_the_spoilt_row_of_an_own_table_is_found(wine, own_cache, tmp_path):
    one = load_task(random_state=0, table=str(wine), label="cultivar")
    assert one.own
    assert one.description == "wine: 178 rows, conditioned on cultivar"
    space = train(
        one.data,
        one.rows,
        Setting("cl-vae", gamma=0.3, hidden=(32,)),
        random_state=0,
        epochs=60,
        patience=60,
        batch_size=16,
    )
    ranked = rank(space, one.table)
    assert ranked.loc[0, "row"] == 10
    assert ranked.loc[0, "worst column"] == "alcohol"
    assert ranked["score"].is_monotonic_increasing
    assert ranked["part"].value_counts().to_dict() == {
        part: len(where) for part, where in vars(one.rows).items()
    }
    write_ranking(ranked, tmp_path / "ranked.csv")
    assert len(read(tmp_path / "ranked.csv")) == 178


def test_only_a_network_can_rank(wine):
    one = load_task(random_state=0, table=str(wine), label="cultivar")
    with pytest.raises(LatentbookError, match="no network"):
        rank(principal_components(one.data, one.rows, 2), one.table)

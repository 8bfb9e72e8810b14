"""Load-or-compute: stored once, damaged files repaired, folders that cannot be written named."""

from __future__ import annotations

import numpy as np
import pytest

from latentbook import cache
from latentbook.errors import LatentbookError


def counted(calls: list[int]):
    def compute():
        calls.append(1)
        return {"a": np.arange(3)}

    return compute


def test_second_call_loads_with_the_seconds_of_the_first(own_cache):
    calls: list[int] = []
    first = cache.load_or_compute("things", {"k": 1}, counted(calls))
    second = cache.load_or_compute("things", {"k": 1}, counted(calls))
    assert (first.loaded, second.loaded, len(calls)) == (False, True, 1)
    assert second.seconds == pytest.approx(first.seconds)
    np.testing.assert_array_equal(second.arrays["a"], first.arrays["a"])


def test_another_key_is_computed(own_cache):
    calls: list[int] = []
    cache.load_or_compute("things", {"k": 1}, counted(calls))
    cache.load_or_compute("things", {"k": 2}, counted(calls))
    assert len(calls) == 2


@pytest.mark.parametrize("content", [b"", b"not a zip archive", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_computed_again(own_cache, capsys, content):
    calls: list[int] = []
    cache.load_or_compute("things", {}, counted(calls))
    (file,) = own_cache.glob("things/*.npz")
    file.write_bytes(content)
    assert not cache.load_or_compute("things", {}, counted(calls)).loaded
    assert "damaged" in capsys.readouterr().out
    assert cache.load_or_compute("things", {}, counted(calls)).loaded


def test_a_failed_computation_leaves_nothing(own_cache):
    def fail():
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        cache.load_or_compute("things", {}, fail)
    assert not list(own_cache.glob("things/*.npz"))


def test_a_cache_that_is_a_file_is_named(blocked_cache):
    with pytest.raises(LatentbookError, match=r"cannot write .*set LATENTBOOK_CACHE"):
        cache.load_or_compute("things", {}, counted([]))


def test_digest_tells_shape_type_and_values_apart():
    a = np.arange(6, dtype=np.float32)
    others = [a.reshape(2, 3), a.astype(np.float64), a + 1, a[::-1]]
    assert len({cache.digest(x) for x in [a, *others]}) == 5
    assert cache.digest(a[::2]) == cache.digest(a[::2].copy())

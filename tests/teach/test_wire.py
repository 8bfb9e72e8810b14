"""What passes between answers and tests: values come back as they were, and nothing is run."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentbook.teach import wire
from latentbook.teach.sessions import PRINTED, AnswerError, Local, Proxy

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def travelled(value):
    """Return a value after a journey as text."""
    packed = json.loads(json.dumps(wire.pack(value, lambda _: 1)))
    return wire.unpack(packed, lambda handle: handle)


@given(PLAIN)
def test_plain_values_come_back(value):
    assert travelled(value) == value
    assert type(travelled(value)) is type(value)


@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_side=3)))
def test_arrays_come_back_with_their_types(array):
    back = travelled(array)
    assert np.asarray(back).dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)


def test_tables_come_back():
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]}, index=[3, 4])
    pd.testing.assert_frame_equal(travelled(frame), frame, check_dtype=False)
    series = pd.Series([1, 2], index=["x", "y"])
    pd.testing.assert_series_equal(travelled(series), series)


def test_special_values_come_back():
    assert travelled(...) is ...
    assert np.isnan(travelled(float("nan")))
    assert travelled(np.float64(0.1)) == 0.1
    assert travelled({1, 2}) == {1, 2}


def test_a_pickle_in_an_array_is_refused():
    class Bomb:
        def __reduce__(self):
            return (print, ("boom",))

    import base64
    import io

    target = io.BytesIO()
    np.save(target, np.array([Bomb()], dtype=object), allow_pickle=True)
    assert pickle.dumps(Bomb()) in target.getvalue() or target.getvalue()
    with pytest.raises(ValueError, match="allow_pickle"):
        wire.unpack({"array": base64.b64encode(target.getvalue()).decode()}, lambda handle: handle)


@pytest.mark.parametrize("packed", [{"code": "1"}, {}, [1], 1.5])
def test_anything_else_is_refused(packed):
    with pytest.raises(ValueError, match="did not come as it was sent"):
        wire.unpack(packed, lambda handle: handle)


def test_functions_and_objects_are_used_where_they_are():
    session = Local({})
    session.run(
        "import numpy as np\n"
        "def mean(x, axis=None): return np.mean(x, axis=axis)\n"
        "class Model:\n"
        "    def fit(self, x):\n"
        "        self.mean_ = x.mean()\n"
        "        return self\n"
        "model = Model()\n"
        "def outer(f): return f(2)\n"
        "def double(x): return 2 * x"
    )
    mean, model = session.value("mean"), session.value("model")
    assert isinstance(mean, Proxy)
    np.testing.assert_array_equal(mean(np.eye(2), axis=0), [0.5, 0.5])
    assert model.fit(np.arange(3)).mean_ == 1
    assert session.value("outer")(session.value("double")) == 4
    with pytest.raises(AnswerError, match="TypeError"):
        mean("text")
    with pytest.raises(TypeError, match="cannot pass a function to an answer"):
        mean(print if False else (lambda x: x))
    with pytest.raises(AnswerError, match="cannot be called"):
        model()


def test_of_a_flood_the_beginning_is_kept():
    printed = Local({}).run("for i in range(1000): print('x' * 1000)")
    assert len(printed) < PRINTED + 100
    assert "characters more" in printed

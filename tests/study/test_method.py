"""Names of methods: their text is the spelling of the records, and `parse` the inverse."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from latentbook.study import records
from latentbook.study.method import Method

WORDS = st.from_regex(r"[a-z][a-z0-9-]{0,8}( [a-z0-9.]{1,5})?", fullmatch=True)


def test_every_committed_method_keeps_its_spelling():
    spelled = set(records.read()["method"])
    assert len(spelled) > 300
    assert {str(Method.parse(text)) for text in spelled} == spelled


@given(WORDS.filter(lambda w: not w.endswith(" raw")), WORDS, WORDS, WORDS)
def test_parse_is_the_inverse(representation, learner, change, use):
    for method in (
        Method(representation),
        Method(representation, learner, change, use),
        Method(representation, "", change),
        Method("raw", learner, change),
        Method(f"{representation}, {change}", learner),
    ):
        assert Method.parse(str(method)) == method


def test_the_faithful_setting_of_a_changed_method():
    changed = Method.parse("cnn-lstm + k-means, smoothing 1.0")
    assert str(changed.unchanged) == "cnn-lstm + k-means"


def test_what_gives_the_codes():
    for text in ("cl-vae2, conv", "cl-vae2, conv + distance to k-means"):
        assert Method.parse(text).codes == "cl-vae2, conv"
        assert Method.parse(Method.parse(text).codes).kind == "cl-vae"
    assert Method.parse("pca50 + one-class svm").kind == "pca"
    assert Method.parse("k-means raw").codes == "raw"

"""Every wrong value of every parameter of every chapter ends in one true sentence, and at once."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import numpy as np
import pytest

from latentbook import chapters, paths
from latentbook.errors import LatentbookError
from latentbook.study import parameters, sizes
from latentbook.study.parameters import Choice, Like, Number, Numbers, Text, Words

CHAPTERS = list(chapters.PACKAGES)
NOTEBOOKS = {chapter: paths.notebooks() / f"{chapter}.ipynb" for chapter in CHAPTERS}
GATES = {chapter: chapters.gate(notebook) for chapter, notebook in NOTEBOOKS.items()}
QUICK = {chapter: parameters.of_profile(path, "quick") for chapter, path in NOTEBOOKS.items()}

#: Wrong for every parameter of this project, whatever its kind.
NEVER = [None, True, [], [1], {}, {"a": 1}, b"x", float("nan"), float("inf"), -1, -0.5, 1j, "\0"]


def wrong(kind: parameters.Parameter) -> list[object]:
    """Return values that a parameter of this kind must not have."""
    if isinstance(kind, Number):
        other = [] if kind.or_zero or kind.low <= 0 else [0]
        whole = [0.5, 10.0, "10"] if kind.whole else ["0.5", "half"]
        return [*NEVER, *other, *whole, "", "many", kind.high * 10, 10**30, -(10**30)]
    if isinstance(kind, Choice):
        return [*NEVER, 5, "", " ", "zzz", kind.allowed[0] + "x", kind.allowed[0].upper()]
    if isinstance(kind, Words):
        first, between = kind.allowed[0], kind.separator or " "
        empty = ["", "  "] if kind.least else []
        return [*NEVER, *empty, "zzz", first + "x", f"{first}{between}{first}", f"{first};zzz", 3]
    if isinstance(kind, Numbers):
        empty = ["", "  "] if kind.least else []
        return [*NEVER, *empty, "a", "2,10", "nan", "inf", "-1", "1e30", "2 x", "0x10", 32, "[1]"]
    return [*NEVER, 5, 2.5]


#: Wrong values that only their own parameter knows.
TEXTS: dict[str, list[str]] = {
    "profile": ["", "papre"],
    "weights": ["no/such/file.npz", "lib"],
    "table": ["no-such.csv", "README.md"],
    "ranking": ["README.md", "data/published/x.csv", "../../x", "lib/x.csv", "no/folder/x.csv"],
    "weather": ["", "weather-simple", "no-such.nc", "gs://", "gz://bucket/x", "/no/such/*.nc"],
    "period": ["2001", "2001 2002 2003", "2002 2001", "spring", "2001-13 2002", "2001, 2002"],
    "catalogue": ["no-such.csv", "/"],
    "anomalous": ["", "zzz", "8 8", "0 1 2 3 4 5 6 7 8 9"],
}

#: Values that are wrong only beside others, per chapter.
TOGETHER: dict[str, list[dict[str, object]]] = {
    "01-dimensionality-reduction": [
        {"n": 1798},
        {"n": 1},
        {"perplexity": 600.0},
        {"n": 100, "perplexity": 40.0},
        {"sample": 100, "perplexity": 40.0},
        {"n_neighbors": 1797},
        {"n_neighbors": 100, "n": 100},
    ],
    "02-autoencoders": [
        {"code_sizes": "2 785"},
        {"n_codes": 785},
        {"n_codes": 200, "n": 200},
        {"land_codes": "4 8"},
        {"land_codes": "2 40", "land": "satimage", "land_n": 0},
        {"pictures": "mnist usps", "test_images": 2008},
        {"images": 1800},
        {"test_images": 1790},
        {"traffic": "nsl_kdd"},
        {"traffic": "nsl_kdd", "anomalous": "normal dos probe r2l u2r"},
        {"growing": "2 128", "traffic": "nsl_kdd", "anomalous": "dos"},
        {"samples": 600},
        {"labels": "9 200"},
        {"labels": "10 1800"},
        {"unknown": "10"},
        {"unknown": "0 1 2 3 4 5 6 7 8"},
        {"land": "satimage", "land_n": 7000},
    ],
    "03-two-stage-clustering": [
        {"n": 1798},
        {"k": 1797},
        {"k": 100, "n": 100},
        {"k_max": 1900},
        {"k_max": 1797},
        {"perplexity": 600.0},
        {"n_neighbors": 1797},
        {"min_samples": 1798},
        {"dataset": "satimage"},
        {"dataset": "mnist", "n": 100, "k": 101},
        {"sample": 100, "representations": "tsne2", "k_max": 100},
    ],
    "04-deep-clustering": [
        {"k": 1797},
        {"n": 100, "k": 100},
        {"max_iterations": 27},
        {"architecture": "cae10", "dataset": "usps"},
        {"weights": "README.md", "experiments": "start architecture"},
        {"dataset": "nsl_kdd"},
    ],
    "05-weather-patterns": [
        {"k": 500},
        {"n_codes": 256},
        {"overlap_days": 2.0},
        {"window_days": 0.05, "overlap_days": 0.0},
        {"window_days": 365.0},
        {"levels": "700 700"},
    ],
    "06-source-estimation": [
        {"k": 500},
        {"descriptors": "1 100"},
        {"train_share": 0.3, "variations": "k", "n_codes": 8},
        {"analogues": "10 100"},
        {"durations": "12 49"},
        {"networks": "0"},
        {"noises": "1.5"},
        {"inputs": "pressure"},
        {"overlap_days": 3.0},
    ],
    "07-latent-anomalies": [
        {"table": "README.md"},
        {"label": "trader"},
        {"n": 1798},
        {"network": "conv", "dataset": "trades"},
        {"anomalies": "mnist", "dataset": "mnist"},
        {"anomalies": "noise fashion_mnist", "dataset": "cifar10"},
        {"detectors": "pyod:NoSuchDetector"},
    ],
}


def refused(chapter: str, overrides: dict[str, object]) -> str:
    """Return the sentence that the values of quick with `overrides` end in, "" for none."""
    try:
        chapters.check(NOTEBOOKS[chapter], "quick", overrides)
    except LatentbookError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_wrong_value_ends_in_one_sentence_that_names_it(chapter):
    for name, kind in GATES[chapter].parameters.items():
        for value in [*wrong(kind), *TEXTS.get(name, [])]:
            sentence = refused(chapter, {name: value})
            assert sentence, f"{name} = {value!r} was accepted"
            assert name in sentence, sentence
            assert "\n" not in sentence
            assert len(sentence) < 1000


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_values_that_do_not_go_together_end_in_one_sentence(chapter):
    for values in TOGETHER[chapter]:
        sentence = refused(chapter, values)
        assert sentence, f"{values} was accepted"
        assert "\n" not in sentence


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_bounds_themselves_are_allowed(chapter):
    for name, kind in GATES[chapter].parameters.items():
        if isinstance(kind, Number):
            for bound in {kind.low, kind.high, *({0} if kind.or_zero else {})}:
                kind.check(name, int(bound) if kind.whole else float(bound))
        if isinstance(kind, Words | Choice):
            kind.check(name, kind.allowed[-1])


@pytest.mark.parametrize(
    ("chapter", "overrides"),
    [
        ("01-dimensionality-reduction", {"embeddings": "hog + raw,tsne2 all", "n": 100}),
        ("02-autoencoders", {"traffic": "nsl_kdd", "anomalous": "dos u2r", "growing": "2 122"}),
        ("03-two-stage-clustering", {"dataset": "mnist-test", "k": 9999, "k_max": 9999}),
        ("03-two-stage-clustering", {"representations": "raw", "perplexity": 5000.0}),
        ("04-deep-clustering", {"experiments": "", "gamma": 0}),
        ("05-weather-patterns", {"period": "2001 2001-05", "k": 500, "weather": "gs://b/x.zarr"}),
        ("05-weather-patterns", {"weather": "data/samples/*.nc", "representations": "raw"}),
        ("06-source-estimation", {"weather": "weather-simulated", "variations": "k readings"}),
        ("07-latent-anomalies", {"dataset": "nsl_kdd", "anomalies": "noise fashion_mnist"}),
        ("07-latent-anomalies", {"hidden": "", "anomalies": "", "ranking": "mine.csv"}),
    ],
)
def test_values_that_work_are_not_refused(chapter, overrides):
    assert refused(chapter, overrides) == ""


def test_the_sentence_tells_what_is_allowed_and_what_the_parameter_means():
    assert refused(CHAPTERS[2], {"k": 1}) == (
        "parameter k is 1, but must be a whole number from 2 to 10,000 "
        "(clusters of k-means and of the mixture)"
    )
    assert refused(CHAPTERS[2], {"k_max": 1900}) == (
        "parameter k_max is 1,900, but must be at most 1,796, "
        "one less than the 1,797 samples that are clustered"
    )
    assert "did you mean 'mnist'?" in refused(CHAPTERS[0], {"dataset": "mnits"})


def test_a_long_value_is_cut():
    assert len(refused(CHAPTERS[2], {"k": "x" * 10**6})) < 300
    assert len(refused(CHAPTERS[2], {"representations": "x" * 10**6})) < 300
    nested = ["x"]
    for _ in range(30):
        nested = [nested, nested]  # a thousand million, as aliases in YAML make them
    assert len(refused(CHAPTERS[2], {"k": nested})) < 300


@pytest.mark.parametrize(
    "arguments",
    [["-p", "k", "1"], ["-p", "dataset", "mnits"], ["-p", "representations", "foo"]],
)
def test_a_wrong_value_costs_less_than_two_seconds_and_no_heavy_import(arguments):
    code = (
        "import sys\nfrom latentbook import pipeline\n"
        f"status = pipeline.main(['run', '{CHAPTERS[2]}', 'out.ipynb', *{arguments}])\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'umap', 'sklearn', 'pandas', 'scipy',"
        " 'matplotlib', 'papermill', 'nbformat'}\n"
        "print(status, sorted(heavy & set(sys.modules)))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 []\n"
    assert done.stderr.count("\n") == 1
    assert time.perf_counter() - start < 10  # 0.5 s on a machine that does nothing else


def test_values_of_the_command_line_are_read_as_their_parameters_want():
    written = {"n": "200", "min_dist": "1e-3", "representations": "raw", "k": "1e1", "seed": "x"}
    values = chapters.read(NOTEBOOKS[CHAPTERS[2]], written)
    assert values == {
        "n": 200,
        "min_dist": 0.001,
        "representations": "raw",
        "k": "1e1",
        "seed": "x",
    }
    assert chapters.read(NOTEBOOKS[CHAPTERS[6]], {"hidden": "32"}) == {"hidden": "32"}


# ---------------------------------------------------------------- the lists say what is true


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_list_has_the_parameters_of_its_notebook_in_their_order(chapter):
    own = parameters.of_notebook(NOTEBOOKS[chapter])
    listed = GATES[chapter].parameters
    assert sorted(listed) == sorted(own)
    assert all(kind.meaning for kind in listed.values())
    texts = (Choice, Words, Numbers, Text)
    for name, kind in listed.items():
        assert isinstance(own[name], str) == isinstance(kind, texts), name
        if isinstance(kind, Number):
            assert kind.whole == isinstance(own[name], int), name


def test_the_words_are_those_that_the_methods_accept():
    from latentbook import anomaly, dcec, embed, planted
    from latentbook.autoencoders import conv, recurrent, variational
    from latentbook.chapters.autoencoders import generation
    from latentbook.chapters.deep_clustering import study as deep
    from latentbook.chapters.latent_anomalies import study as latent
    from latentbook.chapters.source_estimation import comparisons, fairer
    from latentbook.chapters.source_estimation import study as inverse
    from latentbook.chapters.two_stage_clustering import study as two_stage
    from latentbook.weather import codes, dispersion, inputs

    one, two, three, four, five, six, seven = (
        chapters.module(chapter, "parameters") for chapter in CHAPTERS
    )
    assert set(one.EMBEDDINGS) == set(embed.SETTINGS)
    assert two.SHEET == generation.SHOWN
    assert set(three.REPRESENTATIONS) == set(two_stage.STAGES)
    assert set(four.ARCHITECTURES) == set(conv.BUILDERS)
    assert set(four.STARTS) == set(dcec.STARTS)
    assert set(four.EXPERIMENTS) == set(deep.EXPERIMENTS)
    assert five.PARAMETERS["representations"].allowed == codes.REPRESENTATIONS
    assert set(five.PARAMETERS["setting"].allowed) == set(recurrent.SETTINGS)
    assert set(six.NUCLIDES) == set(dispersion.NUCLIDES)
    assert set(six.VARIED) == set(inverse.VARIED)
    assert max(inverse.VARIED["k"]) == six.MOST_PATTERNS
    assert six.INPUTS == inputs.INPUTS == tuple(comparisons.INPUTS)
    assert set(fairer.WORDS) <= set(six.PARAMETERS)
    assert set(six.READINGS) == set(inverse.VARIED["values"])
    assert set(seven.NETWORKS) == set(variational.HIDDEN)
    assert set(seven.LIKELIHOODS) == set(variational.LIKELIHOODS)
    assert seven.DETECTORS == anomaly.NAMES
    assert set(seven.CHANGES) == set(planted.CHANGES)
    assert seven.FOREIGN == planted.FOREIGN
    assert set(seven.EXPERIMENTS) == set(latent.EXPERIMENTS)


def test_the_sizes_are_those_of_the_data():
    from latentbook import datasets
    from latentbook.datasets import registry
    from latentbook.weather.sources import registered

    assert {name.partition("-")[0] for name in sizes.DATASETS} == set(datasets.NAMES)
    kinds = {name: registry.entry(name).kind for name in datasets.NAMES}
    assert {name.partition("-")[0] for name in sizes.IMAGES} == {
        name for name, kind in kinds.items() if kind == "images"
    }
    assert sizes.WEATHERS == registered.NAMES
    digits = datasets.load("digits")
    size = sizes.of("digits")
    assert (size.rows, size.features, size.side) == (len(digits), digits.flat.shape[1], 28)
    assert size.n_train == digits.n_train == 0
    assert size.classes == digits.classes
    assert sizes.of("mnist").n_train == 60_000
    assert sizes.of("mnist-test").rows == 10_000
    assert sizes.of("usps").side == 16
    assert sizes.of("satimage").features == 36
    assert sizes.fields_of_weather("weather-sample") == (712, 6.0)
    assert sizes.fields_of_weather("weather-ncep") == (1096, 24.0)


# ---------------------------------------------------------------- the first cell of a notebook

NAME = "03-two-stage-clustering"


def ipython(**names: object) -> dict[str, object]:
    """Return the names of a kernel before its first cell."""
    return {"In": [""], "Out": {}, "np": np, "_": "", **names}


def run(namespace: dict[str, object], source: str) -> None:
    """Do what a kernel does with a cell."""
    namespace["In"].append(source)
    exec(source, {"begin": chapters.begin}, namespace)


def begin(namespace: dict[str, object]) -> None:
    namespace["In"].append("chapters.begin(...)")
    chapters.begin(NAME, namespace)


def test_the_first_cell_may_run_again_after_the_others():
    kernel = ipython()
    run(kernel, "profile = 'quick'\ndataset = 'digits'\nk = 10")
    begin(kernel)
    run(kernel, "data = [1, 2]\nnames = {'a': 1}\nscore = 0.5")
    run(kernel, "datasets = 5")
    begin(kernel)
    run(kernel, "k = 1")
    with pytest.raises(LatentbookError, match="parameter k is 1"):
        begin(kernel)


def test_a_misspelt_name_is_found_also_in_a_second_run():
    kernel = ipython()
    run(kernel, "profile = 'quick'\ndataset = 'digits'")
    begin(kernel)
    run(kernel, "found = [1]")
    run(kernel, "profile = 'quick'\ndatset = 'mnist'")
    for _ in range(2):
        with pytest.raises(LatentbookError, match="did you mean 'dataset'"):
            begin(kernel)
    run(kernel, "profile = 'quick'\ndataset = 'digits'")  # mended, though datset is still there
    begin(kernel)


def test_a_name_misspelt_at_first_may_be_mended():
    kernel = ipython()
    run(kernel, "profile = 'quick'\ndatset = 'mnist'")
    for _ in range(2):
        with pytest.raises(LatentbookError, match="did you mean 'dataset'"):
            begin(kernel)
    run(kernel, "profile = 'quick'\ndataset = 'mnist'")
    begin(kernel)


def test_a_misspelt_name_that_papermill_injects_is_found():
    kernel = ipython()
    run(kernel, "profile = 'quick'\ndataset = 'digits'")
    run(kernel, "# Parameters\ndatset = 'mnist'")
    with pytest.raises(LatentbookError, match="did you mean 'dataset'"):
        begin(kernel)
    kernel = ipython()
    run(kernel, "profile = 'quick'\ndataset = 'digits'")
    begin(kernel)
    run(kernel, "# Parameters\ndatset = 'mnist'")
    with pytest.raises(LatentbookError, match="did you mean 'dataset'"):
        begin(kernel)


def test_without_a_history_names_of_the_first_run_count():
    names = {"profile": "quick", "dataset": "digits"}
    chapters.begin(NAME, names)
    names["found"] = [1]
    chapters.begin(NAME, names)
    names = {"datset": "mnist"}
    for _ in range(2):
        with pytest.raises(LatentbookError, match="did you mean 'dataset'"):
            chapters.begin(NAME, names)


@pytest.mark.parametrize("values", TOGETHER[NAME])
def test_the_notebook_and_the_pipeline_say_the_same(values):
    with pytest.raises(LatentbookError, match=re.escape(refused(NAME, values))):
        chapters.begin(NAME, {**QUICK[NAME], **values})


def test_a_chapter_without_a_list_is_held_to_the_types_of_its_cell():
    like = Like("", example=[1, 2])
    like.check("sizes", [3])
    with pytest.raises(LatentbookError, match="must be of type list of int, like"):
        like.check("sizes", ["a"])

"""What chapter 02 can be told, and what goes together."""

from __future__ import annotations

from latentbook.errors import LatentbookError, choose
from latentbook.study import sizes
from latentbook.study.parameters import (
    PROFILE,
    SEED,
    Choice,
    Number,
    Numbers,
    Parameter,
    Text,
    Values,
    Words,
    at_most,
    each_at_most,
    numbers,
    shown,
)

#: Images at least that a sheet of generated ones shows: `generation.SHOWN`.
SHEET = 10

PARAMETERS: dict[str, Parameter] = {
    "profile": PROFILE,
    "dataset": Choice("the images", sizes.IMAGES),
    "n": sizes.drawn(200),
    "seed": SEED,
    "widths": Numbers("of the dense encoders", 1, 100_000, most=10, distinct=False),
    "epochs": Number("of the dense autoencoders", 1, 100_000),
    "batch_size": Number("rows a batch", 1, 1_000_000),
    "code_sizes": Numbers("numbers in the code, where they are compared", 1, 10_000),
    "linear_gradient": Number(
        "at which the search for the linear autoencoder stops", 1e-12, 1e-2, whole=False
    ),
    "n_codes": Number("numbers in the code, where one size serves", 1, 10_000),
    "land": Choice("data of section 2", sizes.MATRICES),
    "land_n": sizes.drawn(30),
    "land_widths": Numbers("of the encoders there", 1, 100_000, most=10, distinct=False),
    "land_codes": Numbers("numbers in the code there, 2 among them", 1, 10_000),
    "land_runs": Number("trainings that differ in their first weights", 2, 100),
    "land_epochs": Number("of each of them", 1, 100_000),
    "pictures": Words("images of sections 3 and 4", sizes.IMAGES),
    "images": Number("training images there", 10, 10_000_000),
    "test_images": Number("test images there", 8, 10_000_000),
    "noise_levels": Numbers("standard deviations; images lie in [0, 1]", 0.01, 1, whole=False),
    "filters": Number("of the convolutions", 1, 10_000),
    "conv_epochs": Number("of the convolutional networks", 1, 100_000),
    "conv_batch_size": Number("images a batch of them", 1, 1_000_000),
    "elevation_holes": Number("holes in the map of heights", 1, 20),
    "crops": Number("crops of the photographs", 1, 1_000_000),
    "traffic": Choice("data of section 6", sizes.MATRICES),
    "anomalous": Text("classes of them that count as anomalies"),
    "growing": Numbers("numbers in the code, until anomalies pass", 1, 10_000),
    "samples": Number("images generated", SHEET, 1_000_000),
    "labels": Numbers("numbers of labelled images", 1, 10_000_000),
    "steps": Number("steps of gradient descent on them", 1, 1_000_000),
    "unknown": Numbers("positions of the classes held out in section 10", 0, 1000),
    "new_images": Number("training images there", 20, 10_000_000),
    "parametric_epochs": Number("of the parametric UMAP", 11, 10_000),
    "neighbour_rows": Number("rows that neighbours are looked for among", 30, 10_000_000),
}


def _check_codes(values: Values) -> None:
    rows = sizes.training(values)[0]
    largest = min(sizes.of(values["dataset"]).features, rows)
    why = f"as many as the pixels of {values['dataset']} or its training images"
    each_at_most(values, "code_sizes", largest, why)
    at_most(values, "n_codes", largest, why)


def _check_land(values: Values) -> None:
    if 2 not in numbers("land_codes", values["land_codes"]):
        raise LatentbookError(
            f"parameter land_codes is {shown(values['land_codes'])}, but must have 2 among its "
            "numbers, which is drawn: add it"
        )
    rows = sizes.training(values, "land", "land_n")[0]
    largest = min(sizes.of(values["land"]).features, rows)
    why = f"as many as the columns of {values['land']} or its training rows"
    each_at_most(values, "land_codes", largest, why)


def _check_pictures(values: Values) -> None:
    for name in values["pictures"].split():
        size = sizes.of(name)
        held_out = size.rows - size.n_train if size.n_train else size.rows - 10
        at_most(values, "test_images", held_out, f"the test images of {name}")
        left = size.n_train or size.rows - values["test_images"]
        at_most(values, "images", left, f"the training images of {name}")


def _check_traffic(values: Values) -> None:
    classes = sizes.of(values["traffic"]).classes
    named = values["anomalous"].split()
    for word in named:
        choose(f"class of {values['traffic']} in parameter anomalous", word, classes)
    if not 0 < len(set(named)) == len(named) < len(classes):
        raise LatentbookError(
            f"parameter anomalous is {shown(values['anomalous'])}, but must name one or more of "
            f"{', '.join(classes)}, none twice, and leave one that is normal"
        )
    features = sizes.of(values["traffic"]).features
    each_at_most(values, "growing", features, f"the columns of {values['traffic']}")


def _check_generated(values: Values) -> None:
    most = min(sizes.training(values))
    at_most(values, "samples", most, "the training or test images of this run")


def _check_labels(values: Values) -> None:
    rows = sizes.training(values)[0]
    each_at_most(values, "labels", rows, "the training images of this run")
    classes = len(sizes.of(values["dataset"]).classes)
    if min(numbers("labels", values["labels"])) < classes:
        raise LatentbookError(
            f"parameter labels is {shown(values['labels'])}, but its numbers must be at least "
            f"{classes}, one label for each class of {values['dataset']}"
        )


def _check_unknown(values: Values) -> None:
    classes = len(sizes.of(values["dataset"]).classes)
    each_at_most(values, "unknown", classes - 1, f"the last class of {values['dataset']}")
    if len(values["unknown"].split()) > classes - 2:
        raise LatentbookError(
            f"parameter unknown is {shown(values['unknown'])}, but must leave two of the "
            f"{classes} classes of {values['dataset']} that a classifier can learn"
        )


COMBINATIONS = (
    sizes.enough(),
    sizes.enough("land", "land_n"),
    _check_codes,
    _check_land,
    _check_pictures,
    _check_traffic,
    _check_generated,
    _check_labels,
    _check_unknown,
)

"""Figures of chapter 02, each drawn from the small arrays that a use keeps.

Nothing is computed here: a new colour or title needs no new run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentbook import plots
from latentbook.chapters.autoencoders import TARGET_RATE

#: Arrays by name, as `study.result.kept` returns them.
Arrays = Mapping[str, np.ndarray]

#: Lines that differ in grey as well.
_LINES = ("-", "-.", "--", ":", (0, (5, 1, 1, 1, 1, 1)))


# ------------------------------------------------------------------------------- mosaics of images


def rows_of_images(rows: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Draw one row of byte images of shape (n, height, width, channels) a title."""
    columns = max(len(row) for row in rows)
    figure, ax = plt.subplots(figsize=(0.85 * columns + 1, 0.9 * len(rows)))
    _, places = draw_mosaic(ax, rows)
    for title, y in zip(titles, places, strict=True):
        ax.text(-2, y, title, ha="right", va="center")
    figure.subplots_adjust(left=0.16, right=0.99, top=0.98, bottom=0.02)
    return figure


def columns_of_images(images: np.ndarray, titles: Sequence[str]) -> Figure:
    """Draw byte images of shape (titles, n, height, width, channels), a column a title."""
    columns, rows = images.shape[:2]
    figure, ax = plt.subplots(figsize=(1.45 * columns, 1.45 * rows + 0.35), layout="constrained")
    places, _ = draw_mosaic(ax, list(images.swapaxes(0, 1)))
    for title, x in zip(titles, places, strict=True):
        ax.text(x, -2, title, ha="center", va="bottom", fontsize="small")
    return figure


def draw_mosaic(ax: Axes, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of byte images as one image, which takes a tenth of the time of one axes each.

    Parameters
    ----------
    rows
        Arrays of shape (n, height, width, channels). Shorter rows are filled up with white.

    Returns
    -------
    x of the middle of every column, and y of the middle of every row
    """
    height, width, channels = rows[0].shape[1:]
    down, right = height + max(1, height // 16), width + max(1, width // 16)
    columns = max(len(row) for row in rows)
    canvas = np.full((down * len(rows), right * columns, channels), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            canvas[i * down : i * down + height, j * right : j * right + width] = image
    shown = canvas[: height - down or None, : width - right or None]
    ax.imshow(shown.squeeze(-1) if channels == 1 else shown, cmap="gray", vmin=0, vmax=255)
    ax.axis("off")
    middle = (width - 1) / 2, (height - 1) / 2
    return middle[0] + right * np.arange(columns), middle[1] + down * np.arange(len(rows))


# ------------------------------------------------------------------------------- 1. linear


def draw_errors(arrays: Arrays) -> Figure:
    """Draw the error on the test part against the size of the code, a line a method."""
    figure, ax = plt.subplots(layout="constrained")
    palette = plots.colours(3)
    styles: dict[str, Any] = {"pca": "o-", "linear": "x", "nonlinear": "s--"}
    for (name, style), colour in zip(styles.items(), palette, strict=True):
        label = {"pca": "PCA"}.get(name, f"{name} autoencoder")
        size = 11 if name == "linear" else 6
        ax.plot(
            arrays["n_codes"],
            arrays[f"mse {name}"],
            style,
            color=colour,
            label=label,
            ms=size,
            mew=2,
        )
    ax.set(xlabel="numbers in the code", ylabel="mean squared error, test", yscale="log")
    ax.legend()
    return figure


def draw_reconstructions(arrays: Arrays) -> Figure:
    """Draw test images above their reconstructions, a row a method."""
    names = ["original", "pca", "nonlinear"]
    titles = ["as they are", "PCA", "nonlinear"]
    return rows_of_images([arrays[f"images {name}"] for name in names], titles)


def draw_directions(arrays: Arrays) -> Figure:
    """Draw directions that span PCA's and the linear autoencoder's subspace; zero is grey."""
    names = ["pca", "linear"]
    return rows_of_images([arrays[f"directions {name}"] for name in names], ["PCA", "linear"])


# ------------------------------------------------------------------------------- 2. satellite


def draw_codes(arrays: Arrays, names: Sequence[str], *, runs: bool) -> Figure:
    """Draw two-dimensional test codes by class.

    Parameters
    ----------
    names
        Of the classes, written into the first panel.
    runs
        Whether the runs of the autoencoder are drawn, or its first run beside the other methods.
    """
    titles = [name[2:] for name in arrays if name.startswith("z ")]
    own = [title for title in titles if title.startswith("run ")]
    chosen = own[:4] if runs else [own[0], *(title for title in titles if title not in own)]
    panels = {
        ("autoencoder" if not runs and title in own else title): (
            arrays[f"z {title}"].astype(float),
            arrays["classes"],
        )
        for title in chosen
    }
    return plots.scatter_panels(panels, names=names)


# ------------------------------------------------------------------------------- 3. denoising


def draw_denoised(arrays: Arrays) -> Figure:
    """Draw held-out images, a row each: clean, noisy, and denoised by every method."""
    titles = [str(title) for title in arrays["titles"]]
    return columns_of_images(arrays["images"], [title.replace(", ", ",\n") for title in titles])


def draw_noise_levels(arrays: Arrays) -> Figure:
    """Draw PSNR of every method, and accuracy on its images, against the noise level."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.9), layout="constrained")
    titles = [str(title) for title in arrays["titles"]]
    colours = plots.colours(len(titles))
    for ax, metric, label in zip(axes, ("psnr", "acc"), ("PSNR / dB", "accuracy"), strict=True):
        for title, colour, values in zip(titles, colours, arrays[metric], strict=True):
            line = "--" if title in ("clean", "noisy") else "-"
            ax.plot(arrays["levels"], values, line, marker="o", color=colour, label=title)
        ax.set(xlabel="noise level σ", ylabel=label, xticks=arrays["levels"])
        ax.grid(axis="y", linewidth=0.5)
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


# ------------------------------------------------------------------------------- 4. inpainting

#: Titles of the filled images, in the order of `inpainting.METHODS`.
_FILLED = ("autoencoder", "biharmonic", "mean of the rest")


def draw_filled(arrays: Arrays) -> Figure:
    """Draw held-out images, a row each: whole, with holes in grey, and filled by every method."""
    images = np.concatenate(list(arrays.values()), axis=1)
    return columns_of_images(images, ["whole", "holes", *_FILLED])


def draw_filled_map(arrays: Arrays) -> Figure:
    """Draw the ground in and around holes, a row each: true, and filled by every method."""
    maps, mask = arrays["heights"].astype(float), arrays["mask"]
    columns, rows = maps.shape[:2]
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.3 * columns, 2.2 * rows), squeeze=False, layout="constrained"
    )
    for row in range(rows):
        low, high = maps[0, row].min(), maps[0, row].max()
        for column, title in enumerate(("true", *_FILLED)):
            ax = axes[row, column]
            drawn = ax.imshow(maps[column, row], cmap="viridis", vmin=low, vmax=high)
            ax.contour(mask, levels=[0.5], colors="white", linewidths=1)
            ax.set(xticks=[], yticks=[])
            if row == 0:
                ax.set_title(title, fontsize="small")
        figure.colorbar(drawn, ax=axes[row], label="height / m")
    return figure


# ------------------------------------------------------------------------------- 5. compression


def draw_rates(arrays: Arrays) -> Figure:
    """Draw PSNR and SSIM against the rate, mean over the test photographs; a line marks 0.15."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.9), layout="constrained")
    curves = {
        name.removeprefix("curve "): a for name, a in arrays.items() if name.startswith("curve ")
    }
    for column, (ax, label) in enumerate(zip(axes, ("PSNR / dB", "SSIM"), strict=True), start=1):
        for (method, curve), colour in zip(curves.items(), plots.colours(len(curves)), strict=True):
            ax.plot(curve[:, 0], curve[:, column], "o-", color=colour, label=method, markersize=4)
        ax.axvline(TARGET_RATE, color=plots.GREY, linestyle="--", linewidth=1)
        ax.set(xlabel="bits a pixel", ylabel=label, xlim=(0, None))
        ax.grid(axis="y", linewidth=0.5)
    axes[0].legend()
    return figure


def draw_details(arrays: Arrays) -> Figure:
    """Draw a detail of a test photograph: original, and decoded at the rate nearest to 0.15."""
    details, titles = arrays["details"], arrays["titles"]
    figure, axes = plt.subplots(
        1, len(details), figsize=(2.6 * len(details), 3.0), layout="constrained"
    )
    for ax, detail, title in zip(axes, details, titles, strict=True):
        ax.imshow(detail, cmap="gray", vmin=0, vmax=255)
        ax.set_title(str(title), fontsize="small")
        ax.axis("off")
    return figure


# ------------------------------------------------------------------------------- 6. anomalies


def draw_detection(arrays: Arrays) -> Figure:
    """Draw ROC and precision-recall curves, and the recall of each group of anomalies."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
    methods = [str(method) for method in arrays["methods"]]
    for i, (method, colour) in enumerate(zip(methods, plots.colours(len(methods)), strict=True)):
        style: dict[str, Any] = {"color": colour, "linestyle": _LINES[i % len(_LINES)]}
        roc, precision = (arrays[f"{kind} {method}"].astype(float) for kind in ("roc", "pr"))
        axes[0].plot(np.linspace(0, 1, len(roc)), roc, label=method, **style)
        axes[1].plot(np.linspace(0, 1, len(precision)), precision, **style)
    axes[0].plot([0, 1], [0, 1], color=plots.GREY, linewidth=1, linestyle=":")
    axes[1].axhline(float(arrays["share"]), color=plots.GREY, linewidth=1, linestyle=":")
    axes[0].set(xlabel="normal rows reported (share)", ylabel="anomalies found (share)")
    axes[1].set(xlabel="recall", ylabel="precision", ylim=(0, 1.02))
    _draw_recalls(axes[2], arrays, methods)
    figure.legend(loc="outside lower center", ncols=len(methods), fontsize="small")
    return figure


def _draw_recalls(ax: Axes, arrays: Arrays, methods: Sequence[str]) -> None:
    """Draw bars: recall by group, and beside them the share of false alarms."""
    bars = np.column_stack([arrays["recalls"], arrays["false alarms"]])
    width = 0.8 / len(methods)
    for i, colour in enumerate(plots.colours(len(methods))):
        places = np.arange(bars.shape[1]) + (i - len(methods) / 2 + 0.5) * width
        ax.bar(places, bars[i], width, color=colour)
    ax.set_xticks(range(bars.shape[1]), [*map(str, arrays["groups"]), "normal\n(false alarms)"])
    ax.set(ylabel="share reported as anomalies", ylim=(0, 1))


def draw_growing_code(arrays: Arrays) -> Figure:
    """Draw AUC, and the errors of anomalies and of normal rows, against the size of the code."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    sizes = arrays["code sizes"]
    for name, colour, marker in zip(("autoencoder", "pca"), plots.colours(2), "os", strict=True):
        style = {"color": colour, "marker": marker}
        axes[0].plot(sizes, arrays[f"auc {name}"], label=name, **style)
        for kind, line in (("anomalous", "-"), ("normal", "--")):
            values, label = arrays[f"error_{kind} {name}"], f"{name}, {kind} rows"
            axes[1].plot(sizes, values, linestyle=line, label=label, **style)
    axes[0].axhline(
        float(arrays["forest"]), color=plots.GREY, linestyle=":", label="isolation forest"
    )
    axes[0].set(ylabel="ROC AUC")
    axes[1].set(yscale="log", ylabel="median squared error")
    for ax in axes:
        _size_axis(ax, sizes)
        ax.legend(fontsize="small")
    return figure


def _size_axis(ax: Axes, sizes: np.ndarray) -> None:
    """Give the sizes of the code a logarithmic axis of base 2, with a tick each."""
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.set_xlabel("numbers in the code")


# ------------------------------------------------------------------------------- 7. generation

#: Where random codes come from -> how it is written in the figure.
_SOURCES = {
    "autoencoder normal": "autoencoder,\nstandard normal",
    "autoencoder gaussian": "autoencoder,\nGaussian",
    "autoencoder mixture": "autoencoder,\nmixture",
    "vae": "VAE",
    "pca gaussian": "PCA, Gaussian",
    "pca mixture": "PCA, mixture",
    "test images": "test images",
}


def draw_samples(arrays: Arrays) -> Figure:
    """Draw random images, a row a method, and test images below them."""
    rows = [arrays[f"images {name}"] for name in _SOURCES]
    return rows_of_images(rows, list(_SOURCES.values()))


def draw_between(arrays: Arrays) -> Figure:
    """Draw the ways between two test images: through pixels and through two spaces of codes."""
    titles = {"pixels": "pixels", "autoencoder": "autoencoder", "vae": "VAE"}
    return rows_of_images([arrays[f"between {name}"] for name in titles], list(titles.values()))


# ------------------------------------------------------------------------------- 8. few labels


def draw_few_labels(arrays: Arrays) -> Figure:
    """Draw accuracy against the number of labels, one line a method."""
    figure, ax = plt.subplots(layout="constrained")
    lines = ("o-", "s-", "^--", "v--", "D:", "x:")
    methods = [str(method) for method in arrays["methods"]]
    for i, colour in enumerate(plots.colours(len(methods))):
        values = arrays["acc"][i].astype(float)
        ax.plot(arrays["labels"], values, lines[i % len(lines)], color=colour, label=methods[i])
    ax.set(xscale="log", xlabel="labelled images", ylabel="accuracy on the test images")
    ax.set_xticks(arrays["labels"], [f"{n:,}" for n in arrays["labels"]])
    ax.minorticks_off()
    ax.grid(axis="y", linewidth=0.5)
    ax.legend(fontsize="small")
    return figure


# ------------------------------------------------------------------------------- 9. code size

#: Metric -> title of its panel.
_CODE_SIZES = {
    "mse": "mean squared error, test",
    "knn_acc": "accuracy of nearest neighbours, test",
    "nmi": "NMI of k-means, test",
}


def draw_code_sizes(arrays: Arrays) -> Figure:
    """Draw error, accuracy and NMI against the size of the code; grey: intrinsic dimension."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    low, high = sorted(arrays["dimensions"])
    for ax, (metric, title) in zip(axes, _CODE_SIZES.items(), strict=True):
        ax.axvspan(low, high, color=plots.GREY, alpha=0.35, lw=0, label="intrinsic dimension")
        for name, style, colour in zip(
            ("autoencoder", "pca"), ("s--", "o-"), plots.colours(2), strict=True
        ):
            label = {"pca": "PCA"}.get(name, name)
            ax.plot(arrays["n_codes"], arrays[f"{metric} {name}"], style, color=colour, label=label)
        _size_axis(ax, arrays["n_codes"])
        ax.minorticks_off()
        ax.set(title=title)
    axes[0].set_yscale("log")
    axes[0].legend()
    return figure


# ------------------------------------------------------------------------------- 10. new categories

#: Source of the distances -> methods of its panel, by what is done with the source.
_NEW = {
    "pixels": {"itself": "pixels", "umap": "pixels + umap", "joint umap": "pixels + joint umap"},
    "classifier": {
        "itself": "classifier features",
        "umap": "classifier + umap",
        "parametric umap": "classifier + parametric umap",
        "joint umap": "classifier + joint umap",
        "output": "classifier confidence",
    },
    "autoencoder": {
        "itself": "autoencoder codes",
        "umap": "autoencoder + umap",
        "parametric umap": "autoencoder + parametric umap",
        "joint umap": "autoencoder + joint umap",
        "output": "autoencoder error",
    },
}
#: What is done with a source -> position of its colour, and its line.
_NEW_STYLES: dict[str, tuple[int, Any]] = {
    "umap": (0, "--"),
    "parametric umap": (1, ":"),
    "itself": (2, "-"),
    "output": (3, "-."),
    "joint umap": (4, (0, (5, 1, 1, 1, 1, 1))),
}


def draw_planes(arrays: Arrays, names: Sequence[str]) -> Figure:
    """Draw every plane: test images of known classes coloured, those of unknown ones black.

    Parameters
    ----------
    names
        Of all classes, for the legend.
    """
    titles = [name.removeprefix("z ") for name in arrays if name.startswith("z ")]
    columns = -(-len(titles) // 2)
    figure, axes = plt.subplots(2, columns, figsize=(4 * columns, 7.6), layout="constrained")
    y, odd = arrays["y"].astype(int), arrays["odd"]
    palette = plots.colours(max(10, len(names)))
    for ax in axes.flat[len(titles) :]:
        ax.remove()
    for ax, title in zip(axes.flat, titles, strict=False):
        z = arrays[f"z {title}"].astype(float)
        for c in np.unique(y[~odd]):
            part = z[(y == c) & ~odd]
            ax.plot(*part.T, ".", color=palette[c], markersize=3, alpha=0.5, label=names[c])
        label = " and ".join(names[c] for c in np.unique(y[odd]))
        ax.plot(*z[odd].T, "x", color="black", markersize=3, markeredgewidth=0.7, label=label)
        ax.set(xticks=[], yticks=[], title=title)
        sns.despine(ax=ax, left=True, bottom=True)
    handles = axes.flat[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=5, fontsize="small", markerscale=3)
    return figure


def draw_precision(arrays: Arrays) -> Figure:
    """Draw precision-recall curves, one panel for each source of the distances.

    A colour and a line stand for what is done with a source, so that panels can be compared.
    """
    scores = dict(zip(map(str, arrays["methods"]), arrays["ap"], strict=True))
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), sharey=True, layout="constrained")
    for ax, (source, methods) in zip(axes, _NEW.items(), strict=True):
        for kind, method in methods.items():
            colour, line = _NEW_STYLES[kind]
            precision = arrays[f"pr {method}"].astype(float)
            ax.plot(
                np.linspace(0, 1, len(precision)),
                precision,
                linestyle=line,
                color=plots.colours(5)[colour],
                label=f"{method} ({scores[method]:.2f})",
            )
        ax.axhline(float(arrays["share"]), color=plots.GREY, linewidth=1, linestyle=":")
        ax.set(xlabel="recall", ylim=(0, 1.02), title=source)
        ax.legend(fontsize="x-small", title="average precision", title_fontsize="x-small")
    axes[0].set_ylabel("precision")
    return figure


# ------------------------------------------------------------------------------- 11. regularised

#: Metric -> title of its panel.
_PENALTIES = {
    "mse": "error, test",
    "mse_noisy": "error, noisy test rows",
    "knn_acc": "accuracy of nearest neighbours",
}


def draw_penalties(arrays: Arrays) -> Figure:
    """Draw one panel a metric with a point a kind; the line is the plain autoencoder."""
    names = ["PCA" if name == "pca" else str(name) for name in arrays["methods"]]
    places = np.arange(len(names))[::-1]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", sharey=True)
    for ax, (metric, title) in zip(axes, _PENALTIES.items(), strict=True):
        ax.axvline(arrays[metric][names.index("plain")], color=plots.GREY, lw=1)
        ax.plot(arrays[metric], places, "o", color=plots.colours(1)[0])
        ax.set(title=title, yticks=places, yticklabels=names)
    return figure

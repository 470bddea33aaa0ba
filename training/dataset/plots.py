"""Plots of a data set as SVG text; the same numbers make the same text."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from training.dataset.tables import Tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 40
COLOURS = {"train": "#2f6f8f", "validation": "#e0a030", "test": "#b04a5a", "none": "#9aa0a6"}
INK = "#2f6f8f"
# Title, SQL, width of a bar, axis, and the base where SQL is a logarithm.
MEASURES = (
    ("size", "log10(width * height / 1e6)", 0.1, "megapixels", 10),
    ("shape", "log2(width / height)", 0.1, "width / height", 2),
    ("file size", "log10(size / 1e3)", 0.1, "kB", 10),
    ("lightness", "light", 8.0, "mean of grey, 0 to 255", 0),
    ("contrast", "contrast", 4.0, "deviation of grey", 0),
    ("sharpness", "log10(sharpness + 0.1)", 0.1, "variance of the Laplacian", 10),
)


def _svg(width: float, height: float, draw: Callable[["Figure"], None]) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "darkroom", "font.size": 9, "svg.fonttype": "path"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue().partition("<svg")[1] + out.getvalue().partition("<svg")[2]


def keywords(before: Mapping[str, int], after: Mapping[str, int], mapped: bool) -> str:  # noqa: FBT001
    """Bars of the keywords as they come and, where they were `mapped`, as they are grouped."""
    sides = {"as they come": before} | ({"grouped": after} if mapped else {})
    longest = max(min(len(one), MOST + 1) for one in sides.values())

    def draw(figure: "Figure") -> None:
        axes = figure.subplots(1, len(sides), squeeze=False)[0]
        for ax, (title, counts) in zip(axes, sides.items(), strict=True):
            names, values = _shortened(counts)
            _bars(ax, names, values)
            ax.set_ylim(longest - 0.4, -0.6)  # bars of one height on both sides
            ax.set_title(f"{title}: {len(counts)} keywords")

    return _svg(5.5 * len(sides), 0.6 + 0.22 * longest, draw)


def splits(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Stacked bars: the pictures of each keyword by split."""
    shown = {_plain(keyword): splits for keyword, splits in list(counts.items())[:MOST]}

    def draw(figure: "Figure") -> None:
        ax = figure.subplots()
        left = [0] * len(shown)
        for split, colour in COLOURS.items():
            values = [one[split] for one in shown.values()]
            if any(values):
                ax.barh(list(shown), values, left=left, color=colour, label=split)
                left = [a + b for a, b in zip(left, values, strict=True)]
        ax.invert_yaxis()
        ax.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside upper right", ncols=len(COLOURS), frameon=False)
        ax.set_xlabel("pictures")

    return _svg(8, 1.1 + 0.22 * len(shown), draw)


def measures(tables: Tables) -> str:
    """Histograms of the sound pictures, counted in the database."""
    from matplotlib.ticker import MaxNLocator

    found = [
        tables.rows(
            f"select floor(({sql}) / {step}) * {step}, count(*) from pictures where error is null group by 1 order by 1"
        )
        for _, sql, step, _, _ in MEASURES
    ]

    def draw(figure: "Figure") -> None:
        axes = figure.subplots(2, 3).reshape(-1)
        for ax, (title, _, step, label, base), bins in zip(axes, MEASURES, found, strict=True):
            ax.bar([start for start, _ in bins], [count for _, count in bins], width=step, align="edge", color=INK)
            if base:
                ax.xaxis.set_major_locator(MaxNLocator(5))
                ax.xaxis.set_major_formatter(_powers(base))
            ax.set(title=title, xlabel=label)
            ax.spines[["top", "right"]].set_visible(False)

    return _svg(11, 5, draw)


def _bars(ax: "Axes", names: Sequence[str], values: Sequence[int]) -> None:
    bars = ax.barh(names, values, color=INK)
    ax.bar_label(bars, padding=2, fontsize=8)
    ax.margins(x=0.12)
    ax.spines[["top", "right"]].set_visible(False)


def _shortened(counts: Mapping[str, int]) -> tuple[list[str], list[int]]:
    names = [_plain(name) or "(none)" for name in counts]
    values = list(counts.values())
    if len(names) > MOST:
        names = [*names[:MOST], f"({len(names) - MOST} others)"]
        values = [*values[:MOST], sum(values[MOST:])]
    return names, values


def _plain(name: str) -> str:
    """A name in which matplotlib sees no formula."""
    return name.replace("$", r"\$")


def _powers(base: int) -> Callable[[float, float], str]:
    """Labels of an axis of logarithms."""
    return lambda value, _: f"{base**value:.3g}"

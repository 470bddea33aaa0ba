"""What a calibration leaves to read: `uncertainty.json`, and the reliability curve as SVG and PNG."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from imaging.uncertainty import MIRRORED, NAMES, Calibration
from training.uncertainty.fit import Reliability
from training.uncertainty.samples import Event


def parameters(calibration: Calibration) -> dict[str, str]:
    """Return the calibration as the parameters of a Triton model that `imaging.uncertainty.read` takes."""
    return {
        "uncertainty": ",".join(f"{one:g}" for one in calibration.alone),
        "uncertainty_mirrored": ",".join(f"{one:g}" for one in calibration.mirrored),
    }


def write(calibration: Calibration, event: Event, found: Mapping[str, Reliability], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "event": {"text": str(event), **asdict(event)},
        "features": [*NAMES, MIRRORED],
        "parameters": parameters(calibration),
        "reliability": {name: asdict(one) for name, one in found.items()},
    }
    (folder / "uncertainty.json").write_text(json.dumps(content, indent=1) + "\n")
    _draw(found, f"needs a person: {event}", folder / "reliability")


def _draw(found: Mapping[str, Reliability], title: str, path: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    for name, one in found.items():
        label = f"{name}: AUC {one.auc:.3f}, Brier {one.brier:.3f}, ECE {one.ece:.3f}"
        axes.plot([bin_[0] for bin_ in one.bins], [bin_[1] for bin_ in one.bins], marker="o", label=label)
    axes.set(xlabel="uncertainty", ylabel="share that needs a person", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(title, fontsize=9)
    axes.legend(loc="upper left", fontsize=8)
    # Neither date nor version, nor random names: the same figures make the same files.
    with mpl.rc_context({"svg.hashsalt": "darkroom"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=100, metadata={"Software": None})

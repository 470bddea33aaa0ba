"""From an exported candidate to the served version, through the gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from training.promotion import MODEL, Versions
from training.shelves.errors import ShelvesError
from training.shelves.evaluation import Evaluation, evaluate, shortfall
from training.shelves.pictures import ShelfPicture
from training.shelves.predictor import OnnxPredictor
from training.shelves.profile import EMBEDDINGS, PROFILE, write_profile
from training.shelves.report import numbers_of

MAY_LOSE = 0.005
"""How much less than the served version's the mIoU may be."""


@dataclass(frozen=True)
class Decision:
    """`version` is the folder that is served now, None where nothing was changed; then `reasons` say why."""

    candidate: Evaluation
    served: Evaluation | None
    reasons: tuple[str, ...]
    version: Path | None = None


def promote(candidate: Path, repository: Path, gate: float, pictures: Sequence[ShelfPicture]) -> Decision:
    """Measure, compare with the newest version in `repository`, and publish the candidate as the next one if it passes.

    The profile that drift is measured against is published with it.

    Raises:
        ShelvesError: the candidate or the served version cannot be measured, or another version came meanwhile.
    """
    network = OnnxPredictor(candidate / MODEL)
    versions = Versions(repository, network.role, ShelvesError)
    card, newest = versions.card(candidate), versions.newest()
    found = evaluate(network, pictures)
    served = None if newest is None else evaluate(OnnxPredictor(newest / MODEL), pictures)
    reasons = tuple(_reasons(found, served, gate))
    if reasons:
        return Decision(found, served, reasons)
    figures = {name: round(value, 6) for name, value in numbers_of(found).items() if name != "milliseconds"}
    known = card.get("figures")
    card["figures"] = {**(known if isinstance(known, dict) else {}), **figures, "pictures": len(found.scores)}
    instead = None if newest is None else newest.name
    card["promoted"] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "gate": gate, "instead_of": instead}
    with TemporaryDirectory() as folder:
        write_profile(Path(folder), network.role, found.looks)
        version = versions.publish(candidate, newest, card, Path(folder) / PROFILE, Path(folder) / EMBEDDINGS)
    return Decision(found, served, (), version)


def _reasons(candidate: Evaluation, served: Evaluation | None, gate: float) -> list[str]:
    found, reasons = candidate.figures.miou, []
    if shortfall(candidate, gate) > 0:
        reasons.append(f"mIoU {found:.4f} is {shortfall(candidate, gate):.4f} under the gate of {gate:.2f}")
    if served is not None and found < served.figures.miou - MAY_LOSE:
        reasons.append(f"mIoU {found:.4f}; the served version has {served.figures.miou:.4f} on the same pictures")
    return reasons

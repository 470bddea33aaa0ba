"""From an exported candidate to the served version, through the gate."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from export import label_file
from training.dataset.shards import Shards
from training.keywords.errors import KeywordsError
from training.keywords.evaluation import Evaluation, evaluate
from training.keywords.gate import Gate, failures, losses
from training.keywords.predictor import MODEL, OnnxPredictor
from training.promotion import Versions

ROLE = "keyword_classifier"
_SHOWN = ("macro_accuracy", "macro_f1", "accuracy", "top_3", "ece", "pictures")


@dataclass(frozen=True)
class Decision:
    """`version` is the folder that is served now, None where nothing was changed; then `reasons` say why."""

    candidate: Evaluation
    served: Evaluation | None
    reasons: tuple[str, ...]
    version: Path | None = None

    def facts(self) -> dict[str, Any]:
        return {
            "promoted": self.version is not None,
            "version": None if self.version is None else str(self.version),
            "reasons": list(self.reasons),
            "candidate": asdict(self.candidate.figures),
            "served": None if self.served is None else {"network": self.served.network, **asdict(self.served.figures)},
        }


def promote(candidate: Path, repository: Path, gate: Gate, shards: Shards, split: str = "test") -> Decision:
    """Measure, compare with the newest version in `repository`, and publish the candidate as the next one if it passes.

    `candidate` is a version's folder as the exporter writes it. The served version is compared on the pictures whose
    keywords it knows.

    Raises:
        KeywordsError: the candidate or the served version cannot be measured, or another version came meanwhile.
    """
    versions = Versions(repository, ROLE, KeywordsError)
    card = versions.card(candidate)
    network = OnnxPredictor(candidate / MODEL)
    found = evaluate(network, shards, split)
    reasons = failures(gate, found.figures, found.weights.size_bytes)
    newest = versions.newest()
    served = None
    if newest is not None:
        served, worse = _compared(network, OnnxPredictor(newest / MODEL), gate, shards, split)
        reasons += worse
    if reasons:
        return Decision(found, served, tuple(reasons))
    figures = {name: round(float(getattr(found.figures, name)), 6) for name in _SHOWN}
    known = card.get("figures")
    card["figures"] = {
        **(known if isinstance(known, dict) else {}),
        **{f"{split}_{name}": value for name, value in figures.items()},
    }
    card["promoted"] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "manifest": shards.content.get("manifest"),
        "gate": gate.model_dump(),
        "instead_of": None if newest is None else newest.name,
    }
    version = versions.publish(candidate, newest, card)
    label_file.keep(versions.folder)
    return Decision(found, served, (), version)


def _compared(
    candidate: OnnxPredictor, served: OnnxPredictor, gate: Gate, shards: Shards, split: str
) -> tuple[Evaluation, list[str]]:
    lost = [label for label in served.labels if label not in candidate.labels]
    reasons = [f"does not know {', '.join(lost)}, which the served version knows"] if lost else []
    both = [label for label in candidate.labels if label in served.labels]
    before = evaluate(served, shards, split, both)
    now = evaluate(candidate, shards, split, both)
    return before, [*reasons, *losses(gate, now.figures, before.figures)]

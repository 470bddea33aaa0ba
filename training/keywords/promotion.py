"""From an exported candidate to the served version, through the gate."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from export import label_file, versions
from training.dataset.shards import Shards
from training.keywords.errors import KeywordsError
from training.keywords.evaluation import Evaluation, evaluate
from training.keywords.gate import Gate, failures, losses
from training.keywords.predictor import MODEL, OnnxPredictor

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
    if not (repository / ROLE / "config.pbtxt").is_file():
        raise KeywordsError(f"{repository}: no model repository with {ROLE}")
    card = _card(candidate)
    network = OnnxPredictor(candidate / MODEL)
    found = evaluate(network, shards, split)
    reasons = failures(gate, found.figures, found.weights.size_bytes)
    newest = served_version(repository)
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
    return Decision(found, served, (), _publish(candidate, repository, newest, card))


def served_version(repository: Path) -> Path | None:
    """The newest version: the one that is served. Raises KeywordsError where that is no ONNX file."""
    numbers = [int(one.name) for one in (repository / ROLE).iterdir() if one.name.isdecimal() and one.is_dir()]
    if not numbers:
        return None
    newest = repository / ROLE / str(max(numbers))
    if not (newest / MODEL).is_file():
        raise KeywordsError(f"{newest}: the served version has no {MODEL} to compare with")
    return newest


def _card(candidate: Path) -> dict[str, Any]:
    """model.json of an export whose proof holds, of this very file."""
    path = candidate / versions.CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        digest = hashlib.sha256((candidate / MODEL).read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise KeywordsError(f"{candidate}: no version as export writes one ({error})") from error
    if not isinstance(card, dict) or card.get("role") != ROLE:
        raise KeywordsError(f"{path}: is not of {ROLE}")
    if card.get("sha256") != digest:
        raise KeywordsError(f"{path}: is of another {MODEL}; its SHA-256 differs")
    rows = card.get("proof")
    if not isinstance(rows, list) or not rows or not all(row.get("ok") for row in rows):
        raise KeywordsError(f"{path}: has no proof that holds")
    return card


def _compared(
    candidate: OnnxPredictor, served: OnnxPredictor, gate: Gate, shards: Shards, split: str
) -> tuple[Evaluation, list[str]]:
    lost = [label for label in served.labels if label not in candidate.labels]
    reasons = [f"does not know {', '.join(lost)}, which the served version knows"] if lost else []
    both = [label for label in candidate.labels if label in served.labels]
    before = evaluate(served, shards, split, both)
    now = evaluate(candidate, shards, split, both)
    return before, [*reasons, *losses(gate, now.figures, before.figures)]


def _publish(candidate: Path, repository: Path, compared: Path | None, card: dict[str, Any]) -> Path:
    with versions.staging(repository, ROLE) as staged:
        for name in _files(candidate):
            shutil.copy2(candidate / name, staged / name)
        versions.write_card(staged, card)
        if served_version(repository) != compared:
            raise KeywordsError(f"{repository / ROLE}: another version came while this one was measured; try again")
        published = versions.publish(staged)
    label_file.keep(repository / ROLE)
    return published


def _files(candidate: Path) -> Sequence[str]:
    return [MODEL, *sorted(one.name for one in candidate.iterdir() if one.is_file() and one.name != MODEL)]

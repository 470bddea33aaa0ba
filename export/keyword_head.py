"""What a checkpoint says of its keywords: labels, head, temperature; or what texts make of a CLIP that has none."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from export import label_file, vocabulary, weights
from export.checkpoint import Checkpoint
from export.errors import CheckpointError, UsageError
from training.keywords.head import HEADS, HeadKind, KeywordHead

FOLDER = "keywords"


@dataclass(frozen=True)
class Keywords:
    """The `config.json` of a checkpoint's folder `keywords`. `temperature` divides the logits."""

    labels: tuple[str, ...]
    head: HeadKind
    hidden: int | None = None
    temperature: float = 1.0
    prompts: tuple[Any, ...] | None = None


def load(checkpoint: Checkpoint, width: int, labels: Path | None) -> tuple[Keywords, KeywordHead]:
    """The head that was trained for vectors of a width, or with `labels`, a file of keywords, one of their texts.

    Raises CheckpointError, and UsageError where both are there or neither.
    """
    folder = checkpoint.folder / FOLDER
    if folder.is_dir() and labels is not None:
        raise UsageError(f"--labels is for a whole CLIP; {checkpoint.source} has keywords of its own")
    if folder.is_dir():
        keywords = _stated(folder / "config.json")
        return keywords, _filled(keywords, width, weights.read(folder / "model.safetensors", checkpoint.source), folder)
    if labels is None:
        raise UsageError(f"{checkpoint.source} has no folder {FOLDER}; a whole CLIP needs --labels FILE")
    words = vocabulary.read(labels)
    keywords = Keywords(words.labels, "prototypes", prompts=words.prompts)
    return keywords, _filled(keywords, width, vocabulary.prototypes(checkpoint, words), checkpoint.folder)


def _stated(path: Path) -> Keywords:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(facts, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    labels = label_file.checked(facts.get("labels"), str(path))
    head, prompts = facts.get("head"), facts.get("prompts")
    if head not in HEADS:
        raise CheckpointError(f"{path}: head is one of {', '.join(HEADS)}, not {head!r}")
    if not isinstance(prompts, list | None):
        raise CheckpointError(f"{path}: prompts are a list or null, not {prompts!r}")
    hidden, temperature = _hidden(path, head, facts.get("hidden")), _temperature(path, facts.get("temperature"))
    return Keywords(labels, head, hidden, temperature, None if prompts is None else tuple(prompts))


def _hidden(path: Path, head: str, value: object) -> int | None:
    if head != "mlp":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise CheckpointError(f"{path}: hidden is the number of an mlp's hidden units, not {value!r}")


def _temperature(path: Path, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
        return float(value)
    raise CheckpointError(f"{path}: temperature is a number above 0, not {value!r}")


def _filled(keywords: Keywords, width: int, tensors: dict[str, torch.Tensor], folder: Path) -> KeywordHead:
    try:
        head = KeywordHead(keywords.head, width, len(keywords.labels), keywords.hidden)
        head.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{folder}: the head does not fit its config.json and the tower: {reason}") from error
    return head

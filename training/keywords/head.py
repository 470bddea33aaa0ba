"""What turns a tower's vector into keywords, as trained, stored and exported."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from training.keywords.errors import KeywordsError

HeadKind = Literal["linear", "mlp", "prototypes"]
HEADS: tuple[str, ...] = get_args(HeadKind)
FOLDER = "keywords"
CONFIG = f"{FOLDER}/config.json"
WEIGHTS = f"{FOLDER}/model.safetensors"


@dataclass(frozen=True)
class HeadConfig:
    """`keywords/config.json`; `hidden` is the width of an MLP, `prompts` are what text prototypes were made with."""

    labels: tuple[str, ...]
    head: HeadKind
    hidden: int | None = None
    temperature: float = 1.0
    prompts: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for holds, text in (
            (len(self.labels) > 0, "there are no labels"),
            (len(set(self.labels)) == len(self.labels), "a label stands twice"),
            (self.head in HEADS, f"head is {self.head!r}, one of {', '.join(HEADS)} is expected"),
            (self.head != "mlp" or (self.hidden or 0) > 0, f"hidden is {self.hidden}, an MLP needs a width"),
            (0 < self.temperature < float("inf"), f"temperature is {self.temperature}, it is above 0"),
        ):
            if not holds:
                raise KeywordsError(f"{CONFIG}: {text}")


class KeywordHead(nn.Module):
    """`features` FP32 [n, width], at length 1, to logits [n, labels]; the temperature comes after.

    `linear` is one matrix, `mlp` two with GELU between, `prototypes` the scaled cosine to a vector for each keyword.
    """

    def __init__(self, kind: HeadKind, width: int, labels: int, hidden: int | None = None) -> None:
        super().__init__()
        self.kind = kind
        if kind == "mlp":
            self.hidden, self.out = nn.Linear(width, hidden or width), nn.Linear(hidden or width, labels)
        elif kind == "linear":
            self.weight, self.bias = nn.Parameter(torch.zeros(labels, width)), nn.Parameter(torch.zeros(labels))
        else:
            self.prototypes = nn.Parameter(functional.normalize(torch.randn(labels, width), dim=-1))
            self.register_buffer("scale", torch.tensor(16.0))

    def forward(self, features: Tensor) -> Tensor:
        if self.kind == "mlp":
            found: Tensor = self.out(functional.gelu(self.hidden(features)))
            return found
        if self.kind == "linear":
            return functional.linear(features, self.weight, self.bias)
        return self.get_buffer("scale") * functional.linear(features, functional.normalize(self.prototypes, dim=-1))

    @torch.no_grad()
    def place(self, prototypes: Tensor, scale: float) -> None:
        """Start a head of prototypes from these vectors [labels, width]."""
        self.prototypes.copy_(functional.normalize(prototypes, dim=-1))
        self.get_buffer("scale").fill_(scale)


def save_head(head: KeywordHead, config: HeadConfig, folder: Path) -> None:
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().float().cpu().contiguous() for name, value in head.state_dict().items()}
    if config.head == "prototypes":
        tensors["prototypes"] = functional.normalize(tensors["prototypes"], dim=-1)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(asdict(config), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_config(folder: Path) -> HeadConfig:
    """Raises KeywordsError where there is none, or it makes no sense."""
    path = folder / CONFIG
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        told = {one.name: facts[one.name] for one in fields(HeadConfig) if one.name in facts}
        told["labels"] = tuple(map(str, facts["labels"]))
        told["temperature"] = float(facts.get("temperature", 1.0))
        told["prompts"] = tuple(map(str, facts["prompts"])) if facts.get("prompts") else None
        return HeadConfig(**told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeywordsError(f"{path}: not readable ({type(error).__name__}: {error})") from error


def load_head(folder: Path, width: int) -> tuple[KeywordHead, HeadConfig]:
    """Raises KeywordsError for a damaged head, or one that is not for vectors of this width."""
    config = read_config(folder)
    head = KeywordHead(config.head, width, len(config.labels), config.hidden)
    path = folder / WEIGHTS
    try:
        head.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise KeywordsError(
            f"{path}: no {config.head} head for {len(config.labels)} keywords and vectors of {width} ({error})"
        ) from error
    return head.eval(), config

"""CLIP's text towers on their way into the repository, each with its tokenizer beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from export import vectors, weights
from export.checkpoint import Checkpoint
from export.contract import EMBEDDING, IDS, Contract
from export.errors import CheckpointError, UsageError
from export.kinds import Precision
from export.options import Options
from export.pictures import Samples
from export.proof import Proof, Row
from export.roles import TextRole
from export.runtime import Answer

TOKENIZER = "tokenizer.json"
_PICTURES_ONLY = ("network_size", "subject", "output", "file", "pictures")
_SENTENCES = (
    "a photo of a bowl of soup",
    "two people, one of them laughing; the other one is not",
    "Ein Topf mit Deckel",
    "x",
    "a red car parked in front of a very old brick house with white windows and a green door on a rainy afternoon",
)
Ids = npt.NDArray[np.int32]


class TextEmbedder(torch.nn.Module):
    """`ids` INT32 [n, length] -> `embedding` FP32 [n, width], and the same at length 1."""

    def __init__(self, tower: torch.nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.vectors(ids)
        return found, torch.nn.functional.normalize(found, dim=-1)

    def vectors(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.tower(input_ids=ids.long()).text_embeds
        return found


@dataclass(frozen=True)
class LoadedText:
    """A checkpoint's text tower, its tokenizer as a file, and the sentences that it is tried on."""

    role: TextRole
    module: TextEmbedder
    companions: Mapping[str, bytes]
    samples: Samples
    answer: str = EMBEDDING
    precision: Precision = "fp32"

    def graph(self, precision: Precision) -> onnx.ModelProto:
        return vectors.graph(self.module, torch.ones(2, self.role.length, dtype=torch.int32), IDS, precision)

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the checkpoint's own network in torch."""
        batches = (Samples("random tokens", self._random()), self.samples)
        return vectors.prove(path, promised, batches, self._reference, self.role.tolerance[precision], precision)

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        return vectors.judge(check, found, wanted, self.role.tolerance[precision], precision)

    def facts(self, precision: Precision) -> dict[str, object]:
        return {
            "architecture": type(self.module.tower).__name__,
            "length": self.role.length,
            "remarks": [],
            "tolerance": self.role.tolerance[precision],
        }

    def _random(self) -> Ids:
        """Tokens of the sentences in another order, behind the same start and before the same end."""
        rng = np.random.default_rng(20)
        known = np.unique(self.samples.batch[:, 1:-1])
        ids = self.samples.batch.copy()
        ids[:, 1:-1] = np.where(ids[:, 1:-1] == ids[:, -1:], ids[:, 1:-1], rng.choice(known, ids[:, 1:-1].shape))
        return np.asarray(ids, np.int32)

    def _reference(self, ids: Ids) -> Answer:
        with torch.inference_mode():
            answers = [self.module.vectors(torch.from_numpy(ids[i : i + 1])).numpy() for i in range(len(ids))]
        found = np.concatenate(answers)
        if not np.isfinite(found).all():
            raise CheckpointError("the network answers with values that are no finite numbers")
        return np.asarray(found)


def load(checkpoint: Checkpoint, role: TextRole, options: Options) -> LoadedText:
    """Raises CheckpointError for weights and tokenizers that do not give what the role promises."""
    for name in _PICTURES_ONLY:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} is for pictures; {role.name} embeds text".replace("_s", "-s"))
    from transformers import CLIPTextModelWithProjection

    settings = {key: checkpoint.config[key] for key in ("projection_dim",) if key in checkpoint.config}
    module = TextEmbedder(weights.pretrained(checkpoint, CLIPTextModelWithProjection, settings)).eval()
    tokenizer = read_tokenizer(checkpoint)
    ids = tokens(checkpoint.source, tokenizer, _SENTENCES, role.length)
    _insist_on_shape(checkpoint.source, module, role, ids)
    companions = {TOKENIZER: str(tokenizer.backend_tokenizer.to_str()).encode()}
    return LoadedText(role, module, companions, Samples("sentences", ids))


def read_tokenizer(checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - transformers' classes are many
    """Without padding and truncation. Raises CheckpointError."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)
    except weights.BROKEN as error:
        reason = weights.first_line(error)
        raise CheckpointError(f"{checkpoint.source}: cannot read the tokenizer: {reason}") from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise CheckpointError(f"{checkpoint.source}: its tokenizer cannot be written as {TOKENIZER}")
    backend.no_truncation()
    backend.no_padding()
    return tokenizer


def tokens(source: str, tokenizer: Any, texts: Sequence[str], length: int) -> Ids:  # noqa: ANN401 - see above
    """The texts as the server's step makes them. Raises CheckpointError for one that is too long."""
    rows = [encoding.ids for encoding in tokenizer.backend_tokenizer.encode_batch(list(texts))]
    if any(len(row) < 2 or row[0] == row[-1] for row in rows):  # noqa: PLR2004 - start and end
        raise CheckpointError(f"{source}: its tokenizer does not put a text between a start and an end")
    if too_long := [text for text, row in zip(texts, rows, strict=True) if len(row) > length]:
        raise CheckpointError(f"{source}: its tokenizer makes more than {length} tokens of {too_long[0]!r}")
    return np.array([row + [row[-1]] * (length - len(row)) for row in rows], np.int32)


def _insist_on_shape(source: str, module: TextEmbedder, role: TextRole, ids: Ids) -> None:
    try:
        with torch.inference_mode():
            shape = tuple(module.vectors(torch.from_numpy(ids[:1])).shape)
    except weights.BROKEN as error:
        reason = weights.first_line(error)
        raise CheckpointError(f"{source}: does not take {role.length} tokens: {reason}") from error
    if shape != (1, role.width):
        raise CheckpointError(f"{source}: answers with {list(shape)}; {role.name} promises vectors of {role.width}")

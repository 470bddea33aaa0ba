"""A collection's head: logistic regression on image vectors, as two files that hold no code.

`<version>.safetensors` has `weight` F64 [width] and `bias` F64 [1], `<version>.json` the card. The step
`model_repository/collections` reads the same two.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from training.heads.errors import HeadsError

Vector = Literal["embedding", "normalized"]
Target = Literal["whole_image", "prominent_person", "prominent_face"]
VECTORS: tuple[str, ...] = get_args(Vector)
TARGETS: tuple[str, ...] = get_args(Target)


@dataclass(frozen=True)
class Origin:
    """What a head's vectors are: the embedder's name, its raw vector or the one of length 1, and of what region."""

    embedder: str = "embed_clip_vit_b_32"
    vector: str = "embedding"
    target: str = "whole_image"

    def __post_init__(self) -> None:
        if self.vector not in VECTORS:
            raise HeadsError(f"vector {self.vector!r}: one of {', '.join(VECTORS)} is expected")
        if self.target not in TARGETS:
            raise HeadsError(f"target {self.target!r}: one of {', '.join(TARGETS)} is expected")


@dataclass(frozen=True)
class Card:
    """What is said of a head beside its numbers; `trained` is ISO 8601 in UTC, `metrics` are of its own hold-out."""

    collection: int
    name: str
    version: str
    trained: str
    width: int
    embedder: str
    vector: str
    target: str
    threshold: float = 0.5
    metrics: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    weights: str = ""
    sha256: str = ""

    @property
    def origin(self) -> Origin:
        return Origin(self.embedder, self.vector, self.target)


@dataclass(frozen=True)
class Head:
    """Weights FP64 [width] and a bias; the probability of True is the sigmoid of vector x weights + bias."""

    card: Card
    weight: NDArray[np.float64]
    bias: float

    def probabilities(self, vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return [n], of True, for vectors [n, width]; the raw ones will do for a head on normalised ones."""
        inputs = prepared(vectors, self.card.vector)
        return np.asarray(np.exp(-np.logaddexp(0, -(inputs @ self.weight + self.bias))))


def prepared(vectors: NDArray[np.floating[Any]], vector: str) -> NDArray[np.float64]:
    """Return vectors [n, width] as a head takes them: as they are, or at length 1 for `normalized`."""
    inputs = vectors.astype(np.float64)
    if vector == "normalized":
        length = np.linalg.norm(inputs, axis=1, keepdims=True)
        inputs = inputs / np.where(length > 0, length, 1)
    return inputs


def write(head: Head, folder: Path, card_name: str = "") -> Path:
    """Write weights, then card; each is renamed in whole. `card_name` is `<version>.json` unless given.

    Returns: the path of the card.
    """
    from safetensors.numpy import save

    data = save({"weight": head.weight, "bias": np.array([head.bias])})
    weights = f"{head.card.version}.safetensors"
    card = asdict(head.card) | {"weights": weights, "sha256": hashlib.sha256(data).hexdigest()}
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / weights, data)
    path = folder / (card_name or f"{head.card.version}.json")
    replace(path, (json.dumps(card, indent=2) + "\n").encode())
    return path


def replace(path: Path, data: bytes) -> None:
    """Give the file this content at once: a reader finds the old or the new one, whole, also after a power cut."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)  # a temporary file is its owner's alone, the server may be another user
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def read(path: Path) -> Head:
    """Read a head by the path of its card.

    Raises:
        HeadsError: the files are missing, damaged or do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found = json.loads(path.read_text())
        card = Card(**{one.name: found[one.name] for one in fields(Card)})
        data = (path.parent / Path(card.weights).name).read_bytes()
        if hashlib.sha256(data).hexdigest() != card.sha256:
            raise HeadsError(f"{path}: {card.weights} is another file than the card's: its SHA-256 differs")
        tensors = load(data)
        weight, bias = tensors["weight"].astype(np.float64), tensors["bias"].astype(np.float64)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise HeadsError(f"{path}: no readable head: {type(error).__name__}: {error}") from error
    if weight.shape != (card.width,) or bias.shape != (1,):
        raise HeadsError(f"{path}: weight is {list(weight.shape)}, bias {list(bias.shape)}, not [{card.width}] and [1]")
    return Head(card, weight, float(bias[0]))

"""Triton step: an image vector to the probability that the image belongs to a collection.

Each collection has a logistic-regression head in a folder that may change while it is served:

    <heads>/<collection>/head.json             the card; names the weights and their SHA-256
    <heads>/<collection>/<version>.safetensors `weight` [width] and `bias` [1], F32 or F64

A head is read when it is first asked for and again when its card has changed. Whoever publishes writes the weights
first and then replaces the card, so that every moment has one whole head. What cannot be read leaves the head before it
in place.
"""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import triton_python_backend_utils as pb_utils
from safetensors import SafetensorError
from safetensors.numpy import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

CARD = "head.json"
ANSWERS = ("probability", "member", "version")
VECTORS = ("embedding", "normalized")
LARGEST_FILE = 64 * 2**20
PATIENCE = 5  # cards that are replaced while they are read
MOST_NAMED = 20


class RefusedError(Exception):
    """A request cannot be answered; `code` is Triton's."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Head:
    """Logistic regression: card, weights [width] and bias."""

    card: dict[str, Any]
    weight: NDArray[np.float64]
    bias: float

    @property
    def threshold(self) -> np.float32:
        return np.float32(self.card["threshold"])

    def probabilities(self, vectors: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return [n], of membership, for vectors [n, width]: the raw ones or the same at length 1, as the card says."""
        if self.card["vector"] == "normalized":
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = vectors / np.where(length > 0, length, 1)
        return np.exp(-np.logaddexp(0, -(vectors @ self.weight + self.bias))).astype(np.float32)


@dataclass
class Shelf:
    """What is known of one collection's files; `head` is the last one that could be read."""

    signature: tuple[int, ...] = ()
    head: Head | None = None
    sound: bool = False
    looked_at: float = 0.0
    complaint: str = ""


@dataclass
class Heads:
    """The folder of heads, looked at no more often than every `check_seconds`."""

    folder: Path
    check_seconds: float
    _shelves: dict[int, Shelf] = field(default_factory=dict)
    _scanned_at: float | None = None

    def head(self, collection: int) -> Head:
        """Return the collection's head. Raises RefusedError where there is none, or none that can be read."""
        self._scan()
        shelf = self._shelves.get(collection)
        if shelf is None:
            raise RefusedError(_not_found(collection, self._shelves), pb_utils.TritonError.NOT_FOUND)
        self._refresh(collection, shelf)
        if shelf.head is None:
            text = f"the classifier of collection_id {collection} is there but cannot be read: see the server's log"
            raise RefusedError(text, pb_utils.TritonError.UNAVAILABLE)
        return shelf.head

    def cards(self) -> list[dict[str, Any]]:
        """Return the cards of all heads that are served, by number."""
        self._scan()
        for collection, shelf in self._shelves.items():
            self._refresh(collection, shelf)
        return [shelf.head.card for _, shelf in sorted(self._shelves.items()) if shelf.head is not None]

    def _scan(self) -> None:
        now = time.monotonic()
        if self._scanned_at is not None and now - self._scanned_at < self.check_seconds:
            return
        self._scanned_at = now
        there = {int(path.parent.name) for path in self.folder.glob(f"*/{CARD}") if _is_number(path.parent.name)}
        self._shelves = {collection: self._shelves.get(collection, Shelf()) for collection in there}

    def _refresh(self, collection: int, shelf: Shelf) -> None:
        now = time.monotonic()
        if shelf.signature and now - shelf.looked_at < self.check_seconds:
            return
        shelf.looked_at = now
        path = self.folder / str(collection) / CARD
        try:
            signature = _signature(path)
        except FileNotFoundError:
            return  # deleted since the last scan; the next one lets go of it
        try:
            # A broken one is tried again although its card is the same: its weights may have come since.
            if not shelf.sound or signature != shelf.signature:
                shelf.sound, shelf.signature = False, signature
                shelf.head = _settled(path, collection)
                shelf.sound, shelf.complaint = True, ""
        except (OSError, ValueError, TypeError, KeyError, RecursionError, SafetensorError) as error:
            _complain_once(shelf, f"collection {collection}: {path}: {error or type(error).__name__}")


def _complain_once(shelf: Shelf, text: str) -> None:
    if text != shelf.complaint:
        kept = "no head is served" if shelf.head is None else f"{shelf.head.card['version']} is still served"
        pb_utils.Logger.log_error(f"{text}; {kept}")
    shelf.complaint = text


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and str(int(name)) == name


def _signature(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _settled(path: Path, collection: int) -> Head:
    """As `_read`; where a publisher replaced the card meanwhile, so that its weights may be gone, reads the new one."""
    for _ in range(PATIENCE):
        before = _signature(path)
        try:
            return _read(path, collection)
        except FileNotFoundError:
            if _signature(path) == before:
                raise
    return _read(path, collection)


def _read(path: Path, collection: int) -> Head:
    """Read and check a head. Raises ValueError and what reading files raises."""
    card = json.loads(_content(path))
    _check_card(card, collection)
    data = _content(path.parent / Path(card["weights"]).name)
    if hashlib.sha256(data).hexdigest() != card["sha256"]:
        raise ValueError(f"{card['weights']} is not the file that the card was written for: its SHA-256 differs")
    tensors = load(data)
    weight, bias = (tensors[name].astype(np.float64) for name in ("weight", "bias"))
    if weight.shape != (card["width"],) or bias.shape != (1,):
        raise ValueError(f"weight is {list(weight.shape)} and bias {list(bias.shape)}, not [{card['width']}] and [1]")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError("weight and bias hold numbers that are not finite")
    return Head(card, weight, float(bias[0]))


def _check_card(card: dict[str, Any], collection: int) -> None:
    if not isinstance(card, dict):
        raise ValueError("the card is no JSON object")  # noqa: TRY004 - what is in a file is a value, not an argument
    if card["collection"] != collection:
        raise ValueError(f"the card is of collection {card['collection']}")
    if card["vector"] not in VECTORS:
        raise ValueError(f"vector is {card['vector']!r}, not one of {', '.join(VECTORS)}")
    if not 0 <= float(card["threshold"]) <= 1:
        raise ValueError(f"threshold is {card['threshold']}, not from 0 to 1")
    if not all(isinstance(card[name], str) and card[name] for name in ("version", "weights", "sha256")):
        raise ValueError("version, weights and sha256 must be texts")


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"{path.name} is larger than {LARGEST_FILE} bytes")
    return data


def _not_found(collection: int, known: dict[int, Shelf]) -> str:
    names = [str(one) for one in sorted(known)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    there = f"there are {', '.join(names[:MOST_NAMED])}{more}" if names else "there is none yet"
    return f"Classifier not found for collection_id {collection}: {there}"


@dataclass
class Question:
    """One request: vectors [n, width], the head of each, and room for the answers [n]."""

    wanted: set[str]
    rows: int
    vectors: NDArray[np.float64]
    heads: list[Head]
    probability: NDArray[np.float32]


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"]).get("parameters", {})
        given = {name: value["string_value"] for name, value in parameters.items()}
        check_seconds = float(given.get("check_seconds", "1"))
        if not check_seconds >= 0:
            raise ValueError(f"collections: parameter check_seconds must be 0 or more, not {check_seconds}")
        self._heads = Heads(Path(args["model_repository"]) / given.get("heads", "heads"), check_seconds)

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        read = [self._read(request) for request in requests]
        _evaluate([one for one in read if isinstance(one, Question)])
        return [self._answer(one) if isinstance(one, Question) else one for one in read]

    def _read(self, request: pb_utils.InferenceRequest) -> Question | pb_utils.InferenceResponse:
        try:
            return self._question(request)
        except RefusedError as error:
            return _failed(str(error), error.code)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the vector could not be classified", pb_utils.TritonError.INTERNAL)

    def _question(self, request: pb_utils.InferenceRequest) -> Question:
        if request.is_cancelled():
            raise RefusedError("the request was cancelled", pb_utils.TritonError.CANCELLED)
        wanted = set(request.requested_output_names())
        vectors, collections = (
            pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in ("embedding", "collection")
        )
        rows, vectors, heads = len(collections), vectors.astype(np.float64), []
        if wanted.intersection(ANSWERS):
            pairs = zip(collections.reshape(-1).tolist(), vectors, strict=True)
            heads = [self._fitting(collection, vector) for collection, vector in pairs]
        return Question(wanted, rows, vectors, heads, np.zeros(rows, np.float32))

    def _fitting(self, collection: int, vector: NDArray[np.float64]) -> Head:
        head = self._heads.head(collection)
        if len(vector) != len(head.weight):
            text = (
                f"the embedding has {len(vector)} numbers, but the classifier of collection_id {collection} takes "
                f"{len(head.weight)}: the vectors of {head.card.get('embedder') or 'another embedder'}"
            )
            raise RefusedError(text, pb_utils.TritonError.INVALID_ARG)
        if not np.isfinite(vector).all():
            raise RefusedError("the embedding holds numbers that are not finite", pb_utils.TritonError.INVALID_ARG)
        return head

    def _answer(self, question: Question) -> pb_utils.InferenceResponse:
        made: dict[str, NDArray[np.generic]] = {}
        if question.heads:
            threshold = np.array([head.threshold for head in question.heads])
            versions = [head.card["version"].encode() for head in question.heads]
            made["probability"] = question.probability[:, None]
            made["member"] = (question.probability >= threshold)[:, None]
            made["version"] = np.array(versions, np.object_)[:, None]
        if "available" in question.wanted:
            listing = json.dumps(self._heads.cards()).encode()
            made["available"] = np.array([[listing]] * question.rows, np.object_)
        tensors = [pb_utils.Tensor(name, values) for name, values in made.items() if name in question.wanted]
        return pb_utils.InferenceResponse(tensors)


def _evaluate(questions: list[Question]) -> None:
    """All vectors for one head at once, from whichever request they come."""
    places: dict[int, list[tuple[Question, int]]] = {}
    for question in questions:
        for row, head in enumerate(question.heads):
            places.setdefault(id(head), []).append((question, row))
    for found in places.values():
        first, row = found[0]
        probabilities = first.heads[row].probabilities(np.stack([question.vectors[row] for question, row in found]))
        for (question, row), probability in zip(found, probabilities, strict=True):
            question.probability[row] = probability


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))

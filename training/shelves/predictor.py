"""A shelf segmenter under its serving contract, as a checkpoint or as the file that is served."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from training.shelves.errors import ShelvesError
from training.shelves.pictures import CLASSES

MODEL, CARD = "model.onnx", "model.json"
ROLE = "shelf_segmenter"
SERVED_SIDE = 512
Floats: TypeAlias = NDArray[np.float32]
_MASKS = ("mask", "confidence", "embedding")
_LISTS = ("instances", "boxes", "scores", "classes")


@dataclass(frozen=True, eq=False)
class Things:
    """What was found one by one: `mask` INT32 [S, S], 0 or i for row i - 1 of `scores` [n] and `classes` [n]."""

    mask: NDArray[np.int32]
    scores: Floats
    classes: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Answer:
    """`mask` UINT8 [S, S], `confidence` UINT8 [S / 4, S / 4] with 255 = 1, `embedding` FP32 [d]."""

    mask: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    embedding: Floats
    things: Things | None = None


class Predictor(Protocol):
    """`role` is the name it is served under, `precision` empty where nobody says it."""

    name: str
    role: str
    precision: str
    size_bytes: int
    side: int

    def __call__(self, frame: NDArray[np.uint8]) -> Answer:
        """A frame UINT8 [side, side, 3]."""


class TorchPredictor:
    """A stored network as it is served at 512; it looks at the size that it states."""

    def __init__(self, folder: Path) -> None:
        from training.shelves.network import ROLES, ServedShelf, load

        network, inner = load(folder)
        role = ROLES[network.architecture]
        self._served = ServedShelf(network, inner or SERVED_SIDE).eval()
        self.name, self.role, self.precision, self.side = str(folder), role, "fp32", SERVED_SIDE
        self.size_bytes = sum(one.numel() * one.element_size() for one in network.parameters())

    def __call__(self, frame: NDArray[np.uint8]) -> Answer:
        with torch.inference_mode():
            mask, confidence, embedding = self._served(torch.from_numpy(frame)[None])
        return Answer(mask[0].numpy(), confidence[0].numpy(), embedding[0].numpy())


class OnnxPredictor:
    """A `model.onnx` under the contract; its side is read from the file."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        from training.matte.onnx_file import LOADING_ERRORS

        try:
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except LOADING_ERRORS as error:
            raise ShelvesError(f"{path}: not a loadable ONNX file ({error})") from error
        pixels, *others = self._session.get_inputs()
        self.side = pixels.shape[1]
        if others or pixels.type != "tensor(uint8)" or pixels.shape[1:] != [self.side, self.side, 3]:
            raise ShelvesError(f"{path}: takes {pixels.type} {pixels.shape}; the contract is uint8 [n, S, S, 3]")
        given = {one.name for one in self._session.get_outputs()}
        if not given.issuperset(_MASKS):
            raise ShelvesError(f"{path}: gives {', '.join(sorted(given))}; the contract has {', '.join(_MASKS)}")
        self._outputs = [*_MASKS, *(_LISTS if given.issuperset(_LISTS) else ())]
        self._pixels: str = pixels.name
        card = _card(path.with_name(CARD))
        self.name, self.size_bytes = str(path), path.stat().st_size
        self.role, self.precision = str(card.get("role", ROLE)), str(card.get("precision", ""))

    def __call__(self, frame: NDArray[np.uint8]) -> Answer:
        answers = self._session.run(self._outputs, {self._pixels: frame[None]})
        found = {name: np.asarray(one)[0] for name, one in zip(self._outputs, answers, strict=True)}
        if found["mask"].shape != frame.shape[:2] or int(found["mask"].max()) >= len(CLASSES):
            raise ShelvesError(f"{self.name}: gives no mask of {len(CLASSES)} classes {frame.shape[:2]}")
        things = None
        if "instances" in found:
            things = Things(found["instances"].astype(np.int32), found["scores"], found["classes"].astype(np.int32))
        return Answer(found["mask"], found["confidence"], found["embedding"].astype(np.float32).ravel(), things)


def load_predictor(network: Path) -> Predictor:
    """A checkpoint's folder, a version's folder with `model.onnx`, or that file. Raises ShelvesError, MatteError."""
    if network.suffix == ".onnx":
        return OnnxPredictor(network)
    if (network / MODEL).is_file():
        return OnnxPredictor(network / MODEL)
    if (network / "model.plan").is_file():
        raise ShelvesError(f"{network}: a TensorRT plan cannot be evaluated; evaluate the ONNX file that it is of")
    return TorchPredictor(network)


def _card(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}

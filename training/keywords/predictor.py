"""A network that tells keywords, as a checkpoint or as the file that is served."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from training.keywords.calibration import softmax
from training.keywords.errors import KeywordsError
from training.keywords.network import SIDE, Classifier, load_classifier
from training.keywords.pictures import Part, Pixels, framed

MODEL, LABELS, CARD = "model.onnx", "labels.txt", "model.json"
_ANSWER = "probabilities"
_SHAPE = f"[n, {SIDE}, {SIDE}, 3]"
_AT_ONCE = 32
_SUMS_TO_ONE = 1e-2


@dataclass(frozen=True)
class Weights:
    """`precision` is fp32, fp16 or int8; empty where the file's card does not say it."""

    precision: str
    size_bytes: int


class Predictor(Protocol):
    """Pixels UINT8 [n, 224, 224, 3] to probabilities [n, labels]."""

    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def weights(self) -> Weights: ...

    def __call__(self, pixels: Pixels) -> NDArray[np.float64]: ...


class TorchPredictor:
    """A stored classifier."""

    def __init__(self, folder: Path) -> None:
        self._classifier, config = load_classifier(folder)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._classifier.to(self._device)
        self._temperature = config.temperature
        self.labels = config.labels
        self.name = str(folder)
        self.weights = Weights("fp32", sum(one.numel() * one.element_size() for one in self._classifier.parameters()))

    def __call__(self, pixels: Pixels) -> NDArray[np.float64]:
        return softmax(logits(self._classifier, pixels, self._device) / self._temperature)


class OnnxPredictor:
    """A `model.onnx` under the contract UINT8 [n, 224, 224, 3] -> `probabilities` FP32 [n, labels], `labels.txt` beside
    it.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        from training.matte.onnx_file import LOADING_ERRORS

        try:
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except LOADING_ERRORS as error:
            raise KeywordsError(f"{path}: not a loadable ONNX file ({error})") from error
        pixels, *others = self._session.get_inputs()
        answers = {one.name: one.type for one in self._session.get_outputs()}
        if others or pixels.type != "tensor(uint8)" or pixels.shape[1:] != [SIDE, SIDE, 3]:
            raise KeywordsError(f"{path}: takes {pixels.type} {pixels.shape}; the contract is uint8 {_SHAPE}")
        if answers.get(_ANSWER) != "tensor(float)":
            raise KeywordsError(f"{path}: gives {', '.join(answers)}; the contract is float {_ANSWER} [n, labels]")
        self._pixels: str = pixels.name
        self.labels = read_labels(path.with_name(LABELS))
        self.name = str(path)
        self.weights = Weights(_precision(path.with_name(CARD)), path.stat().st_size)

    def __call__(self, pixels: Pixels) -> NDArray[np.float64]:
        found = np.asarray(self._session.run([_ANSWER], {self._pixels: pixels})[0], np.float64)
        if found.shape != (len(pixels), len(self.labels)):
            raise KeywordsError(f"{self.name}: gives {found.shape[1:]}, {LABELS} has {len(self.labels)} keywords")
        if not np.allclose(found.sum(axis=1), 1, atol=_SUMS_TO_ONE):
            raise KeywordsError(f"{self.name}: gives no probabilities; those of a picture sum up to 1")
        return found


def load_predictor(network: Path) -> Predictor:
    """A checkpoint's folder, a version's folder with `model.onnx`, or that file. Raises KeywordsError."""
    if network.suffix == ".onnx":
        return OnnxPredictor(network)
    if (network / MODEL).is_file():
        return OnnxPredictor(network / MODEL)
    if (network / "model.plan").is_file():
        raise KeywordsError(f"{network}: a TensorRT plan cannot be evaluated; evaluate the ONNX file that it is of")
    return TorchPredictor(network)


def _precision(card: Path) -> str:
    try:
        facts = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(facts.get("precision", "")) if isinstance(facts, dict) else ""


def read_labels(path: Path) -> tuple[str, ...]:
    """One keyword a line. Raises KeywordsError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeywordsError(f"{path}: not readable ({error}); it has one keyword a line") from error
    labels = tuple(line.strip() for line in lines if line.strip())
    if not labels or len(set(labels)) != len(labels):
        raise KeywordsError(f"{path}: has {len(labels)} keywords, {len(set(labels))} of them different")
    return labels


@torch.inference_mode()
def logits(classifier: Classifier, pixels: Pixels, device: torch.device) -> NDArray[np.float32]:
    """FP32 [n, labels], before the temperature."""
    return np.asarray(classifier(torch.from_numpy(pixels).to(device)).float().cpu().numpy())


def logits_of(classifier: Classifier, part: Part, device: torch.device) -> NDArray[np.float32]:
    """Of all pictures of a part, in their order."""
    found = [np.zeros((0, 0), np.float32)]
    for first in range(0, len(part), _AT_ONCE):
        chosen = range(first, min(first + _AT_ONCE, len(part)))
        pixels = np.stack([framed(part.picture(index)) for index in chosen])
        found.append(logits(classifier, pixels, device))
    return np.concatenate(found[1:]) if len(found) > 1 else found[0]


def positions(known: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int32]:
    """Where each wanted keyword stands among the known ones; -1 where it does not."""
    places = {label: place for place, label in enumerate(known)}
    return np.array([places.get(label, -1) for label in wanted], np.int32)

"""CLIP, DINOv2 and DINOv3 checkpoints through the whole exporter, against transformers' own classes and processors."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from PIL import Image

from export import pictures
from export.errors import CheckpointError, ContractError, ProofError, UsageError
from export.exporter import export
from export.kinds import PRECISIONS, Precision
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import EmbedderRole
from tests.export import towers
from tests.export.checkpoints import SIDE, tree
from tests.export.towers import CLIP, DINO_V2, DINO_V3, WIDTH

Vectors = npt.NDArray[np.float32]
Make = Callable[[Path], Path]
FAMILIES = [(CLIP, towers.make_clip), (DINO_V2, towers.make_dino_v2), (DINO_V3, towers.make_dino_v3)]
NAMES = [role.name for role, _ in FAMILIES]


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=towers.make_repository(tmp_path / "repository"))


def served(folder: Path, batch: npt.NDArray[np.uint8]) -> tuple[Vectors, Vectors]:
    session = ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    embedding, normalized = session.run(["embedding", "normalized"], {"pixels": batch})
    return np.asarray(embedding), np.asarray(normalized)


@pytest.mark.parametrize(("role", "make"), FAMILIES, ids=NAMES)
def test_an_exported_embedder_answers_like_its_checkpoint(
    role: EmbedderRole, make: Make, options: Options, tmp_path: Path
) -> None:
    checkpoint = make(tmp_path / "checkpoint")
    with quiet_libraries():
        done = export(role, str(checkpoint), options)
    batch = pictures.drawn(SIDE, 5)
    embedding, normalized = served(done.folder, batch)
    assert embedding.shape == normalized.shape == (5, WIDTH)
    assert np.linalg.norm(normalized, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["role"], facts["framing"]["side"], facts["precision"]) == (role.name, SIDE, "fp32")
    assert facts["max_difference"] <= facts["tolerance"] == 1e-6
    wanted = np.stack([towers.by_transformers(checkpoint, Image.fromarray(framed(one, role))) for one in batch])
    assert embedding == pytest.approx(wanted, rel=1e-3, abs=1e-4)


def framed(picture: npt.NDArray[np.uint8], role: EmbedderRole) -> npt.NDArray[np.uint8]:
    """A picture that the processor's resize leaves alone, and whose middle is `picture`."""
    around = (role.framing.shorter or SIDE) - SIDE
    sides = (around // 2, around - around // 2)
    return np.pad(picture, (sides, sides, (0, 0)))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_of_a_tower(precision: Precision, options: Options, tmp_path: Path) -> None:
    checkpoint = towers.make_clip(tmp_path / "checkpoint")
    with quiet_libraries():
        done = export(CLIP, str(checkpoint), replace(options, precision=precision))
    kinds = {tensor.data_type for tensor in onnx.load(done.folder / "model.onnx").graph.initializer}
    wanted = {"fp32": onnx.TensorProto.FLOAT, "fp16": onnx.TensorProto.FLOAT16, "int8": onnx.TensorProto.INT8}
    assert wanted[precision] in kinds
    embedding, _ = served(done.folder, pictures.drawn(SIDE))
    assert embedding.dtype == np.float32


def without_processor(folder: Path) -> Path:
    towers.make_clip(folder)
    (folder / "preprocessor_config.json").unlink()
    return folder


def edited(**facts: object) -> Make:
    def make(folder: Path) -> Path:
        path = towers.make_clip(folder) / "preprocessor_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))
        return folder

    return make


def truncated(folder: Path) -> Path:
    weights = towers.make_clip(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    return folder


def alike(folder: Path) -> Path:
    """A network that gives every picture the same vector."""
    from safetensors.torch import load_file, save_file

    path = towers.make_clip(folder) / "model.safetensors"
    state = load_file(path)
    state["vision_model.embeddings.patch_embedding.weight"].zero_()
    save_file(state, path, metadata={"format": "pt"})
    return folder


def wider(folder: Path) -> Path:
    return towers.make_clip(folder, width=WIDTH * 2)


REFUSED = {
    "no processor file": (without_processor, CheckpointError, "preprocessor_config.json is missing"),
    "another crop": (edited(crop_size=32, size=32), CheckpointError, "pictures are framed by"),
    "another rule": (edited(resample=2), CheckpointError, "pictures are framed by"),
    "no resize": (edited(do_resize=False), CheckpointError, "do_resize is off"),
    "a crop larger than the picture": (edited(crop_size=SIDE * 2), CheckpointError, "no square within"),
    "damaged weights": (truncated, CheckpointError, "cannot read the network"),
    "vectors of another length": (wider, CheckpointError, r"answers with \[1, 48\]"),
    "the same vector for every picture": (alike, ProofError, "vectors of different pictures"),
    "another family": (towers.make_dino_v2, CheckpointError, "takes clip checkpoints"),
}


@pytest.mark.parametrize(("make", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_written(
    make: Make, kind: type[Exception], words: str, options: Options, tmp_path: Path
) -> None:
    checkpoint, before = make(tmp_path / "checkpoint"), tree(options.repository)
    with quiet_libraries(), pytest.raises(kind, match=words):
        export(CLIP, str(checkpoint), options)
    assert tree(options.repository) == before


@pytest.mark.parametrize("given", [{"network_size": 64}, {"subject": 1}, {"output": "x"}])
def test_options_of_mattes_are_refused(given: dict[str, Any], options: Options, tmp_path: Path) -> None:
    checkpoint = towers.make_clip(tmp_path / "checkpoint")
    with quiet_libraries(), pytest.raises(UsageError, match="is for mattes"):
        export(CLIP, str(checkpoint), replace(options, **given))


def test_a_contract_with_another_width_is_refused(options: Options, tmp_path: Path) -> None:
    checkpoint = towers.make_clip(tmp_path / "checkpoint")
    with pytest.raises(ContractError, match=r"config\.pbtxt has"):
        export(replace(CLIP, width=WIDTH + 1), str(checkpoint), options)

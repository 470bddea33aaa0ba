"""Networks that give every pixel of a shelf its class, from checkpoint to version."""

import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from export import shelf_labels
from export.errors import CheckpointError, ProofError, UsageError
from export.exporter import export
from export.mask_ends import MaskEnds, reference
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import MASK_TOLERANCE, MaskTolerance, ShelfRole
from tests.export.shelf_networks import SIDE, make_pictures, make_repository, make_segformer
from training.scenes.shelf.classes import ShelfClass

ROLE = ShelfRole("shelf_segmenter", SIDE, ("segformer", "smp"))


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=make_repository(tmp_path / "repository", ROLE))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_segformer(tmp_path_factory.mktemp("segformer"))


def test_classes_are_those_of_generated_shelves() -> None:
    assert tuple(one.name.lower() for one in ShelfClass) == shelf_labels.CLASSES
    assert [int(one) for one in ShelfClass] == list(range(len(shelf_labels.CLASSES)))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_masks_are_what_transformers_makes_of_the_same_picture(
    checkpoint: Path, options: Options, precision: str, tmp_path: Path
) -> None:
    shown = make_pictures(tmp_path / "pictures", 24)
    done = _export(ROLE, checkpoint, replace(options, precision=precision, pictures=shown))  # type: ignore[arg-type]
    picture = _picture()
    mask, confidence, embedding = ort.InferenceSession(done / "model.onnx").run(None, {"pixels": picture[None]})
    classes, probable = _by_transformers(checkpoint, picture)
    assert (mask[0] == classes).mean() >= (0.999 if precision == "fp32" else 0.95)
    assert np.abs(confidence[0] / 255 - probable).mean() < 0.05
    assert (confidence.shape, embedding.shape) == ((1, SIDE // 4, SIDE // 4), (1, 32))
    facts = json.loads((done / "model.json").read_text())
    assert (facts["precision"], facts["classes"]) == (precision, list(shelf_labels.CLASSES))
    graph = onnx.load(done / "model.onnx").graph
    kept = {one.name for one in graph.initializer if one.data_type == onnx.TensorProto.FLOAT}
    weighing = [node.op_type for node in graph.node if node.op_type in {"Conv", "Gemm"} and node.input[1] in kept]
    if precision == "int8":
        assert weighing == ["Conv"]  # the first, which sees the picture


def test_eight_bits_want_pictures(checkpoint: Path, options: Options) -> None:
    with pytest.raises(UsageError, match="calibrated on photographs; name them with --pictures"):
        _export(ROLE, checkpoint, replace(options, precision="int8"))


def test_classes_in_another_order_are_put_into_the_contracts(
    checkpoint: Path, options: Options, tmp_path: Path
) -> None:
    """The same network with its channels named backwards gives the mirrored numbers."""
    first = _export(ROLE, checkpoint, options)
    turned = make_segformer(tmp_path / "turned", shelf_labels.CLASSES[::-1])
    second = _export(ROLE, turned, options)
    picture = _picture()[None]
    masks = [ort.InferenceSession(one / "model.onnx").run(["mask"], {"pixels": picture})[0] for one in (first, second)]
    assert (masks[0] == 4 - masks[1]).mean() > 0.999
    assert len(np.unique(masks[0])) > 2


def test_a_network_that_looks_at_another_side_is_resized_in_the_graph(options: Options, tmp_path: Path) -> None:
    done = _export(ROLE, make_segformer(tmp_path / "small", size=48), options)
    facts = json.loads((done / "model.json").read_text())
    assert (facts["network_size"], facts["resized_in_graph"]) == (48, True)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("background", "product"), "needed are background, product, tag, board, empty"),
        (("background", "product", "tag", "board", "cat"), "its classes are background, product, tag, board, cat"),
    ],
)
def test_other_classes_are_refused(names: tuple[str, ...], said: str, options: Options, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=said):
        _export(ROLE, make_segformer(tmp_path / "other", names), options)
    assert not list((options.repository / ROLE.name).glob("[0-9]*"))


def test_what_is_for_mattes_is_refused(checkpoint: Path, options: Options) -> None:
    with pytest.raises(UsageError, match="--subject is for mattes; shelf_segmenter tells classes apart"):
        _export(ROLE, checkpoint, replace(options, subject=1))


def test_an_export_that_does_not_hold_is_refused_with_its_figure(checkpoint: Path, options: Options) -> None:
    strict = MappingProxyType({**MASK_TOLERANCE, "fp16": MaskTolerance(1.0, 1.0, 0.0, 0.0)})
    with pytest.raises(ProofError, match=r"no version written: .*1 - cosine of the embedding"):
        _export(replace(ROLE, tolerance=strict), checkpoint, replace(options, precision="fp16"))
    assert not list((options.repository / ROLE.name).glob("[0-9]*"))


def test_names_that_say_nothing_stand_for_the_contracts_order() -> None:
    assert shelf_labels.channels("it", [f"LABEL_{number}" for number in range(5)]) == (0, 1, 2, 3, 4)
    assert shelf_labels.channels("it", ["Price tag", "shelf", "gap", "BG", "SKU"]) == (3, 4, 0, 1, 2)
    assert shelf_labels.classes("it", ["object"]) == (1,)
    with pytest.raises(CheckpointError, match="its classes are dog"):
        shelf_labels.classes("it", ["product", "dog"])


@settings(max_examples=15, deadline=None)
@given(side=st.sampled_from([4, 12, 16, 24, 32, 64]), seed=st.integers(0, 1000))
def test_ends_are_those_of_pillow_and_numpy(side: int, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, (2, 5, side, side)).astype(np.float32)
    mask, confidence = (one.numpy() for one in MaskEnds(side, 32)(torch.from_numpy(logits)))
    wanted = reference(logits, logits[:, :, 0, 0], 32)
    assert (mask == wanted.classes).mean() > 0.995
    assert np.abs(confidence.astype(int) - wanted.confidence).max() <= 1


def _export(role: ShelfRole, checkpoint: Path, options: Options) -> Path:
    with quiet_libraries():
        return export(role, str(checkpoint), options).folder


def _picture() -> np.ndarray:
    rng = np.random.default_rng(5)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _by_transformers(checkpoint: Path, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a reader of the library's page would write: classes [S, S], and probabilities [S/4, S/4]."""
    from transformers import SegformerForSemanticSegmentation, SegformerImageProcessorPil

    with quiet_libraries(), torch.inference_mode():
        processor = SegformerImageProcessorPil.from_pretrained(checkpoint)
        network: Any = SegformerForSemanticSegmentation.from_pretrained(checkpoint)
        network.train(mode=False)
        answer = network(**processor(images=Image.fromarray(picture), return_tensors="pt"))
        (classes,) = processor.post_process_semantic_segmentation(answer, target_sizes=[(SIDE, SIDE)])
        logits = torch.nn.functional.interpolate(answer.logits, size=(SIDE // 4,) * 2, mode="bilinear", antialias=True)
    return classes.numpy(), logits.softmax(dim=1).amax(dim=1)[0].numpy()

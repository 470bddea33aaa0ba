"""Detectors of the DETR family through the exporter, against transformers' own classes, processors and last steps."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from PIL import Image

from export import checkpoint as checkpoints
from export import contract, detectors, matching, pictures
from export.detectors import LoadedDetector
from export.errors import CheckpointError, ContractError, ExportError, ProofError, UsageError
from export.exporter import export
from export.kinds import Precision
from export.matching import Detections
from export.options import Options
from export.proof import Proof
from export.quiet import quiet_libraries
from export.roles import BOX_TOLERANCE, BoxTolerance, DetectorRole
from tests.export import people
from tests.export.checkpoints import tree
from tests.export.people import PERSON, QUERIES, SIDE

Make = Callable[[Path], Path]
# Random weights of a few dozen numbers lose more by eight bits than trained ones.
TOLERANT = replace(
    PERSON, tolerance=MappingProxyType({**PERSON.tolerance, "int8": BoxTolerance(320.0, 64.0, 0.5, 0.9)})
)


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=people.make_repository(tmp_path / "repository"))


@pytest.mark.parametrize("architecture", people.MAKERS)
def test_an_exported_detector_answers_like_its_checkpoint(architecture: str, options: Options, tmp_path: Path) -> None:
    checkpoint = people.MAKERS[architecture](tmp_path / "checkpoint")
    with quiet_libraries():
        done = export(PERSON, str(checkpoint), options)
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["role"], facts["architecture"], facts["person_label"]) == (PERSON.name, architecture, 1)
    assert facts["max_difference"] <= facts["tolerance"]["largest"]
    assert os.environ.get("TRANSFORMERS_DISABLE_TORCH_CHECK") is None
    session = ort.InferenceSession(done.folder / "model.onnx", providers=["CPUExecutionProvider"])
    batch = pictures.drawn(SIDE, 5)
    boxes, scores = (np.asarray(one, np.float64) for one in session.run(["boxes", "scores"], {"pixels": batch}))
    assert (boxes.shape, scores.shape) == ((5, QUERIES, 4), (5, QUERIES))
    if facts["resized_in_graph"]:
        return  # the processor's own resize is another one
    for index, picture in enumerate(batch):
        by_hand = people.by_transformers(checkpoint, Image.fromarray(picture), 0.0)
        wanted = Detections(np.clip(by_hand[0] / SIDE, 0, 1).astype(np.float64), by_hand[1].astype(np.float64))
        rows = matching.rows("", [Detections(boxes[index], scores[index])], [wanted], BOX_TOLERANCE["fp32"])
        # transformers keeps the best pairs of query and class, so that some persons are missing there.
        assert [row for row in rows if not row.ok and "unmatched" not in row.unit] == []


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedDetector:
    """One network in memory, whose graph is traced once for all that look at it."""
    folder = people.make_rt_detr_v2(tmp_path_factory.mktemp("detector"))
    with quiet_libraries():
        found = detectors.load(checkpoints.open_local(str(folder)), TOLERANT, Options(), pictures.samples(SIDE))
        assert isinstance(found, LoadedDetector)
        assert found.plain.graph.node
    return found


def proved(
    loaded: LoadedDetector, precision: Precision, folder: Path, change: Callable[[Any], None] | None = None
) -> Proof:
    promised = contract.read(people.make_repository(folder) / PERSON.name / "config.pbtxt")
    with quiet_libraries():
        graph = loaded.graph(precision)
        if change is not None:
            change(graph)
        onnx.save(graph, folder / "model.onnx")
        return loaded.prove(folder / "model.onnx", promised, precision)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_float_precisions_of_a_detector(precision: Precision, loaded: LoadedDetector, tmp_path: Path) -> None:
    proof = proved(loaded, precision, tmp_path)
    assert proof.failures() == []
    kinds = {tensor.data_type for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert {"fp32": onnx.TensorProto.FLOAT, "fp16": onnx.TensorProto.FLOAT16}[precision] in kinds


def photographs(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index, picture in enumerate(pictures.drawn(SIDE, count)):
        Image.fromarray(picture).save(folder / f"{index:02}.png")
    return folder


def test_eight_bit_convolutions_are_calibrated_on_the_pictures_that_the_proof_does_not_look_at(
    options: Options, tmp_path: Path
) -> None:
    checkpoint, folder = people.make_rt_detr_v2(tmp_path / "checkpoint"), photographs(tmp_path / "photos", 24)
    with quiet_libraries():
        done = export(TOLERANT, str(checkpoint), replace(options, precision="int8", pictures=folder))
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["precision"], facts["calibration_pictures"]) == ("int8", 18)
    assert not any("noise" in row["check"] for row in facts["proof"])
    graph = onnx.load(done.folder / "model.onnx").graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    weights = {node.output[0]: held[node.input[0]] for node in graph.node if node.input and node.input[0] in held}
    kernels = [weights[node.input[1]] for node in graph.node if node.op_type == "Conv"]
    assert {(kernel.data_type, len(kernel.dims)) for kernel in kernels} == {(onnx.TensorProto.INT8, 4)}
    assert {node.domain for node in graph.node} <= {
        entry.domain for entry in onnx.load(done.folder / "model.onnx").opset_import
    }
    assert all(held[name].data_type == onnx.TensorProto.FLOAT for name in matrices(graph) if name in held)


def matrices(graph: onnx.GraphProto) -> list[str]:
    return [name for node in graph.node if node.op_type == "MatMul" for name in node.input]


def test_a_backbone_without_convolutions_has_eight_bit_matrices(options: Options, tmp_path: Path) -> None:
    checkpoint = people.make_rf_detr(tmp_path / "checkpoint")
    with quiet_libraries():
        done = export(TOLERANT, str(checkpoint), replace(options, precision="int8"))
    graph = onnx.load(done.folder / "model.onnx").graph
    assert any(node.op_type == "MatMulInteger" for node in graph.node)
    assert "calibration_pictures" not in json.loads((done.folder / "model.json").read_text())


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "are calibrated on photographs; name them"), (21, "21 pictures; at least 16 are needed")],
)
def test_eight_bits_without_enough_pictures_are_refused(
    count: int | None, words: str, options: Options, tmp_path: Path
) -> None:
    checkpoint, before = people.make_rt_detr_v2(tmp_path / "checkpoint"), tree(options.repository)
    folder = None if count is None else photographs(tmp_path / "photos", count)
    with quiet_libraries(), pytest.raises(UsageError, match=words):
        export(PERSON, str(checkpoint), replace(options, precision="int8", pictures=folder))
    assert tree(options.repository) == before


def test_a_graph_that_finds_other_boxes_is_no_proof(loaded: LoadedDetector, tmp_path: Path) -> None:
    def flatten(graph: onnx.ModelProto) -> None:
        """Boxes from their far corner to their far corner."""
        [node for node in graph.graph.node if node.op_type == "Sub"][-1].op_type = "Add"

    failures = proved(loaded, "fp32", tmp_path, flatten).failures()
    assert any(text.startswith("boxes, noise") for text in failures)
    assert any(text.startswith("boxes, drawn") for text in failures)


def silent(folder: Path) -> Path:
    """A network whose scores are all the same."""
    from safetensors.torch import load_file, save_file

    path = people.make_rt_detr_v2(folder) / "model.safetensors"
    state = load_file(path)
    for name in state:
        if "class_embed" in name or "enc_score_head" in name:
            state[name] = torch.zeros_like(state[name])
    save_file(state, path, metadata={"format": "pt"})
    return folder


def edited(file: str, **facts: object) -> Make:
    def make(folder: Path) -> Path:
        path = people.make_rt_detr_v2(folder) / file
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))
        return folder

    return make


def without_processor(folder: Path) -> Path:
    (people.make_rt_detr_v2(folder) / "preprocessor_config.json").unlink()
    return folder


def truncated(folder: Path) -> Path:
    weights = people.make_rt_detr_v2(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    return folder


def labelled(*names: str) -> Make:
    return lambda folder: people.make_rt_detr_v2(folder, labels=dict(enumerate(names)))


REFUSED: dict[str, tuple[Make, type[ExportError], str]] = {
    "no class person": (
        labelled("cat", "dog"),
        CheckpointError,
        r"no class is named 'person' \(its 2 classes: cat, dog",
    ),
    "two classes person": (labelled("person", "Person"), CheckpointError, "no class is named 'person'"),
    "fewer queries": (
        lambda folder: people.make_rt_detr_v2(folder, queries=QUERIES - 1),
        CheckpointError,
        f"answers with {QUERIES - 1} boxes; person_detector promises {QUERIES}",
    ),
    "no processor file": (without_processor, CheckpointError, "preprocessor_config.json is missing"),
    "letterboxes": (
        edited("preprocessor_config.json", pad_size={"height": SIDE, "width": SIDE}),
        CheckpointError,
        "pad_size has no place",
    ),
    "keeps the aspect": (
        edited("preprocessor_config.json", size={"shortest_edge": SIDE, "longest_edge": SIDE}),
        CheckpointError,
        "not one square",
    ),
    "damaged weights": (truncated, CheckpointError, "cannot read the network"),
    "scores that are all the same": (silent, ProofError, "range of the reference's scores"),
}


@pytest.mark.parametrize(("make", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_written(
    make: Make, kind: type[Exception], words: str, options: Options, tmp_path: Path
) -> None:
    checkpoint, before = make(tmp_path / "checkpoint"), tree(options.repository)
    with quiet_libraries(), pytest.raises(kind, match=words):
        export(PERSON, str(checkpoint), options)
    assert tree(options.repository) == before


@pytest.mark.parametrize("given", [{"subject": 1}, {"output": "x"}, {"network_size": 8}])
def test_options_that_make_no_sense_are_refused(given: dict[str, Any], options: Options, tmp_path: Path) -> None:
    checkpoint = people.make_rt_detr_v2(tmp_path / "checkpoint")
    with quiet_libraries(), pytest.raises(UsageError, match=r"is for mattes|is below 32"):
        export(PERSON, str(checkpoint), replace(options, **given))


def test_a_contract_with_another_number_of_boxes_is_refused(options: Options, tmp_path: Path) -> None:
    checkpoint = people.make_rt_detr_v2(tmp_path / "checkpoint")
    with pytest.raises(ContractError, match=r"config\.pbtxt has"):
        export(DetectorRole(PERSON.name, SIDE, QUERIES + 1, ("detr",)), str(checkpoint), options)

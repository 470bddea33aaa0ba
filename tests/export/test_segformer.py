"""SegFormer checkpoints through the whole exporter, against transformers' own code."""

import json
import re
import shutil
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch

from export import pictures, segformer, weights
from export.checkpoint import Checkpoint, open_local
from export.contract import of_role
from export.errors import CheckpointError, UsageError
from export.exporter import Exported, export
from export.kinds import PRECISIONS, Precision
from export.mattes import contracted
from export.network import Head, Network
from export.options import Options
from export.processor import Pictures, Planes
from export.proof import prove
from export.quiet import quiet_libraries
from export.roles import MatteRole
from tests.export.checkpoints import SIDE, make_repository

SCHEMA = {
    *("role", "source", "revision", "architecture", "licence", "commercial_use", "sha256", "opset", "precision"),
    *("max_difference", "tolerance", "size_bytes", "date", "figures", "proof"),
}


@pytest.fixture(scope="module")
def exported(sigmoid: Path, step: MatteRole, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """One sigmoid SegFormer through everything, with figures, for the tests that look at the result."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "figures.json").write_text('{"mean_iou": 0.97}')
    repository, figures = make_repository(folder / "repository"), folder / "figures.json"
    with quiet_libraries():
        return export(step, str(sigmoid), Options(repository, licence="Apache-2.0", source="a test", figures=figures))


@pytest.fixture(scope="module")
def network(sigmoid: Path, step: MatteRole) -> Network:
    with quiet_libraries():
        return segformer.load(open_local(str(sigmoid)), step, Options())


def served(folder: Path, batch: Pictures) -> Pictures:
    session = ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["alpha"], {"pixels": batch})[0])


def by_hand(checkpoint: Path, batch: Pictures, subject: int, background: int | None = None) -> Planes:
    """What a reader of transformers' documentation would write: processor, network, post-processing."""
    from transformers import SegformerForSemanticSegmentation, SegformerImageProcessorPil

    with quiet_libraries(), torch.inference_mode():
        processor: Any = SegformerImageProcessorPil.from_pretrained(checkpoint)
        model: Any = SegformerForSemanticSegmentation.from_pretrained(checkpoint)
        model.eval()
        logits = model(**processor(images=list(batch), return_tensors="pt")).logits
        full = torch.nn.functional.interpolate(logits, batch.shape[1:3], mode="bilinear")
        chosen = full[:, subject].sigmoid() if background is None else full.softmax(1)[:, subject]
    return np.asarray((chosen * 255).round().numpy())


def test_a_sigmoid_checkpoint_gives_the_mattes_that_transformers_gives(exported: Exported, sigmoid: Path) -> None:
    batch = pictures.noise(SIDE)
    wanted = by_hand(sigmoid, batch, 0)
    assert np.ptp(wanted) > 200
    assert np.abs(served(exported.folder, batch) - wanted).max() <= 1


def test_a_softmax_checkpoint_at_another_size_is_resized_inside_the_graph(
    softmax: Path, main_role: MatteRole, options: Options
) -> None:
    with quiet_libraries():
        done = export(main_role, str(softmax), options)
    card = json.loads((done.folder / "model.json").read_text())
    assert (card["network_size"], card["resized_in_graph"], card["head"]["subject"]) == (SIDE // 2, True, 0)
    assert any("resize 64 to 32" in row["check"] and row["limit"] is None for row in card["proof"])
    batch = pictures.drawn(SIDE)
    wanted = by_hand(softmax, batch, 0, 1)
    assert np.ptp(wanted) > 100
    # The processor rounds the shrunken picture to whole levels, the graph does not: a few levels after amplification.
    assert np.abs(served(done.folder, batch) - wanted).mean() < 1


def test_model_json_says_everything_that_others_read(exported: Exported) -> None:
    card = json.loads((exported.folder / "model.json").read_text())
    graph = (exported.folder / "model.onnx").read_bytes()
    assert card.keys() >= SCHEMA
    assert card["sha256"] == sha256(graph).hexdigest()
    assert card["size_bytes"] == len(graph)
    assert card["figures"] == {"mean_iou": 0.97}
    assert (card["source"], card["licence"], card["commercial_use"]) == ("a test", "Apache-2.0", True)
    assert card["max_difference"] <= card["tolerance"]
    assert datetime.fromisoformat(card["date"]).tzinfo is not None
    assert {"check", "value", "limit", "unit", "ok"} == card["proof"][0].keys()


def test_the_table_has_every_kind_of_check(exported: Exported) -> None:
    table = exported.proof.table()
    for words in ("input as in", "output as in", "noise, batch 1", "noise, batch 3", "drawn, batch 3"):
        assert words in table
    for words in ("preprocessing, colours, its own processor", "file size", "latency", "release 24.10"):
        assert words in table


def test_version_folders_are_readable_by_everybody(exported: Exported) -> None:
    assert exported.folder.name == "1"
    assert exported.folder.stat().st_mode & 0o777 == 0o755
    assert all(file.stat().st_mode & 0o777 == 0o644 for file in exported.folder.iterdir())


def test_the_same_checkpoint_gives_the_same_file(exported: Exported, network: Network, step: MatteRole) -> None:
    again = contracted(network, step, "fp32").SerializeToString()
    assert sha256(again).hexdigest() == sha256((exported.folder / "model.onnx").read_bytes()).hexdigest()


def test_the_file_holds_weights_and_little_else(exported: Exported, sigmoid: Path) -> None:
    graph = (exported.folder / "model.onnx").read_bytes()
    assert len(graph) < (sigmoid / "model.safetensors").stat().st_size + 40_000
    assert not re.search(rb"stack_trace|\.py\b|/tmp/|/home/|/root/", graph)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_stays_within_its_tolerance(
    network: Network, step: MatteRole, precision: Precision, tmp_path: Path
) -> None:
    import onnx

    with quiet_libraries():
        model = contracted(network, step, precision)
    onnx.save(model, tmp_path / "model.onnx")
    samples = pictures.samples(SIDE)
    proof = prove(tmp_path / "model.onnx", network, of_role(step), step.tolerance[precision], samples)
    assert proof.ok, proof.table()
    kinds = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) == 2}
    wanted = {"fp32": onnx.TensorProto.FLOAT, "fp16": onnx.TensorProto.FLOAT16, "int8": onnx.TensorProto.INT8}
    assert wanted[precision] in kinds


def test_a_bare_state_dictionary_is_read_without_running_anything(sigmoid: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import SegformerForSemanticSegmentation

    shutil.copy(sigmoid / "config.json", tmp_path)
    torch.save(load_file(sigmoid / "model.safetensors"), tmp_path / "model.pt")
    with quiet_libraries():
        loaded = weights.pretrained(open_local(str(tmp_path)), SegformerForSemanticSegmentation)
    planes = torch.from_numpy(pictures.noise(SIDE, 1).transpose(0, 3, 1, 2).astype(np.float32))
    with quiet_libraries(), torch.inference_mode():
        first = weights.pretrained(open_local(str(sigmoid)), SegformerForSemanticSegmentation).eval()(planes).logits
        second = loaded.eval()(planes).logits
    assert torch.equal(first, second)


def test_weights_that_give_no_numbers_are_refused(
    sigmoid: Path, step: MatteRole, options: Options, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "broken"
    shutil.copytree(sigmoid, folder)
    weights = load_file(folder / "model.safetensors")
    weights["decode_head.classifier.weight"] *= float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with quiet_libraries(), pytest.raises(CheckpointError, match="no finite numbers"):
        export(step, str(folder), options)
    assert not (options.repository / "step_matte" / "1").exists()


def test_another_rule_of_resizing_is_remarked(
    softmax: Path, main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    folder = tmp_path / "bicubic"
    shutil.copytree(softmax, folder)
    facts = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({**facts, "resample": 3}))
    with quiet_libraries():
        done = export(main_role, str(folder), options)
    card = json.loads((done.folder / "model.json").read_text())
    assert card["remarks"] == ["the processor resizes with bicubic, the graph bilinearly"]


def test_a_processor_that_does_not_resize_goes_with_a_network_size(
    sigmoid: Path, step: MatteRole, options: Options, tmp_path: Path
) -> None:
    folder = tmp_path / "fixed"
    shutil.copytree(sigmoid, folder)
    facts = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({**facts, "do_resize": False}))
    with quiet_libraries():
        done = export(step, str(folder), Options(options.repository, network_size=SIDE // 2))
    assert json.loads((done.folder / "model.json").read_text())["network_size"] == SIDE // 2


def test_a_checkpoint_without_its_head_is_refused(tmp_path: Path, step: MatteRole) -> None:
    from tests.export.checkpoints import make_segformer

    folder = make_segformer(tmp_path, whole=False)
    with quiet_libraries(), pytest.raises(CheckpointError, match="weights are missing"):
        segformer.load(open_local(str(folder)), step, Options())


def two_classes(tmp_path: Path, labels: tuple[str, str]) -> Checkpoint:
    config = {"model_type": "segformer", "id2label": dict(enumerate(labels)), "architectures": []}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").touch()
    return open_local(str(tmp_path))


@pytest.mark.parametrize(
    ("labels", "subject"),
    [
        (("background", "subject"), 1),
        (("subject", "background"), 0),
        (("subject", "__background__"), 0),
        (("Person", "Other"), 0),
        (("_background_", "cat"), 1),
        (("LABEL_0", "LABEL_1"), 1),
    ],
)
def test_the_subject_of_two_classes_is_the_one_that_is_not_background(
    labels: tuple[str, str], subject: int, tmp_path: Path
) -> None:
    assert segformer._head(two_classes(tmp_path, labels), None) == Head("softmax", subject)


@pytest.mark.parametrize("labels", [("cat", "dog"), ("background", "other")])
def test_two_classes_whose_names_do_not_say_it_need_a_word(labels: tuple[str, str], tmp_path: Path) -> None:
    checkpoint = two_classes(tmp_path, labels)
    with pytest.raises(UsageError, match=f"{labels[0]} or {labels[1]}, is the subject. Say --subject"):
        segformer._head(checkpoint, None)
    assert segformer._head(checkpoint, 0) == Head("softmax", 0)

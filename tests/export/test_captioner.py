"""BLIP and ViT-GPT2 checkpoints through the whole exporter, against transformers' own networks."""

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

from export import pictures, versions
from export.errors import CheckpointError, ContractError, ProofError, UsageError
from export.exporter import Exported, export
from export.kinds import Precision
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import role_named
from tests.export import captioning
from tests.export.captioning import LIMIT, ROLE, START, STOP
from tests.export.checkpoints import SIDE, tree

Make = Callable[..., Path]
FAMILIES: dict[str, Make] = {"blip": captioning.make_blip, "vit_gpt2": captioning.make_vit_gpt2}
NETWORKS = ("captioner_encoder", "captioner_decoder")


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=captioning.make_repository(tmp_path / "repository"))


def exported(checkpoint: Path, options: Options) -> Exported:
    with quiet_libraries():
        return export(ROLE, str(checkpoint), options)


def written(folder: Path, batch: npt.NDArray[np.uint8], length: int) -> list[list[int]]:
    """The likeliest words of each picture by the two files, as little code as that takes."""
    encoder, decoder = (
        ort.InferenceSession(folder / name / "1" / "model.onnx", providers=["CPUExecutionProvider"])
        for name in NETWORKS
    )
    (cross,) = encoder.run(["cross"], {"pixels": batch})
    ends = [*encoder.get_outputs(), *decoder.get_inputs(), *decoder.get_outputs()]
    assert [end.name for end in ends if any(isinstance(size, int) for size in end.shape)] == []  # as config.pbtxt says
    facts = json.loads((folder / "captioner_decoder" / "1" / "model.json").read_text())["language"]
    past = np.zeros((len(batch), 1, facts["layers"] * 2, facts["heads"], 0, facts["width"]), np.float32)
    rows = np.array([facts["start"]] * len(batch))
    while rows.shape[1] < length:
        logits, past = decoder.run(["logits", "present"], {"ids": rows[:, -1:], "past": past, "cross": cross})
        rows = np.concatenate([rows, logits[:, 0].argmax(-1)[:, None]], axis=1)
    return [row[: row.index(STOP, 1) + 1] if STOP in row[1:] else row for row in rows.tolist()]


@pytest.mark.parametrize("family", FAMILIES)
def test_both_networks_of_a_captioner_write_what_its_checkpoint_does(
    family: str, options: Options, tmp_path: Path
) -> None:
    checkpoint = FAMILIES[family](tmp_path / "checkpoint")
    done = exported(checkpoint, options)
    assert [folder.parent.name for folder in (done.folder, *done.also)] == list(NETWORKS)
    assert {folder.name for folder in (done.folder, *done.also)} == {"1"}
    batch = np.concatenate([pictures.drawn(SIDE, 2), pictures.noise(SIDE, 2)])
    found = written(options.repository, batch, LIMIT)
    images = [Image.fromarray(one) for one in batch]
    assert found == captioning.by_transformers(checkpoint, images, num_beams=1, max_length=LIMIT)
    assert len({tuple(row) for row in found}) > 1
    assert len({token for row in found for token in row}) > 5
    card_and_tokenizer_say_what_the_step_must_know(options.repository, checkpoint)


def card_and_tokenizer_say_what_the_step_must_know(repository: Path, checkpoint: Path) -> None:
    encoder, decoder = (json.loads((repository / name / "1" / "model.json").read_text()) for name in NETWORKS)
    assert (encoder["role"], decoder["role"]) == NETWORKS
    assert encoder["sha256"] != decoder["sha256"]
    language = decoder["language"]
    assert (language["start"], language["stop"], language["limit"]) == ([START], STOP, LIMIT)
    assert (language["layers"], language["heads"], language["width"], language["max_length"]) == (2, 4, 8, LIMIT)
    assert encoder["max_difference"] <= 1e-4
    assert (encoder["network_size"], encoder["resized_in_graph"]) == (SIDE, False)
    model = json.loads((repository / "captioner_decoder" / "1" / "tokenizer.json").read_text())["model"]
    assert model == json.loads((checkpoint / "tokenizer.json").read_text())["model"]


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_smaller_weights_of_both_networks(precision: Precision, options: Options, tmp_path: Path) -> None:
    exported(captioning.make_blip(tmp_path / "checkpoint"), replace(options, precision=precision))
    kind = {"fp16": onnx.TensorProto.FLOAT16, "int8": onnx.TensorProto.INT8}[precision]
    for name in NETWORKS:
        graph = onnx.load(options.repository / name / "1" / "model.onnx").graph
        assert kind in {tensor.data_type for tensor in graph.initializer}
        assert {value.type.tensor_type.elem_type for value in graph.output} == {onnx.TensorProto.FLOAT}


def test_both_get_the_next_number_that_neither_has(options: Options) -> None:
    for name, number in zip(NETWORKS, ("4", "2"), strict=True):
        (options.repository / name / number).mkdir()
    with (
        versions.staging(options.repository, NETWORKS[0]) as one,
        versions.staging(options.repository, NETWORKS[1]) as other,
    ):
        assert [folder.name for folder in versions.publish_together([one, other])] == ["5", "5"]


def test_neither_gets_a_number_that_one_of_them_has(options: Options) -> None:
    (options.repository / "captioner_decoder" / "3").mkdir()
    before = tree(options.repository)
    with (
        versions.staging(options.repository, NETWORKS[0]) as one,
        versions.staging(options.repository, NETWORKS[1]) as other,
        pytest.raises(UsageError, match="exists already"),
    ):
        versions.publish_together([one, other], 3)
    assert tree(options.repository) == before


def edited(name: str, **facts: object) -> Make:
    def make(folder: Path) -> Path:
        path = captioning.make_blip(folder) / name
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))
        return folder

    return make


def without(name: str) -> Make:
    def make(folder: Path) -> Path:
        (captioning.make_blip(folder) / name).unlink()
        return folder

    return make


def blind(folder: Path) -> Path:
    """A network whose words have nothing to do with the picture."""
    from safetensors.torch import load_file, save_file

    path = captioning.make_blip(folder) / "model.safetensors"
    state = load_file(path)
    for name, tensor in state.items():
        if "crossattention.self.value" in name:
            tensor.zero_()
    save_file(state, path, metadata={"format": "pt"})
    return folder


REFUSED = {
    "no processor file": (without("preprocessor_config.json"), CheckpointError, "preprocessor_config.json is missing"),
    "another side": (edited("preprocessor_config.json", size=32), CheckpointError, "pictures are framed by"),
    "a larger side": (
        edited("preprocessor_config.json", size=2 * SIDE, resample=2),
        CheckpointError,
        f"squeezed bilinearly to at most {SIDE}",
    ),
    "a crop": (
        edited("preprocessor_config.json", do_center_crop=True, crop_size=SIDE, resample=2),
        CheckpointError,
        "captioner needs Framing",
    ),
    "no tokenizer": (without("tokenizer.json"), CheckpointError, "no usable tokenizer"),
    "another family": (
        edited("config.json", model_type="clip"),
        CheckpointError,
        "takes blip and vision-encoder-decoder",
    ),
    "words that are not of the picture": (blind, ProofError, "pictures apart by"),
}


@pytest.mark.parametrize(("make", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_written(
    make: Make, kind: type[Exception], words: str, options: Options, tmp_path: Path
) -> None:
    checkpoint, before = make(tmp_path / "checkpoint"), tree(options.repository)
    with pytest.raises(kind, match=words):
        exported(checkpoint, options)
    assert tree(options.repository) == before


def test_the_graph_itself_resizes_for_a_captioner_of_another_side(options: Options, tmp_path: Path) -> None:
    """The processor of nlpconnect/vit-gpt2-image-captioning squeezes pictures bilinearly to 224."""
    checkpoint = captioning.make_vit_gpt2(tmp_path / "checkpoint", 32, resample=2)
    done = exported(checkpoint, options)
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["network_size"], facts["resized_in_graph"]) == (32, True)
    assert facts["decoder_architecture"] == "GPT2LMHeadModel"
    batch = pictures.drawn(SIDE, 3)
    images = [Image.fromarray(one) for one in batch]
    found = written(options.repository, batch, LIMIT)
    assert found == captioning.by_transformers(checkpoint, images, num_beams=1, max_length=LIMIT)


@pytest.mark.parametrize("given", [{"network_size": 64}, {"subject": 1}, {"engine": "tensorrt"}])
def test_options_that_a_captioner_has_not_are_refused(given: dict[str, Any], options: Options, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="captioner"):
        exported(captioning.make_blip(tmp_path / "checkpoint"), replace(options, **given))


def test_a_contract_of_another_side_is_refused(tmp_path: Path) -> None:
    options = Options(repository=captioning.make_repository(tmp_path / "repository", side=SIDE * 2))
    with pytest.raises(ContractError, match=r"captioner_encoder: input: config\.pbtxt has"):
        exported(captioning.make_blip(tmp_path / "checkpoint"), options)


def test_all_three_names_mean_the_same_export() -> None:
    roles = [role_named(name) for name in ("captioner", *NETWORKS)]
    assert [role.name for role in roles] == ["captioner_encoder", *NETWORKS]

"""CLIP's text towers through the whole exporter, against transformers' own class and tokenizer."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnxruntime as ort
import pytest
from tokenizers import Tokenizer

from export.errors import CheckpointError, UsageError
from export.exporter import export
from export.kinds import PRECISIONS, Precision
from export.options import Options
from export.quiet import quiet_libraries
from tests.export import sentences
from tests.export.checkpoints import tree
from tests.export.sentences import TEXT

# Random weights of a few dozen numbers lose more by eight bits than trained ones.
TOLERANT = replace(TEXT, tolerance=MappingProxyType({**TEXT.tolerance, "int8": 0.01}))
SAID = ["a bowl of soup", "two red cars", "soup"]


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=sentences.make_repository(tmp_path / "repository"), licence="MIT")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return sentences.make_clip(tmp_path / "checkpoint")


def ids_of(folder: Path, texts: list[str]) -> np.ndarray:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = [tokenizer.encode(text).ids for text in texts]
    return np.array([row + [row[-1]] * (TEXT.length - len(row)) for row in rows], np.int32)


def served(folder: Path, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    session = ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    embedding, normalized = session.run(["embedding", "normalized"], {"ids": ids})
    return np.asarray(embedding), np.asarray(normalized)


def test_an_exported_text_tower_answers_like_its_checkpoint(options: Options, checkpoint: Path) -> None:
    with quiet_libraries():
        done = export(TEXT, str(checkpoint), options)
    ids = ids_of(done.folder, SAID)
    embedding, normalized = served(done.folder, ids)
    wanted = sentences.by_transformers(checkpoint, SAID)
    assert embedding == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    assert np.linalg.norm(normalized, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert wanted[0] @ wanted[1] / np.linalg.norm(wanted[0]) / np.linalg.norm(wanted[1]) < 0.999
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["role"], facts["length"], facts["precision"]) == (TEXT.name, TEXT.length, "fp32")


def test_what_stands_behind_the_end_of_a_text_does_not_matter(options: Options, checkpoint: Path) -> None:
    with quiet_libraries():
        done = export(TEXT, str(checkpoint), options)
    ids = ids_of(done.folder, ["soup"])
    other = ids.copy()
    other[0, 5:] = 3
    assert served(done.folder, other)[0] == pytest.approx(served(done.folder, ids)[0], abs=1e-5)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_of_a_text_tower(precision: Precision, options: Options, checkpoint: Path) -> None:
    with quiet_libraries():
        done = export(TOLERANT, str(checkpoint), replace(options, precision=precision))
    embedding, _ = served(done.folder, ids_of(done.folder, SAID))
    assert embedding.dtype == np.float32


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink(missing_ok=True)


def damaged_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{")


def without_ends(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"post_processor": None}))


def without_text(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(path).items() if not name.startswith("text_model.encoder")}
    save_file(kept, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_tokenizer, "its tokenizer makes more than 77 tokens of"),
        (damaged_tokenizer, "cannot read the tokenizer"),
        (without_ends, "does not put a text between a start and an end"),
        (without_text, "text_model"),
    ],
)
def test_a_checkpoint_that_cannot_keep_the_promise_is_refused_and_nothing_is_written(
    spoil: Callable[[Path], None], said: str, options: Options, checkpoint: Path
) -> None:
    spoil(checkpoint)
    before = tree(options.repository)
    with pytest.raises(CheckpointError, match=said), quiet_libraries():
        export(TEXT, str(checkpoint), options)
    assert tree(options.repository) == before


def test_another_width_is_refused(options: Options, tmp_path: Path) -> None:
    wide = sentences.make_clip(tmp_path / "wide", width=sentences.WIDTH * 2)
    with pytest.raises(CheckpointError, match="promises vectors of"), quiet_libraries():
        export(TEXT, str(wide), options)


def test_options_of_pictures_are_refused(options: Options, checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="--network-size is for pictures"), quiet_libraries():
        export(TEXT, str(checkpoint), replace(options, network_size=64))


def test_the_tokenizer_is_that_of_the_checkpoint(options: Options, checkpoint: Path) -> None:
    with quiet_libraries():
        done = export(TEXT, str(checkpoint), options)
    shutil.rmtree(checkpoint)
    assert ids_of(done.folder, ["a bowl"])[0, :5].tolist() == sentences.ids("a bowl")

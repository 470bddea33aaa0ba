"""Keyword classifiers through the whole exporter, against transformers' own class and processor."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from export import label_file, pictures
from export.errors import CheckpointError, LicenceError, UsageError
from export.exporter import Exported, export
from export.options import Options
from export.quiet import quiet_libraries
from tests.export.checkpoints import SIDE, tree
from tests.export.keyword_checkpoints import (
    KEYWORDS,
    LABELS,
    by_transformers,
    make_classifier,
    make_clip,
    make_segformer,
)
from tests.export.keyword_checkpoints import make_repository as empty_repository

Make = Callable[[Path], Path]


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=empty_repository(tmp_path / "repository"), licence="MIT")


def exported(checkpoint: Path, options: Options) -> Exported:
    with quiet_libraries():
        return export(KEYWORDS, str(checkpoint), options)


def session_of(folder: Path) -> ort.InferenceSession:
    return ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", params=["linear", "mlp", "prototypes", "segformer"])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Exported]:
    """A checkpoint of each head and tower, and the first version of a repository that was made of it."""
    folder = tmp_path_factory.mktemp("done")
    place = folder / "checkpoint"
    checkpoint = make_segformer(place) if request.param == "segformer" else make_classifier(place, request.param)
    return checkpoint, exported(checkpoint, Options(empty_repository(folder / "repository"), licence="MIT"))


def test_an_exported_classifier_answers_like_its_checkpoint(done: tuple[Path, Exported]) -> None:
    checkpoint, version = done
    batch = pictures.drawn(SIDE, 5)
    found, scores, labels = session_of(version.folder).run(["probabilities", "scores", "labels"], {"pixels": batch})
    wanted = np.stack([by_transformers(checkpoint, Image.fromarray(one)) for one in batch])
    assert found.dtype == np.float32
    assert np.array_equal(scores, found)
    assert found == pytest.approx(wanted, abs=1e-5)
    assert wanted.std(axis=0).max() > 0.01, "different pictures are told apart"
    assert [bytes(row).decode() for row in labels] == ["oven-tray\nfinalstep\ngroup_step\nsaucepan\n"] * 5


def test_a_version_brings_its_card_and_its_labels(done: tuple[Path, Exported]) -> None:
    checkpoint, version = done
    first = version.folder
    facts = json.loads((first / "model.json").read_text())
    head = json.loads((checkpoint / "keywords" / "config.json").read_text())["head"]
    assert (facts["labels"], facts["head"], facts["temperature"]) == (list(LABELS), head, 0.7)
    assert (facts["licence"], facts["commercial_use"], facts["precision"]) == ("MIT", True, "fp32")
    assert facts["max_difference"] <= facts["tolerance"] == 1e-4
    assert (first.parent / "labels.txt").read_bytes() == (first / "labels.txt").read_bytes()
    # No size is promised, neither by the file nor by what ONNX Runtime works out.
    shapes = [output.shape for output in session_of(first).get_outputs()]
    assert not [size for shape in shapes for size in shape if isinstance(size, int)]


def test_the_labels_of_the_newest_version_lie_beside_the_config(options: Options, tmp_path: Path) -> None:
    model = options.repository / KEYWORDS.name
    for number in (1, 7):
        (model / str(number)).mkdir()
        (model / str(number) / label_file.NAME).write_text(f"version {number}\n")
        label_file.keep(model)
        assert (model / label_file.NAME).read_text() == f"version {number}\n"
    exported(make_classifier(tmp_path / "older"), replace(options, version=2))
    assert (model / "2" / label_file.NAME).read_text().splitlines() == list(LABELS)
    assert (model / label_file.NAME).read_text() == "version 7\n"


def edited(**facts: object) -> Make:
    def make(folder: Path) -> Path:
        path = make_classifier(folder) / "keywords" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))
        return folder

    return make


def with_config(text: str) -> Make:
    def make(folder: Path) -> Path:
        (make_classifier(folder) / "keywords" / "config.json").write_text(text)
        return folder

    return make


def without_weights(folder: Path) -> Path:
    (make_classifier(folder) / "keywords" / "model.safetensors").unlink()
    return folder


def with_another_crop(folder: Path) -> Path:
    path = make_classifier(folder) / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"crop_size": 32, "size": 32}))
    return folder


REFUSED = {
    "no JSON": (with_config("{"), CheckpointError, "not readable as JSON"),
    "no object": (with_config("[]"), CheckpointError, "not a JSON object"),
    "no labels": (edited(labels=[]), CheckpointError, "at least one keyword"),
    "labels that are one text": (edited(labels="abcd"), CheckpointError, "at least one keyword"),
    "a label twice": (edited(labels=["a", "b", "a", "c"]), CheckpointError, "labels are there twice: a"),
    "a label of two lines": (edited(labels=["a\nb", "c", "d", "e"]), CheckpointError, "one line"),
    "an empty label": (edited(labels=["", "c", "d", "e"]), CheckpointError, "1 to 256 characters"),
    "a label that is no text": (edited(labels=[1, 2, 3, 4]), CheckpointError, "1 to 256 characters"),
    "fewer labels than weights": (edited(labels=["a", "b"]), CheckpointError, "does not fit its config.json"),
    "another head": (edited(head="mlp", hidden=8), CheckpointError, "does not fit its config.json"),
    "an unknown head": (edited(head="forest"), CheckpointError, "one of linear, mlp, prototypes"),
    "an mlp of no units": (edited(head="mlp", hidden=0), CheckpointError, "number of an mlp's hidden units"),
    "no temperature": (edited(temperature=0), CheckpointError, "temperature is a number above 0"),
    "prompts that are no list": (edited(prompts="x"), CheckpointError, "prompts are a list or null"),
    "no weights of the head": (without_weights, CheckpointError, "cannot read model.safetensors"),
    "another crop": (with_another_crop, CheckpointError, "pictures are framed by"),
    "a CLIP without keywords": (make_clip, UsageError, "a whole CLIP needs --labels FILE"),
}


@pytest.mark.parametrize(("make", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_written(
    make: Make, kind: type[Exception], words: str, options: Options, tmp_path: Path
) -> None:
    checkpoint, before = make(tmp_path / "checkpoint"), tree(options.repository)
    with pytest.raises(kind, match=words):
        exported(checkpoint, options)
    assert tree(options.repository) == before


def test_commercial_only_wants_a_licence(options: Options, tmp_path: Path) -> None:
    checkpoint = make_classifier(tmp_path / "checkpoint")
    with pytest.raises(LicenceError, match="no licence found"):
        exported(checkpoint, replace(options, licence=None, commercial_only=True))
    (checkpoint / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    with pytest.raises(LicenceError, match=r"cc-by-nc-4\.0"):
        exported(checkpoint, replace(options, licence=None, commercial_only=True))
    assert not list((options.repository / KEYWORDS.name).glob("[0-9]*"))

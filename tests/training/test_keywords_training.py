import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPVisionModelWithProjection

from tests.training.keyword_data import LABELS, encoded, prepare, row, shape, tiny_clip, write_shards
from tests.training.processes import two_processes
from training.__main__ import main
from training.dataset.shards import Shards
from training.keywords.evaluation import evaluate
from training.keywords.head import KeywordHead, read_config
from training.keywords.loss import contrastive
from training.keywords.network import fresh_tower, load_classifier, load_tower
from training.keywords.notes import newest_checkpoint
from training.keywords.predictor import TorchPredictor
from training.keywords.recipe import Recipe, Running
from training.keywords.texts import load_texts
from training.keywords.trainer import Trained, train


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("data"))


def quick(clip: Path, **changes: object) -> Recipe:
    usual = Recipe(
        str(clip), steps=16, batch=6, learning_rate=3e-3, head_learning_rate=3e-2, evaluate_every=8, patience=0
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def trained(data: Path, recipe: Recipe, output: Path) -> Trained:
    return train(Shards.open(data), recipe, Running(output, workers=0))


WAYS: dict[str, dict[str, object]] = {
    "frozen": {"steps": 24},
    "mlp": {"steps": 32, "head": "mlp", "hidden": 16, "balance": "weights", "smoothing": 0.1},
    "blocks": {"tuning": "blocks", "blocks": 1, "balance": "none", "steps": 32},
    "full": {"tuning": "full"},
    "lora": {"tuning": "lora", "rank": 4},
    "contrastive": {"tuning": "full", "loss": "contrastive", "steps": 32},
    "both towers": {"tuning": "full", "loss": "contrastive", "tune_text": True, "steps": 40, "evaluate_every": 20},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_learns_and_stores_a_classifier(way: str, clip: Path, data: Path, tmp_path: Path) -> None:
    recipe = quick(clip, **WAYS[way])
    found = trained(data, recipe, tmp_path)
    seen = evaluate(TorchPredictor(found.folder), Shards.open(data), "test")
    assert seen.figures.macro_accuracy > 0.6, "a guess is right in a third"
    assert found.macro_accuracy is not None
    stored, config = load_classifier(found.folder)
    assert config.labels == LABELS
    assert config.temperature == pytest.approx(found.calibration.temperature)
    before, after = load_tower(str(clip)).state_dict(), stored.tower.state_dict()
    assert before.keys() == after.keys(), "LoRA is merged"
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert bool(changed) == (recipe.tuning != "frozen")
    if way == "blocks":
        assert all("layers.1." in name or "post_layernorm" in name or "projection" in name for name in changed)
    if way == "lora":
        assert all("self_attn" in name for name in changed)
    assert "base_model" in (found.folder / "README.md").read_text()
    assert json.loads((found.folder / "keywords/training.json").read_text())["recipe"]["tuning"] == recipe.tuning


def test_a_stored_classifier_is_what_transformers_reads(clip: Path, data: Path, tmp_path: Path) -> None:
    folder = trained(data, quick(clip, steps=3), tmp_path).folder
    tower: Any = CLIPVisionModelWithProjection.from_pretrained(folder)
    tower.eval()
    tensors = load_file(folder / "keywords/model.safetensors")
    assert {name: tuple(value.shape) for name, value in tensors.items()} == {"weight": (3, 24), "bias": (3,)}
    pixels = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    classifier, _ = load_classifier(folder)
    with torch.inference_mode():
        planes = (pixels.permute(0, 3, 1, 2) / 255 - classifier.mean) / classifier.deviation
        features = torch.nn.functional.normalize(tower(pixel_values=planes).image_embeds, dim=-1)
        wanted = features @ tensors["weight"].T + tensors["bias"]
        assert torch.allclose(classifier(pixels), wanted, atol=1e-5)


def test_zero_shot_compares_pictures_with_the_mean_of_the_prompts(clip: Path, data: Path, tmp_path: Path) -> None:
    folder = trained(data, quick(clip, steps=0, head="prototypes"), tmp_path).folder
    recipe = Recipe()
    tensors = load_file(folder / "keywords/model.safetensors")
    wanted = load_texts(str(clip), LABELS, recipe.prompts).prototypes()
    assert torch.allclose(tensors["prototypes"], wanted, atol=1e-6)
    assert tensors["scale"].item() == pytest.approx(14.29, abs=0.1)
    assert read_config(folder).prompts == recipe.prompts
    stored, own = (load_tower(str(one)).state_dict()["visual_projection.weight"] for one in (folder, clip))
    assert torch.equal(stored, own)


def test_few_shots_of_each_make_prototypes_without_a_step(clip: Path, data: Path, tmp_path: Path) -> None:
    recipe = quick(clip, steps=0, head="prototypes", prototypes="pictures", shots=2)
    found = trained(data, recipe, tmp_path)
    assert found.steps == 0
    assert found.macro_accuracy is not None
    assert found.macro_accuracy >= 0.6
    assert read_config(found.folder).prompts is None


def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(clip: Path, data: Path, tmp_path: Path) -> None:
    recipe = quick(clip, steps=8, evaluate_every=4, tuning="lora", patience=5)
    whole = trained(data, recipe, tmp_path / "whole")
    torch.manual_seed(99)
    shutil.copytree(tmp_path / "whole/checkpoint-4", tmp_path / "broken/checkpoint-4")
    shutil.copy(tmp_path / "whole/recipe.json", tmp_path / "broken/recipe.json")
    resumed = trained(data, recipe, tmp_path / "broken")
    for name in ("model.safetensors", "keywords/model.safetensors"):
        one, other = load_file(whole.folder / name), load_file(resumed.folder / name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name
    assert resumed.calibration == whole.calibration
    again = trained(data, recipe, tmp_path / "broken")
    assert again.calibration == whole.calibration


def test_a_run_of_another_recipe_is_not_gone_on_with(
    clip: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["keywords", "--data", str(data), "--checkpoint", str(clip), "--output", str(tmp_path), "--workers", "0"]
    assert main([*options, "--steps", "2"]) == 0
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert main([*options, "--steps", "2", "--batch", "5"]) == 2
    assert "batch was 32, is 5" in capsys.readouterr().err
    (tmp_path / "checkpoint-2/trainer_state.json").write_text('{"global')
    assert newest_checkpoint(tmp_path) != tmp_path / "checkpoint-2"


def test_training_stops_where_validation_gains_no_more(clip: Path, data: Path, tmp_path: Path) -> None:
    recipe = quick(clip, steps=200, evaluate_every=1, patience=2, learning_rate=1e-9, head_learning_rate=1e-9)
    first = trained(data, recipe, tmp_path)
    assert first.steps <= 5
    assert trained(data, recipe, tmp_path).calibration == first.calibration


def test_two_processes_train_one_classifier(clip: Path, data: Path, tmp_path: Path) -> None:
    options = ["--data", str(data), "--output", str(tmp_path), "--workers", "0", "--checkpoint", str(clip)]
    done = two_processes(["keywords", *options, "--tuning", "full", "--steps", "2", "--batch", "3"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done:") == 1
    assert read_config(tmp_path / "model").labels == LABELS


def test_a_fresh_tiny_tower_fits_and_takes_smaller_pictures_first(data: Path, tmp_path: Path) -> None:
    assert sum(p.numel() for p in fresh_tower("tiny").parameters()) * 4 < 13e6
    assert sum(p.numel() for p in fresh_tower("mini").parameters()) * 4 < 16e6
    options = ["--data", str(data), "--output", str(tmp_path), "--workers", "0", "--sizes", "64:0.5,224:0.5"]
    assert main(["keywords", *options, "--steps", "2", "--batch", "3"]) == 0
    assert load_tower(str(tmp_path / "model")).config.patch_size == 16


def test_the_contrast_is_least_where_every_picture_lies_at_its_keyword() -> None:
    labels = torch.tensor([0, 0, 2, 1])
    right = torch.nn.functional.one_hot(labels, 4).float() * 30
    assert contrastive(right, labels) < contrastive(right[[1, 2, 3, 0]], labels)
    assert contrastive(right, labels) == pytest.approx(np.log(2) / 3 / 2, abs=1e-4)  # two pictures share one keyword


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "DATA", "--checkpoint", "/nowhere"], "/nowhere: cannot be loaded as a CLIP"),
        (["--data", "DATA", "--checkpoint", "CLIP", "--resume"], "no checkpoint to resume from"),
        (["--data", "EMPTY"], "EMPTY"),
        (["--data", "DATA", "--tuning", "frozen"], "random weights has to learn whole"),
        (["--data", "DATA", "--checkpoint", "CLIP", "--blocks", "9", "--tuning", "blocks"], "from 1 to 2 can learn"),
        (["--data", "DATA", "--checkpoint", "CLIP", "--loss", "contrastive"], "nothing learns"),
        (["--data", "DATA", "--checkpoint", "CLIP", "--steps", "0"], "linear head knows nothing"),
        (["--data", "DATA", "--zero-shot", "--tuning", "full"], "has no text tower"),
        (["--data", "DATA", "--checkpoint", "CLIP", "--prompts", "PROMPTS", "--zero-shot"], "it needs one {}"),
        (["--data", "DATA", "--checkpoint", "CLIP", "--loss", "contrastive", "--head", "mlp"], "prototypes"),
        (["--data", "DATA", "--checkpoint", "CLIP", "--batch", "0"], "--batch 0: from 1"),
        (["--data", "NONE", "--checkpoint", "CLIP"], "no training pictures"),
        (["--data", "BROKEN", "--checkpoint", "CLIP", "--steps", "1"], "train, bad: not a readable picture"),
        (["--data", "STRANGE", "--checkpoint", "CLIP"], "has no label among the 3"),
        (["--data", "UNLABELLED", "--checkpoint", "CLIP"], "bad (row 0) has no label"),
        ([], "--data DIR is missing"),
    ],
)
def test_the_command_says_what_is_wrong(
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(Path("DATA"), {"train": (1, 1, 1)})
    prepare(Path("NONE"), {"validation": (1, 1, 1)})
    whole = encoded(shape(0, 1))
    for name, label, image in (("BROKEN", 0, b"\xff\xd8"), ("STRANGE", 7, whole), ("UNLABELLED", None, whole)):
        prepare(Path(name), {"validation": (1, 1, 1)})
        write_shards(Path(name) / "train", [row("bad", LABELS[0], label, image)])
    Path("EMPTY").mkdir()
    Path("PROMPTS").write_text("a photo\n")
    Path("CLIP").symlink_to(clip)
    assert main(["keywords", "--workers", "0", "--output", "run", *options]) == 2
    assert message in capsys.readouterr().err


def test_keywords_that_a_classifier_does_not_know_need_a_new_head(clip: Path, data: Path, tmp_path: Path) -> None:
    folder = str(trained(data, quick(clip, steps=1), tmp_path / "first").folder)
    other = prepare(tmp_path / "other", {"train": (1, 1, 1)}, labels=("red-square", "green-disc", "pan"))
    options = ["keywords", "--data", str(other), "--checkpoint", folder, "--steps", "1", "--workers", "0"]
    assert main([*options, "--output", str(tmp_path / "second")]) == 2
    assert main([*options, "--output", str(tmp_path / "second"), "--new-head"]) == 0
    assert read_config(tmp_path / "second/model").labels[2] == "pan"


def test_prototypes_are_compared_by_direction_alone() -> None:
    head = KeywordHead("prototypes", 5, 3)
    features = torch.nn.functional.normalize(torch.randn(4, 5), dim=-1)
    before = head(features)
    with torch.no_grad():
        head.prototypes.mul_(7)
    assert torch.allclose(head(features), before, atol=1e-5)

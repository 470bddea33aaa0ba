import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import SegformerConfig

from tests.training.shelf_data import tiny_matte, write_shelves
from training.__main__ import main
from training.matte.average import newest_checkpoint
from training.matte.checkpoint import stated_size
from training.shelves.errors import ShelvesError
from training.shelves.loss import class_weights, shelf_loss
from training.shelves.network import SegformerLogits, ServedShelf, start
from training.shelves.pictures import CLASSES, UNKNOWN, find_pictures, read
from training.shelves.trainer import Recipe, Running, looked_at, train
from training.stages import Stage


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shelves(tmp_path_factory.mktemp("shelves"), 6)


def recipe_from(checkpoint: Path, steps: int) -> Recipe:
    return Recipe(
        checkpoint=str(checkpoint),
        steps=steps,
        batch=1,
        stages=(Stage(64, 1),),
        learning_rate=3e-3,
        head_learning_rate=6e-3,
        warmup=3,
        rarity=0.5,
        average=0.9,
        held_back=0,
    )


def test_a_few_shelves_are_learnt(shelves: Path, tmp_path: Path) -> None:
    pictures = find_pictures(shelves)
    recipe = recipe_from(tiny_matte(tmp_path / "tiny"), 40)
    before = looked_at(start(recipe.checkpoint).eval(), pictures, 64)
    result = train(pictures, recipe, Running(tmp_path / "run", save_every=40, workers=0))
    after = looked_at(start(str(result)).eval(), pictures, 64)
    assert after.miou > before.miou + 0.1
    assert after.accuracy > 0.5
    assert set(after.iou) == set(CLASSES)


def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(shelves: Path, tmp_path: Path) -> None:
    pictures = find_pictures(shelves)
    recipe = recipe_from(tiny_matte(tmp_path / "tiny"), 4)
    train(pictures, recipe, Running(tmp_path / "whole", save_every=2, workers=0))
    torch.manual_seed(99)
    broken = tmp_path / "broken"
    broken.mkdir()
    (tmp_path / "whole" / "checkpoint-2").rename(broken / "checkpoint-2")
    train(pictures, recipe, Running(broken, save_every=2, workers=0))
    for name in ("model/model.safetensors", "checkpoint-4/model.safetensors", "checkpoint-4/average.safetensors"):
        whole, resumed = load_file(tmp_path / "whole" / name), load_file(broken / name)
        assert whole.keys() == resumed.keys()
        assert all(torch.equal(whole[key], resumed[key]) for key in whole), name


def test_the_command_trains_looks_and_stores_a_network_for_export(shelves: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    options = ["shelves", "--data", str(shelves), "--output", str(output), "--checkpoint"]
    options += [str(tiny_matte(tmp_path / "tiny")), "--decoder-width", "24", "--steps", "2", "--batch", "1"]
    options += ["--sizes", "64", "--inner", "96", "--held-back", "0.999", "--look-every", "2", "--save-every", "2"]
    with pytest.raises(SystemExit):
        main([*options, "--resume", "--fresh"])
    assert main([*options, "--resume"]) == 2
    held = [one.group for one in find_pictures(shelves)]
    assert len(set(held)) == 1
    assert main([*options, "--held-back", "0", "--workers", "0"]) == 0
    config = SegformerConfig.from_pretrained(output / "model")
    assert config.id2label == dict(enumerate(CLASSES))
    assert config.decoder_hidden_size == 24
    assert stated_size(str(output / "model")) == 96
    assert newest_checkpoint(output) == output / "checkpoint-2"


def test_looks_at_pictures_that_are_held_back_are_logged(shelves: Path, tmp_path: Path) -> None:
    pictures = [replace(one, group=f"aisle {number}") for number, one in enumerate(find_pictures(shelves))]
    recipe = replace(recipe_from(tiny_matte(tmp_path / "tiny"), 2), held_back=0.5)
    train(pictures, recipe, Running(tmp_path / "run", save_every=2, look_every=1, workers=0))
    log = json.loads((tmp_path / "run" / "checkpoint-2" / "trainer_state.json").read_text())["log_history"]
    looks = [entry for entry in log if "eval_miou" in entry]
    assert [entry["step"] for entry in looks] == [1, 2]
    assert all(0 <= entry["eval_miou"] <= 1 for entry in looks)


def test_a_head_of_the_same_width_is_kept_and_only_the_classifier_starts_anew(tmp_path: Path) -> None:
    folder = tiny_matte(tmp_path / "tiny")
    networks = start(str(folder)), start(str(folder), decoder_width=24)
    kept, widened = (one.segformer for one in networks if isinstance(one, SegformerLogits))
    weights = load_file(folder / "model.safetensors")
    assert kept.config.num_labels == 5
    assert torch.equal(kept.decode_head.linear_fuse.weight, weights["decode_head.linear_fuse.weight"])
    assert widened.decode_head.linear_fuse.weight.shape == (24, 96, 1, 1)
    assert widened.decode_head.linear_fuse.weight.std() > 0.05
    for one in (kept, widened):
        found = {name: value for name, value in one.segformer.state_dict().items() if "patch" in name}
        assert found
        assert all(
            torch.equal(value, weights[f"segformer.{name}"])
            for name, value in found.items()
            if f"segformer.{name}" in weights
        )


def test_served_masks_have_the_contracts_shapes(tmp_path: Path) -> None:
    served = ServedShelf(start(str(tiny_matte(tmp_path / "tiny"))).eval(), 64).eval()
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8))
    with torch.inference_mode():
        mask, confidence, embedding = served(pixels)
    assert (mask.shape, mask.dtype) == ((2, 128, 128), torch.uint8)
    assert (confidence.shape, confidence.dtype) == ((2, 32, 32), torch.uint8)
    assert int(confidence.min()) >= 51
    assert embedding.shape == (2, 32)
    assert int(mask.max()) <= 4


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"steps": 0}, "--steps 0: from 1"), ({"inner": 100}, "--inner 100"), ({"held_back": 1.0}, "--held-back 1")],
)
def test_settings_that_make_no_sense_are_named(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ShelvesError, match=says):
        Recipe(**wrong)  # type: ignore[arg-type]


def test_rare_classes_weigh_more_only_where_that_is_asked_for(shelves: Path) -> None:
    pictures = find_pictures(shelves)
    assert torch.equal(class_weights(pictures, 0.0), torch.ones(5))
    weights = class_weights(pictures, 0.5)
    assert weights.mean().item() == pytest.approx(1)
    counts = np.sum([np.bincount(read(one)[1].ravel(), minlength=5) for one in pictures], axis=0)
    assert int(weights.argmax()) == int(counts.argmin())


def test_the_loss_is_least_for_the_truth_and_leaves_unknown_pixels_out() -> None:
    truth = torch.zeros(1, 8, 8, dtype=torch.uint8)
    truth[:, 4:] = 1
    right = torch.nn.functional.one_hot(truth.long(), 5).movedim(-1, 1).float() * 20
    assert shelf_loss(right, truth) < 0.1
    assert shelf_loss(-right, truth) > 1
    hidden = truth.clone()
    hidden[:, 4:] = UNKNOWN
    wrong_below = right.clone()
    wrong_below[:, :, 4:] = right[:, :, 4:].roll(1, dims=1)
    assert shelf_loss(wrong_below, hidden) < 0.1 < shelf_loss(wrong_below, truth)
    assert torch.isfinite(shelf_loss(right, torch.full_like(truth, UNKNOWN)))

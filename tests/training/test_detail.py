import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tests.training.matte_data import ellipse, tiny_checkpoint, write_pairs
from training.__main__ import main
from training.matte.crops import Corners, drawn, taken
from training.matte.detail import WEIGHTS, DetailedMatte, DetailHead, load_head, save_head
from training.matte.detail_trainer import DetailRecipe, DetailRunning, train
from training.matte.errors import MatteError
from training.matte.network import TorchPredictor, load_matte, load_segformer, save_segformer
from training.matte.pairs import find_pairs

SIZE = 128


def matting(folder: Path) -> Path:
    """A network that looks at 64 x 64."""
    save_segformer(load_segformer(str(tiny_checkpoint(folder / "bare"))), folder / "tiny", 64)
    return folder / "tiny"


def recipe(folder: Path, steps: int) -> DetailRecipe:
    return DetailRecipe(
        str(matting(folder)),
        size=SIZE,
        crops=Corners(64, 2),
        pictures=1,
        steps=steps,
        learning_rate=5e-3,
        warmup=2,
    )


def quiet(output: Path, save_every: int = 100) -> DetailRunning:
    return DetailRunning(output, save_every=save_every, workers=0)


def test_a_new_head_only_enlarges() -> None:
    torch.manual_seed(0)
    planes, logits = torch.randn(2, 3, 64, 64), 30 * torch.randn(2, 1, 8, 8)
    wanted = torch.nn.functional.interpolate(logits, size=(64, 64), mode="bilinear", align_corners=False)
    assert torch.equal(DetailHead()(planes, logits), wanted)


def test_print_on_a_subject_and_marks_on_the_ground_are_left_alone() -> None:
    torch.manual_seed(0)
    head = DetailHead()
    torch.nn.init.normal_(head.outwards.weight, std=5)
    logits = torch.full((1, 1, 16, 16), 6.0)
    logits[..., 8:] = -6.0
    found = head(torch.randn(1, 3, 128, 128), logits)
    enlarged = torch.nn.functional.interpolate(logits, size=(128, 128), mode="bilinear", align_corners=False)
    changed = (found - enlarged).abs()[0, 0] > 1e-4
    assert changed[:, 56:72].float().mean() > 0.9
    assert not changed[:, :36].any()
    assert not changed[:, 92:].any()


def test_a_head_learns_where_edges_are() -> None:
    torch.manual_seed(0)
    head = DetailHead()
    optimiser = torch.optim.AdamW(head.parameters(), lr=3e-3)
    errors = []
    for seed in range(60):
        _, alpha = ellipse(seed, (SIZE, SIZE))
        true = torch.from_numpy(alpha)[None, None].float() / 255
        planes = (true - 0.5).expand(1, 3, -1, -1) + 0.05 * torch.randn(1, 3, SIZE, SIZE)
        coarse = torch.from_numpy(cv2.resize(alpha, (8, 8), interpolation=cv2.INTER_AREA))[None, None].float() / 32 - 4
        found = head(planes, coarse).sigmoid()
        error = (found - true).abs().mean()
        errors.append(float(error.detach()))
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
    assert np.mean(errors[-5:]) < 0.5 * np.mean(errors[:5])


def test_training_changes_the_head_alone_and_what_is_served(tmp_path: Path) -> None:
    pairs = find_pairs(write_pairs(tmp_path / "data", 3))
    wanted = recipe(tmp_path, 4)
    result = train(pairs, wanted, quiet(tmp_path / "run"))
    before, after = load_matte(wanted.checkpoint).state_dict(), load_matte(str(result)).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    head = load_head(result)
    assert head is not None
    assert bool(head.outwards.weight.any())
    picture = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE, 3), np.uint8)
    plain = TorchPredictor(wanted.checkpoint, SIZE, inner=64)(picture)
    assert not np.array_equal(plain, TorchPredictor(str(result), SIZE)(picture))
    (result / WEIGHTS).unlink()
    assert np.array_equal(plain, TorchPredictor(str(result), SIZE)(picture))


def test_a_resumed_run_ends_with_the_head_of_an_unbroken_one(tmp_path: Path) -> None:
    pairs = find_pairs(write_pairs(tmp_path / "data", 3))
    wanted = recipe(tmp_path, 4)
    train(pairs, wanted, quiet(tmp_path / "whole", 2))
    (tmp_path / "broken").mkdir()
    (tmp_path / "whole" / "checkpoint-2").rename(tmp_path / "broken" / "checkpoint-2")
    torch.manual_seed(99)
    train(pairs, wanted, quiet(tmp_path / "broken", 2))
    whole, resumed = (load_file(tmp_path / name / "model" / WEIGHTS) for name in ("whole", "broken"))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_a_folders_own_head_is_trained_further(tmp_path: Path) -> None:
    pairs = find_pairs(write_pairs(tmp_path / "data", 2))
    first = train(pairs, recipe(tmp_path, 2), quiet(tmp_path / "first"))
    again = replace(recipe(tmp_path, 1), checkpoint=str(first), learning_rate=1e-9)
    second = train(pairs, again, quiet(tmp_path / "second"))
    one, other = load_file(first / WEIGHTS), load_file(second / WEIGHTS)
    assert all(torch.allclose(one[key], other[key], atol=1e-6) for key in one)


@given(st.integers(0, 2**32 - 1), st.sampled_from([32, 64, 96, 128]), st.booleans())
def test_squares_lie_inside_and_on_the_grid(seed: int, side: int, empty: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(seed)
    alpha = np.zeros((SIZE, SIZE), np.uint8) if empty else ellipse(seed, (SIZE, SIZE))[1]
    for top, left in drawn(alpha, Corners(side, 4), rng):
        assert top % 16 == left % 16 == 0
        assert 0 <= top <= SIZE - side
        assert 0 <= left <= SIZE - side


def test_squares_of_picture_and_coarse_answer_show_the_same_place() -> None:
    ramp = torch.arange(64.0).view(1, 1, 1, 64).expand(1, 2, 64, 64)
    coarse = torch.nn.functional.avg_pool2d(ramp, 8)
    corners = torch.tensor([[0, 16, 32], [0, 0, 0]])
    squares = torch.nn.functional.avg_pool2d(taken(ramp, corners, 32), 8)
    assert torch.equal(squares, taken(coarse, corners, 32, 8))


@pytest.mark.parametrize("damage", ["cut short", "other network", "lacks a tensor"])
def test_a_damaged_head_is_named(tmp_path: Path, damage: str) -> None:
    save_head(DetailHead(), tmp_path)
    path = tmp_path / WEIGHTS
    weights = load_file(path)
    if damage == "cut short":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "other network":
        save_file({"weight": torch.zeros(2)}, path)
    else:
        del weights["merge.1.0.bias"]
        save_file(weights, path)
    with pytest.raises(MatteError, match="not the weights of a detail head"):
        load_head(tmp_path)


def test_sizes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    folder = matting(tmp_path)
    save_head(DetailHead(), folder)
    with pytest.raises(MatteError, match="multiple of 64, not 96"):
        TorchPredictor(str(folder), 96)


def test_the_network_sees_areas_averaged() -> None:
    class Seen(torch.nn.Module):
        def forward(self, pixel_values: torch.Tensor) -> object:
            self.shape = tuple(pixel_values.shape)
            return type("Answer", (), {"logits": pixel_values[:, :1]})

    seen = Seen()
    planes = torch.randn(1, 3, 64, 64)
    found = DetailedMatte(seen, DetailHead(), 32)(planes)
    assert seen.shape == (1, 3, 32, 32)
    assert found.shape == (1, 1, 64, 64)


def test_the_command_names_what_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["detail", "--checkpoint", str(matting(tmp_path)), "--output", str(tmp_path / "run")]
    data = str(write_pairs(tmp_path / "data", 1))
    assert main([*words, "--data", data, "--size", "128", "--crop", "256"]) == 2
    assert "--crop 256 is larger than --size 128" in capsys.readouterr().err
    assert main([*words, "--data", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words, "--data", data, "--size", "100"])
    assert "expected a multiple of 32" in capsys.readouterr().err


def test_the_command_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["detail", "--checkpoint", str(matting(tmp_path)), "--output", str(tmp_path / "run")]
    words += ["--data", str(write_pairs(tmp_path / "data", 2)), "--size", "128", "--crop", "64", "--workers", "0"]
    assert main([*words, "--steps", "2", "--pictures", "1", "--crops", "1"]) == 0
    assert "done: " in capsys.readouterr().out
    state = json.loads((tmp_path / "run" / "checkpoint-2" / "trainer_state.json").read_text())
    assert state["global_step"] == 2

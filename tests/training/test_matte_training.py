import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import metadata_load
from safetensors.torch import load_file

from export import licence
from tests.training.matte_data import ellipse, tiny_checkpoint, write_pairs
from tests.training.processes import two_processes
from training.__main__ import main
from training.matte import average
from training.matte.augment import sample
from training.matte.average import newest_checkpoint
from training.matte.checkpoint import bases, note_bases
from training.matte.errors import MatteError
from training.matte.evaluation import evaluate
from training.matte.head import fold_head
from training.matte.loss import edge_weight, matte_loss
from training.matte.metrics import mean
from training.matte.network import TorchPredictor, fresh_segformer, load_segformer, save_segformer
from training.matte.pairs import find_pairs
from training.matte.stream import BatchStream
from training.matte.trainer import Recipe, Running, train
from training.stages import Stage


def tiny_recipe(folder: Path, steps: int, size: int = 64) -> Recipe:
    return Recipe(
        checkpoint=str(tiny_checkpoint(folder / "tiny")),
        steps=steps,
        batch=1,
        stages=(Stage(size, 1),),
        learning_rate=3e-3,
        warmup=5,
        average=0.9,
    )


def test_a_few_pairs_are_learnt(tmp_path: Path) -> None:
    pairs = find_pairs(write_pairs(tmp_path / "data", 6))
    recipe = tiny_recipe(tmp_path, steps=60)
    before = mean([s.figures for s in evaluate(TorchPredictor(str(recipe.checkpoint), 64), pairs)])
    result = train(pairs, recipe, Running(tmp_path / "run", save_every=50, workers=0))
    after = mean([s.figures for s in evaluate(TorchPredictor(str(result), 64), pairs)])
    state = json.loads((tmp_path / "run" / "checkpoint-50" / "trainer_state.json").read_text())
    losses = [entry["loss"] for entry in state["log_history"]]
    assert losses[-1] < losses[0] * 0.8
    assert after.iou > 0.8 > before.iou
    assert after.mae < before.mae


def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    pairs = find_pairs(write_pairs(tmp_path / "data", 5))
    recipe = tiny_recipe(tmp_path, steps=6)
    train(pairs, recipe, Running(tmp_path / "whole", save_every=3, workers=0))
    torch.manual_seed(99)
    broken = tmp_path / "broken"
    broken.mkdir()
    (tmp_path / "whole" / "checkpoint-3").rename(broken / "checkpoint-3")
    train(pairs, recipe, Running(broken, save_every=3, workers=0))
    for name in ("model/model.safetensors", "checkpoint-6/model.safetensors", "checkpoint-6/average.safetensors"):
        whole, resumed = load_file(tmp_path / "whole" / name), load_file(broken / name)
        assert whole.keys() == resumed.keys()
        assert all(torch.equal(whole[key], resumed[key]) for key in whole), name


@pytest.mark.timeout(600)  # two launches, each of which imports torch three times
def test_two_processes_train_one_network_and_go_on_from_its_checkpoint(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data", 5)
    checkpoint = tiny_checkpoint(tmp_path / "tiny")
    options = ["--data", str(folder), "--output", str(tmp_path / "run"), "--sizes", "64", "--batch", "1"]
    options += ["--workers", "0", "--save-every", "2", "--checkpoint", str(checkpoint)]
    for steps in ("2", "4"):
        done = two_processes(["matte", *options, "--steps", steps])
        assert done.returncode == 0, done.stderr
    first, last = (load_file(tmp_path / "run" / f"checkpoint-{n}" / "model.safetensors") for n in (2, 4))
    assert any(not torch.equal(first[key], last[key]) for key in first)
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
    assert newest_checkpoint(tmp_path / "run") == tmp_path / "run" / "checkpoint-4"


def base_models(folder: Path) -> list[str]:
    facts = metadata_load(folder / "README.md")
    assert facts is not None
    names: list[str] = facts["base_model"]
    return names


def test_the_licence_of_the_start_binds_what_is_trained_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = find_pairs(write_pairs(tmp_path / "data", 2))
    tiny_checkpoint(tmp_path / "nvidia" / "segformer-b0")
    tiny_checkpoint(tmp_path / "other")
    recipe = Recipe("nvidia/segformer-b0", steps=1, batch=1, stages=(Stage(64, 1),))
    first = train(pairs, recipe, Running(Path("first"), save_every=1, workers=0))
    assert base_models(first) == base_models(Path("first/checkpoint-1")) == ["nvidia/segformer-b0"]
    running = Running(Path("second"), save_every=1, workers=0)
    second = train(pairs, replace(recipe, checkpoint="first/model"), running)
    assert base_models(second) == ["first/model", "nvidia/segformer-b0"]
    resumed = train(pairs, replace(recipe, checkpoint="other", steps=2), running)
    assert base_models(resumed) == ["other", "first/model", "nvidia/segformer-b0"]
    terms = licence.detect("second/model", resumed, "Apache-2.0")
    assert (terms.name, terms.commercial) == ("LicenseRef-NVIDIA-SegFormer", False)


def test_weights_of_ones_own_have_no_base(tmp_path: Path) -> None:
    save_segformer(load_segformer(str(tiny_checkpoint(tmp_path / "tiny"))), tmp_path / "saved", 64)
    assert not (tmp_path / "saved" / "README.md").exists()


def test_the_base_stands_beside_what_a_card_says_already(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: mit\nbase_model: someone/else\n---\n# Mine\n")
    assert bases(str(tmp_path)) == ("someone/else",)
    note_bases(tmp_path, ("nvidia/mit-b0",))
    assert base_models(tmp_path) == ["nvidia/mit-b0"]
    text = (tmp_path / "README.md").read_text()
    assert "license: mit" in text
    assert text.endswith("# Mine\n")


@pytest.mark.parametrize("text", ["---\nbase_model: [\n---\n", "---\n- 1\n---\n"])
def test_a_broken_card_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(MatteError, match=r"README\.md: its front matter is not readable"):
        bases(str(tmp_path))


def test_a_checkpoint_cut_short_is_not_resumed_from(tmp_path: Path) -> None:
    for step, name in ((5, "average.safetensors"), (10, "model.safetensors")):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / name).touch()
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-5"


def test_a_run_ended_while_it_writes_a_checkpoint_leaves_none_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(_: object, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(average, "save_file", cut_short)
    with pytest.raises(KeyboardInterrupt):
        train(
            find_pairs(write_pairs(tmp_path / "data", 2)),
            tiny_recipe(tmp_path, steps=1),
            Running(tmp_path / "run", save_every=1, workers=0),
        )
    assert (tmp_path / "run" / "checkpoint-1").is_dir()
    assert newest_checkpoint(tmp_path / "run") is None


def test_the_stream_is_fixed_by_seed_and_step_and_shows_every_picture_once_an_epoch(tmp_path: Path) -> None:
    pairs = find_pairs(write_pairs(tmp_path, 8))
    stages = (Stage(64, 0.5), Stage(128, 0.5))
    one, two = (BatchStream(pairs, stages, steps=4, batch=4, seed=7) for _ in range(2))
    other = BatchStream(pairs, stages, steps=4, batch=4, seed=8)
    assert [one.schedule.size_at(step) for step in range(4)] == [64, 64, 128, 128]
    assert torch.equal(one[3]["pixels"], two[3]["pixels"])
    assert not torch.equal(one[3]["pixels"], other[3]["pixels"])
    assert one[0]["pixels"].shape == (64, 3, 64, 64)
    assert one[2]["alpha"].shape == (16, 1, 128, 128)
    drawn = [one._item_at(draw).name for draw in range(16)]
    assert sorted(drawn[:8]) == sorted(drawn[8:]) == [p.name for p in pairs]
    assert drawn[:8] != drawn[8:]
    assert [one._first_draw(step) for step in range(5)] == [0, 64, 128, 144, 160]


def test_samples_keep_picture_and_alpha_together() -> None:
    for seed in range(20):
        picture, alpha = sample(*ellipse(seed), 64, np.random.default_rng(seed))
        assert picture.shape == (64, 64, 3)
        assert picture.dtype == alpha.dtype == np.uint8
        light = picture.astype(float).mean(axis=-1)
        assert 0 < (alpha > 128).mean() < 0.95
        assert light[alpha > 200].mean() > light[alpha < 20].mean() + 10


def test_the_edge_weighs_most() -> None:
    alpha = torch.zeros(1, 1, 32, 64)
    alpha[..., 32:] = 1
    weight = edge_weight(alpha)[0, 0, 16]
    assert weight[0] == weight[-1] == 1
    assert int(weight.argmax()) in {31, 32}
    assert weight[31].item() == pytest.approx(1 + 4 * 7 / 15)


def test_the_loss_is_least_for_the_truth_and_takes_smaller_logits() -> None:
    alpha = torch.zeros(2, 1, 32, 32)
    alpha[..., 16:] = 1
    right, wrong = (torch.where(alpha[..., ::4, ::4] > 0, value, -value) for value in (9.0, -9.0))
    assert matte_loss(right, alpha) < 0.7
    assert matte_loss(wrong, alpha) > 3
    assert matte_loss((alpha - 0.5) * 60, alpha) < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "DATA", "--checkpoint", "/nowhere"], "/nowhere: cannot be loaded as a SegFormer"),
        (["--data", "DATA", "--resume"], "no checkpoint to resume from"),
        (["--data", "EMPTY"], "EMPTY: no pictures"),
    ],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    write_pairs(tmp_path / "DATA", 2)
    (tmp_path / "EMPTY").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["matte", "--output", "run", *options]) == 2
    assert message in capsys.readouterr().err


def test_a_broken_picture_ends_the_training_with_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_pairs(tmp_path / "data", 2)
    image = folder / "images" / "001.jpg"
    image.write_bytes(image.read_bytes()[:700])
    checkpoint = str(tiny_checkpoint(tmp_path / "tiny"))
    options = ["--checkpoint", checkpoint, "--steps", "2", "--sizes", "64", "--workers", "0"]
    assert main(["matte", "--data", str(folder), "--output", str(tmp_path / "run"), *options]) == 2
    assert "001.jpg: not a readable picture" in capsys.readouterr().err


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 160)])
def test_the_folded_head_is_the_head(height: int, width: int) -> None:
    torch.manual_seed(0)
    network = fresh_segformer(32).train()
    folded = fold_head(copy.deepcopy(network))
    pixels = torch.randn(2, 3, height, width)
    results = [model(pixel_values=pixels).logits for model in (network, folded)]
    assert results[0].shape == (2, 1, height // 4, width // 4)
    assert torch.allclose(results[0], results[1], atol=1e-5)
    for result in results:
        result.square().sum().backward()
    wanted, found = (dict(model.decode_head.named_parameters()) for model in (network, folded))
    assert wanted.keys() == found.keys()
    for name, parameter in wanted.items():
        gradient, other = parameter.grad, found[name].grad
        assert gradient is not None
        assert other is not None
        assert torch.allclose(gradient, other, rtol=1e-3, atol=1e-4 * float(gradient.abs().max()) + 1e-5), name


def test_a_fresh_network_lets_every_block_take_part() -> None:
    torch.manual_seed(0)
    network = fresh_segformer(32).train(mode=False)
    seen: dict[str, tuple[float, float]] = {}

    def keep(name: str, before: torch.Tensor, after: torch.Tensor) -> None:
        seen[name] = (float((after - before).std()), float(before.std()))

    for name, module in network.named_modules():
        if name.split(".")[-2:-1] == ["blocks"]:
            module.register_forward_hook(
                lambda _, inputs, output, name=name: keep(
                    name, inputs[0], output[0] if isinstance(output, tuple) else output
                )
            )
    with torch.no_grad():
        network(pixel_values=torch.randn(2, 3, 64, 64))
    assert len(seen) == 8
    assert all(0.1 < change / stream < 3 for change, stream in seen.values()), seen

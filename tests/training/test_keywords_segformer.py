"""A SegFormer's encoder as the tower of a keyword classifier."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerModel
from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil

from tests.training.keyword_data import prepare
from training.dataset.shards import Shards
from training.keywords.errors import KeywordsError
from training.keywords.evaluation import evaluate
from training.keywords.network import load_classifier, load_tower
from training.keywords.predictor import TorchPredictor
from training.keywords.recipe import Recipe, Running, Tuning
from training.keywords.trainer import Trained, train
from training.keywords.tuning import tune


@pytest.fixture(scope="module")
def matte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training of mattes leaves: encoder and decoder."""
    folder = tmp_path_factory.mktemp("matte")
    torch.manual_seed(2)
    config = SegformerConfig(
        hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 2], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    SegformerImageProcessorPil().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("data"))


def trained(data: Path, output: Path, checkpoint: Path, tuning: Tuning) -> Trained:
    recipe = Recipe(
        str(checkpoint), steps=24, batch=6, tuning=tuning, learning_rate=3e-3, head_learning_rate=0.1, patience=0
    )
    return train(Shards.open(data), recipe, Running(output, workers=0))


def test_it_learns_whole_and_is_stored_as_transformers_reads_it(matte: Path, data: Path, tmp_path: Path) -> None:
    found = trained(data, tmp_path, matte, "full")
    seen = evaluate(TorchPredictor(found.folder), Shards.open(data), "test")
    assert seen.figures.macro_accuracy > 0.6, "a guess is right in a third"
    pixels = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    classifier, _ = load_classifier(found.folder)
    plain: Any = SegformerModel.from_pretrained(found.folder)
    plain.eval()
    with torch.inference_mode():
        planes = (pixels.permute(0, 3, 1, 2) / 255 - classifier.mean) / classifier.deviation
        cells = plain(pixel_values=planes).last_hidden_state
        wanted = torch.nn.functional.normalize(cells.mean((2, 3)), dim=-1)
        assert torch.allclose(classifier.features(pixels), wanted, atol=1e-5)
        assert classifier.features(pixels[:, :96, :96]).shape == wanted.shape, "any side"


def test_adapters_are_merged(matte: Path, data: Path, tmp_path: Path) -> None:
    stored, _ = load_classifier(trained(data, tmp_path, matte, "lora").folder)
    before, after = load_tower(str(matte)).state_dict(), stored.tower.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(".attention." in name for name in changed)


def test_its_last_blocks_are_those_of_its_last_stages(matte: Path) -> None:
    tower = tune(load_tower(str(matte)), "blocks", blocks=3, rank=1)
    learning = {
        name.removeprefix("encoder.").split(".blocks.")[0]
        for name, one in tower.named_parameters()
        if one.requires_grad
    }
    assert learning == {"stages.2", "stages.3", "stages.3.layer_norm.weight", "stages.3.layer_norm.bias"}
    with pytest.raises(KeywordsError, match="this tower has 5, from 1 to 5 can learn"):
        tune(load_tower(str(matte)), "blocks", blocks=6, rank=1)


def test_an_encoder_that_lacks_weights_is_refused(matte: Path, tmp_path: Path) -> None:
    SegformerModel.from_pretrained(matte).save_pretrained(tmp_path)
    config = SegformerConfig.from_pretrained(tmp_path)
    config.depths = [1, 1, 1, 3]
    config.save_pretrained(tmp_path)
    with pytest.raises(KeywordsError, match=r"lacks stages\.3\.blocks\.2"):
        load_tower(str(tmp_path))

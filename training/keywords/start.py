"""What a training begins with: a tower, a head, and prompts where the checkpoint can read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.keywords.errors import KeywordsError
from training.keywords.head import HeadConfig, HeadKind, KeywordHead
from training.keywords.network import (
    Classifier,
    Levels,
    Tower,
    fresh_tower,
    is_classifier,
    levels_of,
    load_classifier,
    load_tower,
)
from training.keywords.pictures import Part, framed
from training.keywords.recipe import Recipe
from training.keywords.sampler import few_shot
from training.keywords.texts import Texts, has_text_tower, load_texts
from training.keywords.tuning import tune
from training.matte.checkpoint import bases

_MEAN_OF, _SCALE, _AT_ONCE = 64, 16.0, 32


@dataclass(frozen=True)
class Start:
    """`texts` is the text tower where it learns, too; `bases` are the weights that all this comes from."""

    classifier: Classifier
    config: HeadConfig
    texts: Texts | None
    bases: tuple[str, ...]


def start(recipe: Recipe, labels: Sequence[str], part: Part) -> Start:
    """Build what the recipe asks for, for these labels; `part` are the training pictures.

    Raises:
        KeywordsError: a checkpoint that cannot be used, or nothing that could learn.
    """
    if recipe.checkpoint is None and recipe.tuning != "full":
        raise KeywordsError("a tower with random weights has to learn whole: --tuning full, or name a --checkpoint")
    stored = recipe.checkpoint is not None and is_classifier(recipe.checkpoint) and not recipe.new_head
    classifier, config = _stored(recipe, tuple(labels)) if stored else _new(recipe, tuple(labels))
    texts = _texts(recipe, config) if config.head == "prototypes" and not stored else None
    if config.head == "prototypes" and not stored:
        _place(classifier, texts, part)
        config = replace(config, prompts=recipe.prompts if texts else None)
    _release(classifier, texts, recipe)
    classifier.tower = tune(classifier.tower, recipe.tuning, blocks=recipe.blocks, rank=recipe.rank)
    learning = _tuned(texts, recipe) if recipe.tune_text else None
    _insist(classifier, learning, config, recipe)
    return Start(classifier, config, learning, _bases(recipe))


def _stored(recipe: Recipe, labels: tuple[str, ...]) -> tuple[Classifier, HeadConfig]:
    classifier, config = load_classifier(Path(str(recipe.checkpoint)))
    if config.labels != labels:
        raise KeywordsError(f"{recipe.checkpoint}: {_difference(config.labels, labels)}; for other ones add --new-head")
    if recipe.head not in (None, config.head):
        raise KeywordsError(f"{recipe.checkpoint}: its head is {config.head}; for another one add --new-head")
    if recipe.loss == "contrastive" and config.head != "prototypes":
        raise KeywordsError(f"{recipe.checkpoint}: its head is {config.head}, --loss contrastive needs prototypes")
    return classifier, config


def _difference(known: Sequence[str], wanted: Sequence[str]) -> str:
    lacks, more = ([one for one in first if one not in other] for first, other in ((wanted, known), (known, wanted)))
    if not lacks and not more:
        return "its keywords are in another order than the data set's"
    parts = [("does not know", lacks), ("knows beside the data set's", more)]
    return "; ".join(f"{text} {', '.join(names)}" for text, names in parts if names)


def _new(recipe: Recipe, labels: tuple[str, ...]) -> tuple[Classifier, HeadConfig]:
    kind: HeadKind = recipe.head or ("prototypes" if recipe.loss == "contrastive" else "linear")
    tower: Tower
    if recipe.checkpoint is None:
        tower, levels = fresh_tower(recipe.fresh), Levels()
    else:
        tower = load_tower(recipe.checkpoint, recipe.revision)
        levels = levels_of(recipe.checkpoint, recipe.revision)
    width = int(tower.config.projection_dim)
    hidden = (recipe.hidden or width) if kind == "mlp" else None
    head = KeywordHead(kind, width, len(labels), hidden)
    return Classifier(tower, head, levels).eval(), HeadConfig(labels, kind, hidden)


def _texts(recipe: Recipe, config: HeadConfig) -> Texts | None:
    if recipe.prototypes == "pictures":
        return None
    if recipe.checkpoint is None or not has_text_tower(recipe.checkpoint, recipe.revision):
        if recipe.prototypes == "prompts":
            raise KeywordsError(f"{recipe.checkpoint or 'a fresh tower'}: has no text tower; --prototypes pictures")
        return None
    return load_texts(recipe.checkpoint, config.labels, recipe.prompts, recipe.revision).eval()


def _place(classifier: Classifier, texts: Texts | None, part: Part) -> None:
    """Prototypes are what the prompts look like, or without text tower the mean of a keyword's pictures."""
    if texts is not None:
        classifier.head.place(texts.prototypes(), texts.scale)
        return
    chosen = part.take(few_shot(part.labels, _MEAN_OF, seed=0))
    features = [_features(classifier, chosen, first) for first in range(0, len(chosen), _AT_ONCE)]
    found = torch.cat([torch.zeros(0, classifier.head.prototypes.shape[1]), *features])
    prototypes = classifier.head.prototypes.detach().clone()
    for label in np.unique(chosen.labels):
        prototypes[int(label)] = functional.normalize(found[torch.from_numpy(chosen.labels == label)].mean(0), dim=-1)
    classifier.head.place(prototypes, _SCALE)


@torch.inference_mode()
def _features(classifier: Classifier, part: Part, first: int) -> Tensor:
    last = min(first + _AT_ONCE, len(part))
    pixels = np.stack([framed(part.picture(index)) for index in range(first, last)])
    return classifier.features(torch.from_numpy(pixels))


def _release(classifier: Classifier, texts: Texts | None, recipe: Recipe) -> None:
    """Prototypes that come from prompts do not learn by themselves where pictures are brought to the prompts."""
    if texts is not None and recipe.loss == "contrastive":
        classifier.head.requires_grad_(requires_grad=False)


def _tuned(texts: Texts | None, recipe: Recipe) -> Texts:
    if texts is None:
        raise KeywordsError(f"--tune-text: {recipe.checkpoint or 'a fresh tower'} has no text tower, or no new head")
    plain: Any = texts
    plain.tower = tune(texts.tower, recipe.tuning, blocks=recipe.blocks, rank=recipe.rank)
    texts.projection.requires_grad_(recipe.tuning in ("full", "blocks"))
    return texts


def _insist(classifier: Classifier, learning: Texts | None, config: HeadConfig, recipe: Recipe) -> None:
    modules: list[nn.Module] = [classifier, *([] if learning is None else [learning])]
    learns = any(parameter.requires_grad for module in modules for parameter in module.parameters())
    if recipe.steps != 0 and not learns:
        raise KeywordsError("nothing learns: the towers are frozen and prompts are fixed; take another --tuning")
    if recipe.steps == 0 and config.head != "prototypes":
        raise KeywordsError(f"without steps a {config.head} head knows nothing; take --head prototypes")


def _bases(recipe: Recipe) -> tuple[str, ...]:
    if recipe.checkpoint is None:
        return ()
    return tuple(dict.fromkeys([recipe.checkpoint, *bases(recipe.checkpoint, recipe.revision)]))

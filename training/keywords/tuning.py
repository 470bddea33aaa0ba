"""How much of the tower learns: nothing, its last blocks, all of it, or small matrices beside its own."""

import re
from typing import Any

from torch import nn

from training.keywords.errors import KeywordsError
from training.keywords.network import Classifier
from training.keywords.recipe import Tuning

_BLOCK = re.compile(r"(?:^|\.)layers\.(\d+)\.")
# Behind the last block: they learn with it.
_ENDS = ("post_layernorm", "final_layer_norm", "projection")
_LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj")


def tune(tower: nn.Module, tuning: Tuning, *, blocks: int, rank: int) -> nn.Module:
    """The tower with what shall learn set to; for `lora` it is a model of `peft` around it.

    `blocks` counts from the last one. LoRA (Hu et al. 2021) goes to the four matrices of each attention.
    """
    if tuning == "lora":
        return _with_lora(tower, rank)
    tower.requires_grad_(tuning == "full")
    if tuning == "blocks":
        _release_last(tower, blocks)
    return tower


def _release_last(tower: nn.Module, blocks: int) -> None:
    numbers = [int(found[1]) for name, _ in tower.named_parameters() if (found := _BLOCK.search(name))]
    count = max(numbers, default=-1) + 1
    if not 0 < blocks <= count:
        raise KeywordsError(f"--blocks {blocks}: this tower has {count}, from 1 to {count} can learn")
    for name, parameter in tower.named_parameters():
        found = _BLOCK.search(name)
        learns = int(found[1]) >= count - blocks if found else any(end in name for end in _ENDS)
        parameter.requires_grad_(learns)


def _with_lora(tower: nn.Module, rank: int) -> nn.Module:
    from peft import LoraConfig
    from peft.tuners.lora import LoraModel

    if rank < 1:
        raise KeywordsError(f"--rank {rank}: from 1")
    settings = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=list(_LORA_TARGETS))
    found: nn.Module = LoraModel(tower, settings, "default")
    return found


def merged(classifier: Classifier) -> Classifier:
    """The classifier as it is stored: LoRA's matrices are added to the tower's own."""
    merge: Any = getattr(classifier.tower, "merge_and_unload", None)
    if merge is not None:
        classifier.tower = merge()
    return classifier

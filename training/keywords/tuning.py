"""How much of the tower learns: nothing, its last blocks, all of it, or small matrices beside its own."""

import re
from typing import Any

from torch import nn

from training.keywords.errors import KeywordsError
from training.keywords.network import Classifier
from training.keywords.recipe import Tuning

_BLOCK = re.compile(r"(?:^|\.)((?:layers|stages\.\d+\.blocks)\.\d+)\.")
# Behind the last block: they learn with it.
_ENDS = ("post_layernorm", "final_layer_norm", "projection", "stages.3.layer_norm")
_LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "o_proj")


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
    names = [found[1] for name, _ in tower.named_parameters() if (found := _BLOCK.search(name))]
    in_order = list(dict.fromkeys(names))
    if not 0 < blocks <= len(in_order):
        raise KeywordsError(f"--blocks {blocks}: this tower has {len(in_order)}, from 1 to {len(in_order)} can learn")
    last = in_order[-blocks:]
    for name, parameter in tower.named_parameters():
        found = _BLOCK.search(name)
        parameter.requires_grad_(found[1] in last if found else any(end in name for end in _ENDS))


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

"""What is made small: cross-entropy, or the contrast between pictures and keywords."""

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    return functional.cross_entropy(logits.float(), labels, weight=weights, label_smoothing=smoothing)


def contrastive(logits: Tensor, labels: Tensor) -> Tensor:
    """CLIP's symmetric loss with keywords for texts: `logits` [n, labels] are scaled cosines.

    Each picture has to find its keyword among all, and each keyword of the batch its pictures among the batch's. As
    one keyword has several pictures, it may share its probability among them (Khosla et al. 2020; the prompts of the
    classes as texts: Goyal et al. 2023).
    """
    logits = logits.float()
    to_keyword = functional.cross_entropy(logits, labels)
    present = torch.unique(labels)
    wanted = (labels[None] == present[:, None]).float()
    wanted = wanted / wanted.sum(dim=1, keepdim=True)
    to_pictures = functional.cross_entropy(logits.T[present], wanted)
    return (to_keyword + to_pictures) / 2

"""What a matte is punished for: wrong pixels, a wrong region, and most of all a wrong edge."""

import torch
from torch import Tensor
from torch.nn import functional

EDGE_WINDOW = 15
EDGE_GAIN = 4.0


def edge_weight(alpha: Tensor) -> Tensor:
    """Weight per pixel, 1 far from the edge and up to 1 + EDGE_GAIN on it; alpha FP32 [B, 1, H, W] in 0..1.

    The weighting of F3Net (Wei et al., AAAI 2020): how far a pixel differs from the mean of its surroundings.
    """
    window = _mean_along(_mean_along(alpha, (EDGE_WINDOW, 1)), (1, EDGE_WINDOW))
    return 1 + EDGE_GAIN * (window - alpha).abs()


def _mean_along(alpha: Tensor, window: tuple[int, int]) -> Tensor:
    padding = (window[0] // 2, window[1] // 2)
    return functional.avg_pool2d(alpha, window, stride=1, padding=padding, count_include_pad=False)


def matte_loss(logits: Tensor, alpha: Tensor) -> Tensor:
    """BCE + soft IoU + L1 on alpha, each weighted to the edge; scalar FP32.

    `logits` [B, 1, h, w] are brought to the size of `alpha` FP32 [B, 1, H, W] first: judged is what serving shows.
    """
    logits = functional.interpolate(logits.float(), size=alpha.shape[-2:], mode="bilinear", align_corners=False)
    weight = edge_weight(alpha)
    share = weight / weight.sum(dim=(1, 2, 3), keepdim=True)
    bce = (functional.binary_cross_entropy_with_logits(logits, alpha, reduction="none") * share).sum(dim=(1, 2, 3))
    predicted = logits.sigmoid()
    distance = ((predicted - alpha).abs() * share).sum(dim=(1, 2, 3))
    common = (torch.minimum(predicted, alpha) * weight).sum(dim=(1, 2, 3))
    union = (torch.maximum(predicted, alpha) * weight).sum(dim=(1, 2, 3))
    region = 1 - (common + 1) / (union + 1)
    return (bce + region + distance).mean()

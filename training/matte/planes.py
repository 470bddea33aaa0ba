"""A whole SegFormer computed in another order, for graphs: the same values in three quarters of the time on a CPU.

A graph does not say what ONNX Runtime may leave out or put together, so that it computes what is written. Here wide
features stay planes, which its fast convolutions take, and attention goes through the core's cache.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fuse_conv_bn_eval
from transformers import SegformerForSemanticSegmentation
from transformers.models.segformer.modeling_segformer import (
    SegformerAttention,
    SegformerDecodeHead,
    SegformerLayer,
    SegformerStage,
)

SCORES = 2**18  # of attention, all heads', that are computed at a time for one picture


class PlanarSegformer(nn.Module):
    """A SegFormer of Xie et al. (NeurIPS 2021) in evaluation, from one of `transformers`, whose parts it shares."""

    def __init__(self, network: SegformerForSemanticSegmentation) -> None:
        super().__init__()
        with torch.no_grad():
            self.stages = nn.ModuleList(_Stage(cast("SegformerStage", stage)) for stage in network.segformer.stages)
            self.head = _Head(network.decode_head)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """FP32 [B, 3, S, S] to logits [B, labels, S / 4, S / 4] and the deepest features [B, C, S / 32, S / 32]."""
        levels = [pixels]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        return self.head(levels[1:]), levels[-1]


class _Stage(nn.Module):
    def __init__(self, stage: SegformerStage) -> None:
        super().__init__()
        self.embeddings, self.norm = stage.patch_embeddings.proj, stage.patch_embeddings.layer_norm
        self.blocks = nn.Sequential(*(_Block(cast("SegformerLayer", block)) for block in stage.blocks))
        self.last = stage.layer_norm

    def forward(self, planes: Tensor) -> Tensor:
        return _planes(self.last(self.blocks(self.norm(_tokens(self.embeddings(planes))))))


class _Block(nn.Module):
    """Tokens [B, H, W, C] to the same. With a dimension less, ONNX Runtime would take a slower kernel for the sum."""

    def __init__(self, block: SegformerLayer) -> None:
        super().__init__()
        self.before, self.after = block.layernorm_before, block.layernorm_after
        self.attention = _Attention(block.attention)
        mlp = block.mlp
        self.mlp = nn.Sequential(_pointwise(mlp.fc1), mlp.dwconv.dwconv, mlp.activation_fn, _pointwise(mlp.fc2))

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.before(tokens))
        return tokens + _tokens(self.mlp(_planes(self.after(tokens))))


class _Attention(nn.Module):
    """What each query sees adds up to one. So the bias of the values goes into the last one, and that of the keys,
    which adds the same to all that a query compares, changes nothing. Of a single head, the values contain the last
    product.
    """

    def __init__(self, attention: SegformerAttention) -> None:
        super().__init__()
        self.heads = attention.num_attention_heads
        reduced = attention.sequence_reduction_ratio > 1
        self.reduce = attention.sequence_reduction.sequence_reduction if reduced else None
        self.norm = attention.sequence_reduction.layer_norm if reduced else None
        query, value, out = attention.q_proj, attention.v_proj, attention.o_proj
        bias = out.weight @ value.bias + out.bias
        single = self.heads == 1
        self.query = _linear(query.weight * attention.scaling, query.bias * attention.scaling)
        self.key = _linear(attention.k_proj.weight)
        self.value = _linear(out.weight @ value.weight, bias) if single else _linear(value.weight)
        self.out = None if single else _linear(out.weight, bias)

    def forward(self, tokens: Tensor) -> Tensor:
        seen = tokens
        if self.reduce is not None and self.norm is not None:
            seen = self.norm(_tokens(self.reduce(_planes(tokens))))
        query = self._split(self.query, tokens).transpose(1, 2)
        key = self._split(self.key, seen).permute(0, 2, 3, 1)
        value = self._split(self.value, seen).transpose(1, 2)
        rows = max(1, SCORES // (self.heads * key.shape[3]))
        found = torch.cat([(some @ key).softmax(dim=3) @ value for some in torch.split(query, rows, dim=2)], dim=2)
        found = found.transpose(1, 2).reshape(tokens.shape)
        return found if self.out is None else _product(self.out, found).reshape(tokens.shape)

    def _split(self, linear: nn.Linear, tokens: Tensor) -> Tensor:
        """[B, H, W, C] to [B, H * W, heads, C / heads]."""
        places, width = tokens.shape[1] * tokens.shape[2], linear.out_features // self.heads
        return _product(linear, tokens).reshape(-1, places, self.heads, width)


class _Head(nn.Module):
    """Projection, up-sampling, fusion and normalisation are linear: every level is brought to what stands behind them
    at its own small size.
    """

    def __init__(self, head: SegformerDecodeHead) -> None:
        super().__init__()
        fuse = fuse_conv_bn_eval(head.linear_fuse, head.batch_norm)
        slots = reversed(fuse.weight[:, :, 0, 0].chunk(len(head.linear_projections), dim=1))
        levels = []
        for projection, slot in zip(head.linear_projections, slots, strict=True):
            linear = cast("nn.Linear", projection.get_submodule("proj"))
            levels.append(_pointwise(_linear(slot @ linear.weight, slot @ linear.bias)))
        cast("Tensor", levels[0].bias).add_(cast("Tensor", fuse.bias))
        self.levels = nn.ModuleList(levels)
        self.activation, self.classifier = head.activation, head.classifier

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        finest, *others = (level(planes) for level, planes in zip(self.levels, levels, strict=True))
        raised = [_raised(other, finest.shape[2], finest.shape[3]) for other in others]
        # The largest last: a convolution's sum with something is one operation.
        total = sum(raised[1:], start=raised[0]) + finest if raised else finest
        logits: Tensor = self.classifier(self.activation(total))
        return logits


def _raised(planes: Tensor, height: int, width: int) -> Tensor:
    """Bilinear. A whole factor is written as one, for which ONNX Runtime has a faster kernel."""
    h, w = planes.shape[2:]
    factor = height // h
    if (h * factor, w * factor) != (height, width):
        return functional.interpolate(planes, size=(height, width), mode="bilinear", align_corners=False)
    return functional.interpolate(planes, scale_factor=float(factor), mode="bilinear", align_corners=False)


def _tokens(planes: Tensor) -> Tensor:
    return planes.permute(0, 2, 3, 1)


def _planes(tokens: Tensor) -> Tensor:
    return tokens.permute(0, 3, 1, 2)


def _product(linear: nn.Linear, tokens: Tensor) -> Tensor:
    """Of two matrices, which in a graph has the bias inside: [B * H * W, C]."""
    found: Tensor = linear(tokens.flatten(0, 2))
    return found


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    linear.weight.copy_(weight)
    if bias is not None:
        linear.bias.copy_(bias)
    return linear


def _pointwise(linear: nn.Linear) -> nn.Conv2d:
    convolution = nn.Conv2d(linear.in_features, linear.out_features, 1)
    convolution.weight.copy_(linear.weight[:, :, None, None])
    if convolution.bias is not None:
        convolution.bias.copy_(linear.bias)
    return convolution

"""A SegFormer computed in another order gives what `transformers` gives."""

from typing import Any

import onnxruntime as ort
import pytest
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from export.quiet import quiet_libraries
from export.to_onnx import exported
from training.matte.planes import SCORES, PlanarSegformer

OPSET = 20


def make_network(activation: str = "gelu", reduction: int = 4) -> SegformerForSemanticSegmentation:
    """Two stages, of one head and of two; normalisations that have seen something."""
    torch.manual_seed(3)
    config = SegformerConfig(
        num_encoder_blocks=2,
        depths=[2, 1],
        sr_ratios=[reduction, 1],
        hidden_sizes=[16, 32],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=24,
        hidden_act=activation,
    )
    config.num_labels = 5
    network: Any = SegformerForSemanticSegmentation(config)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    norm = network.decode_head.batch_norm
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    return network.eval()  # type: ignore[no-any-return]


def both(network: SegformerForSemanticSegmentation, height: int, width: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What the network and its other form say of two pictures: logits and deepest features."""
    pixels = torch.randn(2, 3, height, width)
    with torch.inference_mode():
        known: Any = network(pixel_values=pixels, output_hidden_states=True)
        logits, features = PlanarSegformer(network)(pixels)
    return [(known.logits, logits), (known.hidden_states[-1], features)]


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (72, 56), (37, 50)])
@pytest.mark.parametrize("reduction", [1, 4])
def test_logits_and_features_are_those_of_the_library(size: tuple[int, int], reduction: int) -> None:
    for wanted, found in both(make_network(reduction=reduction), *size):
        assert wanted.std() > 0.1
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_another_activation_is_kept() -> None:
    for wanted, found in both(make_network("relu"), 64, 64):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_attention_in_pieces_is_the_whole() -> None:
    side = 160
    assert (side // 4) ** 2 * (side // 4) ** 2 > 2 * SCORES
    for wanted, found in both(make_network(reduction=1), side, side):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_a_graph_has_the_same_values_at_any_batch_and_gelu_is_one_operation() -> None:
    network = make_network()
    planar = PlanarSegformer(network).eval()
    with quiet_libraries():
        graph = exported(planar, torch.randn(2, 3, 64, 64), "planes", ["logits", "features"], OPSET)
    kinds = [node.op_type for node in graph.graph.node]
    assert kinds.count("Gelu") == 3
    assert "Erf" not in kinds
    session = ort.InferenceSession(graph.SerializeToString())
    for count in (1, 3):
        pixels = torch.randn(count, 3, 64, 64)
        with torch.inference_mode():
            wanted: Any = network(pixel_values=pixels)
        logits, _ = session.run(None, {"planes": pixels.numpy()})
        torch.testing.assert_close(torch.from_numpy(logits), wanted.logits, rtol=1e-4, atol=1e-3)

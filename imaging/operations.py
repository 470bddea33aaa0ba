"""What an analysis can be asked for: the operations, where they look, and the models that answer. Data only.

The names are those of the image_embed service's API, so that its clients find them here.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["detect", "embed", "classify", "describe"]
WHOLE, PERSON, FACE = "whole_image", "prominent_person", "prominent_face"
FACE_CONTEXTS = (PERSON, WHOLE)
ANYWHERE = (WHOLE, PERSON, FACE)
CLASSIFIED = "embed_clip_vit_b_32"
MAX_LENGTH = 50


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of task. `model` is the Triton model that answers, `frame` the output of `decode` that it takes."""

    name: str
    kind: Kind
    description: str
    model: str
    frame: str
    targets: tuple[str, ...] = ANYWHERE
    default: str = WHOLE


def _embedder(name: str, title: str, model: str, frame: str) -> Operation:
    return Operation(name, "embed", f"Generates {title}.", model, frame)


_OPERATIONS = (
    Operation(
        "detect_bounding_box",
        "detect",
        "Detects a bounding box for a specified target.",
        "person_detector",
        "rt_detr_640",
        (PERSON, FACE),
        PERSON,
    ),
    _embedder("embed_clip_vit_b_32", "an embedding using the CLIP ViT-B/32 model", CLASSIFIED, "clip_224"),
    _embedder("embed_clip_vit_b_16", "an embedding using the CLIP ViT-B/16 model", "embed_clip_vit_b_16", "clip_224"),
    _embedder("embed_clip_vit_l_14", "an embedding using the CLIP ViT-L/14 model", "embed_clip_vit_l_14", "clip_224"),
    _embedder(
        "embed_clip_vit_l_14_336",
        "an embedding using the CLIP ViT-L/14 model at 336 pixels",
        "embed_clip_vit_l_14_336",
        "clip_336",
    ),
    _embedder("embed_dino_v2", "a visual embedding using the DINOv2 model", "embed_dino_v2_vit_b_14", "dino_v2_224"),
    _embedder("embed_dino_v3", "a visual embedding using the DINOv3 model", "embed_dino_v3_vit_l_16", "dino_v3_224"),
    Operation(
        "classify",
        "classify",
        "Determines if an image region belongs to a specific collection using a binary classifier.",
        "collections",
        "clip_224",
    ),
    Operation(
        "describe_image", "describe", "Generates a text description of an image region.", "captioner", "blip_384"
    ),
)
OPERATIONS: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _OPERATIONS})
CLIP_MODELS: Mapping[str, str] = MappingProxyType(
    {
        "ViT-B/32": "embed_clip_vit_b_32",
        "ViT-B/16": "embed_clip_vit_b_16",
        "ViT-L/14": "embed_clip_vit_l_14",
        "ViT-L/14@336px": "embed_clip_vit_l_14_336",
    }
)
"""CLIP's own names, which the parameter `model` of a CLIP task chooses among."""

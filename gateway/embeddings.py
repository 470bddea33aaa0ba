"""Vectors of pictures and texts, in the shape of OpenAI's embeddings API."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from gateway.admission import Admission
from gateway.catalogue import Catalogue
from gateway.errors import InvalidOptionError, UnknownModelError
from gateway.inference import Inference
from gateway.results import require_pulse


@dataclass(frozen=True, slots=True)
class Embedder:
    """The pipelines that make a model's vectors; one that knows no text has no second."""

    image: str
    text: str = ""


EMBEDDERS: Mapping[str, Embedder] = MappingProxyType(
    {
        "embed_clip_vit_b_32": Embedder("embed_clip", "embed_clip_text"),
        "embed_clip_vit_b_16": Embedder("embed_clip_b_16", "embed_clip_text_b_16"),
        "embed_clip_vit_l_14": Embedder("embed_clip_l_14", "embed_clip_text_l_14"),
        "embed_clip_vit_l_14_336": Embedder("embed_clip_l_14_336", "embed_clip_text_l_14_336"),
        "embed_dino_v2": Embedder("embed_dino_v2"),
        "embed_dino_v3": Embedder("embed_dino_v3"),
    }
)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to embed: a picture's file, or a text as UTF-8."""

    data: bytes
    is_text: bool


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector FP32 [width], and how many tokens a text has."""

    vector: npt.NDArray[np.float32]
    tokens: int


class Embeddings:
    """Asks the pipelines for vectors."""

    def __init__(self, catalogue: Catalogue, inference: Inference, admission: Admission) -> None:
        self._catalogue = catalogue
        self._inference = inference
        self._admission = admission

    def require(self, model: str, *, texts: bool, images: bool) -> Embedder:
        """The model by its name. Raises UnknownModelError, InvalidOptionError for text to a model without any, and
        PipelineNotServedError or PipelineDownError.
        """
        if model not in EMBEDDERS:
            raise UnknownModelError(f"there is no model {model[:64]!r}; there are {', '.join(EMBEDDERS)}")
        found = EMBEDDERS[model]
        if texts and not found.text:
            raise InvalidOptionError(f"{model} embeds pictures only, and the input holds text")
        for name in ([found.text] if texts else []) + ([found.image] if images else []):
            self._catalogue.pipeline(name)
            require_pulse(self._inference, name)
        return found

    async def embed(self, embedder: Embedder, item: Item, request_id: str, *, normalized: bool) -> Embedded:
        """Raises a GatewayError."""
        name = embedder.text if item.is_text else embedder.image
        output = "normalized" if normalized else "embedding"
        inputs = {"text" if item.is_text else "image": item.data}
        async with self._admission.slot():
            answer = await self._inference.call(name, inputs, [output, *(["tokens"] * item.is_text)], request_id)
        return Embedded(np.asarray(answer[output], np.float32), int(answer["tokens"][0]) if item.is_text else 0)

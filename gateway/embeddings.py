"""Vectors of pictures and texts, in the shape of OpenAI's embeddings API."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from gateway.admission import Admission
from gateway.background import together
from gateway.catalogue import Catalogue
from gateway.errors import InvalidOptionError, UnknownModelError, UnreadablePictureError
from gateway.inference import Inference

AT_ONCE = 8
Vectors = npt.NDArray[np.float32]


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
    """`vectors` FP32 [n, width] in the order of the items; `tokens` of all texts."""

    vectors: Vectors
    tokens: int


class Embeddings:
    """Asks the pipelines for vectors, several at once, so that they meet in the network's batch."""

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
        return found

    async def embed(self, embedder: Embedder, items: Sequence[Item], request_id: str, *, normalized: bool) -> Embedded:
        """Raises a GatewayError; what is wrong with one of several items names it."""
        turns = asyncio.Semaphore(AT_ONCE)
        output = "normalized" if normalized else "embedding"

        async def one(number: int, item: Item) -> tuple[Vectors, int]:
            async with turns, self._admission.slot():
                return await self._one(embedder, item, output, request_id, number)

        found = await together([one(number, item) for number, item in enumerate(items)])
        return Embedded(np.stack([vector for vector, _ in found]), sum(tokens for _, tokens in found))

    async def _one(
        self, embedder: Embedder, item: Item, output: str, request_id: str, number: int
    ) -> tuple[Vectors, int]:
        name = embedder.text if item.is_text else embedder.image
        inputs, outputs = {"text" if item.is_text else "image": item.data}, [output]
        outputs += ["tokens"] if item.is_text else []
        try:
            answer = await self._inference.call(name, inputs, outputs, request_id)
        except UnreadablePictureError as error:
            raise UnreadablePictureError(f"input[{number}]: {error.public}", private=error.private) from error
        return np.asarray(answer[output], np.float32), int(answer["tokens"][0]) if item.is_text else 0

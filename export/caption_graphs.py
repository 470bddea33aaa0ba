"""A captioner's two networks as modules that export: the key/value cache apart, as plain tensors."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from export.entrance import Entrance
from export.errors import CheckpointError

_CROSS_ATTENTION = "crossattention"
Pictures = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Captioner:
    """A checkpoint's network taken apart. `model` is the whole, which generates; `decoder` its language model, and
    `states` makes of `pixel_values` [n, 3, side, side] what that attends to, [n, tokens, width].
    """

    model: Any
    decoder: Any
    states: Pictures
    layers: int
    heads: int
    width: int

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Within it several texts share one picture's states: to the cross attention they are positions of one text,
        which is the same, for it is not causal. So nothing of a picture is copied for each of its beams.
        """
        found = [module for module in self.decoder.modules() if hasattr(module, _CROSS_ATTENTION)]
        own = [getattr(layer, _CROSS_ATTENTION) for layer in found]
        for layer, attention in zip(found, own, strict=True):
            setattr(layer, _CROSS_ATTENTION, _Shared(attention))
        try:
            yield
        finally:
            for layer, attention in zip(found, own, strict=True):
                setattr(layer, _CROSS_ATTENTION, attention)


def apart(model: Any, family: str) -> Captioner:  # noqa: ANN401 - transformers' classes are many
    """Raises CheckpointError for a decoder that does not look at the picture layer by layer."""
    decoder, states = _APART[family](model)
    layers = sum(name.split(".")[-1] == _CROSS_ATTENTION for name, _ in decoder.named_modules())
    if not layers:
        raise CheckpointError(f"{type(decoder).__name__} has no layers called {_CROSS_ATTENTION}")
    heads = int(decoder.config.num_attention_heads)
    return Captioner(model, decoder, states, layers, heads, int(decoder.config.hidden_size) // heads)


def _blip(model: Any) -> tuple[Any, Pictures]:  # noqa: ANN401
    return model.text_decoder, lambda planes: model.vision_model(pixel_values=planes)[0]


def _vision_encoder_decoder(model: Any) -> tuple[Any, Pictures]:  # noqa: ANN401
    projection = getattr(model, "enc_to_dec_proj", torch.nn.Identity())
    return model.decoder, lambda planes: projection(model.encoder(pixel_values=planes)[0])


_APART: Mapping[str, Callable[[Any], tuple[Any, Pictures]]] = {
    "blip": _blip,
    "vision-encoder-decoder": _vision_encoder_decoder,
}


class Encoder(torch.nn.Module):
    """`pixels` UINT8 [n, size, size, 3] to `cross` FP32 [n, layers * 2, heads, tokens, width]."""

    def __init__(self, captioner: Captioner, entrance: Entrance) -> None:
        super().__init__()
        self.network = captioner.model
        self.entrance = entrance
        self._captioner = captioner

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return cross(self._captioner, self.entrance(pixels))


def cross(captioner: Captioner, planes: torch.Tensor) -> torch.Tensor:
    """Whatever the decoder keeps of a picture after a first token; the token itself leaves no trace in it."""
    from transformers import DynamicCache, EncoderDecoderCache

    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    states = captioner.states(planes)
    first = torch.zeros(states.shape[0], 1, dtype=torch.int64)
    captioner.decoder(
        input_ids=first, encoder_hidden_states=states, past_key_values=cache, use_cache=True, return_dict=True
    )
    return _stacked(cache.cross_attention_cache)


class Decoder(torch.nn.Module):
    """One token: `ids` INT64 [n, b], `past` FP32 [n, b, layers * 2, heads, t, width] and `cross` as the encoder gives
    it to `logits` FP32 [n, b, vocabulary] and `present`, which is `past` with t + 1.

    Only within the captioner's `sharing()`.
    """

    def __init__(self, captioner: Captioner) -> None:
        super().__init__()
        self.decoder = captioner.decoder
        self._layers = captioner.layers

    def forward(self, ids: torch.Tensor, past: torch.Tensor, cross: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pictures, texts = ids.shape
        cache = self._cache(past.flatten(0, 1), cross)
        width = self.decoder.config.hidden_size
        # The keys and values of the picture are in the cache, so of its states only the shape is looked at.
        states = cross[:, 0, 0, :, :1].expand(-1, -1, width)
        answer = self.decoder(
            input_ids=ids.reshape(pictures * texts, 1),
            encoder_hidden_states=states,
            past_key_values=cache,
            use_cache=True,
            return_dict=True,
        )
        present = _stacked(cache.self_attention_cache)
        return (
            answer.logits[:, -1].reshape(pictures, texts, -1),
            present.reshape(pictures, texts, *present.shape[1:]),
        )

    def _cache(self, past: torch.Tensor, cross: torch.Tensor) -> Any:  # noqa: ANN401
        from transformers import DynamicCache, EncoderDecoderCache

        own, pictures = DynamicCache(), DynamicCache()
        for layer in range(self._layers):
            own.update(past[:, 2 * layer], past[:, 2 * layer + 1], layer)
            pictures.update(cross[:, 2 * layer], cross[:, 2 * layer + 1], layer)
        cache = EncoderDecoderCache(own, pictures)
        for layer in range(self._layers):
            cache.is_updated[layer] = True
        return cache


class _Shared(torch.nn.Module):
    """A cross attention whose rows [pictures * texts, 1] go through as [pictures, texts] where the states are as many
    as the pictures.
    """

    def __init__(self, attention: torch.nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def forward(
        self,
        hidden_states: torch.Tensor,
        **given: Any,  # noqa: ANN401 - each decoder hands over its own
    ) -> tuple[torch.Tensor, object]:
        states = given["encoder_hidden_states"]
        rows = hidden_states.reshape(states.shape[0], -1, hidden_states.shape[-1])
        answer, weights = self.attention(rows, **given)
        return answer.reshape(hidden_states.shape), weights


def _stacked(cache: Any) -> torch.Tensor:  # noqa: ANN401
    return torch.stack([one for layer in cache.layers for one in (layer.keys, layer.values)], dim=1)

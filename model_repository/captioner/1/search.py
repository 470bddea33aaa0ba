"""Which token comes next: greedy and beam search over one picture's texts, on NumPy alone.

Beam search is that of `generate()` in Hugging Face transformers 5 with its defaults (length_penalty 1.0, early_stopping
off, no sampling), so that both find the same text: `transformers/generation/utils.py`, `_beam_search`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEVER = -1e9  # the score of what is not there, as in transformers


@dataclass(frozen=True)
class Bounds:
    """Where texts start and end: the tokens that they begin with, at least one, the token that closes them, and their
    greatest length, the first tokens and the closing one among it.
    """

    prompt: tuple[int, ...]
    stop: int
    max_length: int


@dataclass(frozen=True)
class Text:
    """Tokens after the prompt, the closing one too if it came, and the natural logarithm of their probability."""

    tokens: tuple[int, ...]
    log_probability: float


class Search(Protocol):
    """b texts that grow together, one token at a time."""

    @property
    def done(self) -> bool: ...

    def ids(self) -> NDArray[np.int64]:
        """Return the token of each text that the network gets next, [b]."""

    def advance(self, logits: NDArray[np.float32]) -> NDArray[np.int64]:
        """Take the network's answer to `ids`, [b, vocabulary]; return which text each next one continues, [b]."""

    def best(self) -> Text: ...


class Greedy:
    """Always the likeliest token."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._text = bounds.prompt
        self._read = 0
        self._score = 0.0

    @property
    def done(self) -> bool:
        prompt = len(self._bounds.prompt)
        stopped = len(self._text) > prompt and self._text[-1] == self._bounds.stop
        return stopped or len(self._text) >= self._bounds.max_length

    def ids(self) -> NDArray[np.int64]:
        return np.array([self._text[self._read]], np.int64)

    def advance(self, logits: NDArray[np.float32]) -> NDArray[np.int64]:
        self._read += 1
        if self._read == len(self._text):
            token = int(logits[0].argmax())
            self._score += float(log_softmax(logits)[0, token])
            self._text += (token,)
        return np.zeros(1, np.int64)

    def best(self) -> Text:
        return Text(self._text[len(self._bounds.prompt) :], self._score)


@dataclass(frozen=True)
class _Finished:
    tokens: tuple[int, ...]
    score: float  # mean logarithm per token
    total: float


class Beams:
    """The b likeliest texts side by side. A closed one is kept while an open one could still overtake it."""

    def __init__(self, bounds: Bounds, width: int) -> None:
        self._bounds = bounds
        self._width = width
        self._texts = [bounds.prompt] * width
        # All start alike: only the first counts until they differ.
        self._scores = np.array([0.0] + [_NEVER] * (width - 1), np.float32)
        self._read = 0
        self._finished: list[_Finished] = []
        self._over = len(bounds.prompt) >= bounds.max_length

    @property
    def done(self) -> bool:
        return self._over

    def ids(self) -> NDArray[np.int64]:
        return np.array([text[self._read] for text in self._texts], np.int64)

    def advance(self, logits: NDArray[np.float32]) -> NDArray[np.int64]:
        self._read += 1
        if self._read < len(self._bounds.prompt):
            return np.arange(self._width)
        totals = (log_softmax(logits) + self._scores[:, None]).reshape(-1)
        order = largest(totals, 2 * self._width)  # as many again, should the first all close
        parents, tokens = np.divmod(order, logits.shape[1])
        texts = [(*self._texts[parent], int(token)) for parent, token in zip(parents, tokens, strict=True)]
        closed = np.array([self._closes(text) for text in texts])
        scored = list(zip(texts, totals[order].tolist(), closed, strict=True))
        self._keep([(text, total) for text, total, closes in scored[: self._width] if closes])
        going = largest(totals[order] + np.where(closed, np.float32(_NEVER), np.float32(0)), self._width)
        self._texts = [texts[at] for at in going]
        self._scores = totals[order][going]
        self._over = bool(closed.all()) or not self._can_improve(float(self._scores[0]))
        return np.asarray(parents[going])

    def best(self) -> Text:
        if not self._finished:
            return Text((), 0.0)
        first = self._finished[0]
        return Text(first.tokens, first.total)

    def _closes(self, text: tuple[int, ...]) -> bool:
        return text[-1] == self._bounds.stop or len(text) >= self._bounds.max_length

    def _keep(self, closed: list[tuple[tuple[int, ...], float]]) -> None:
        prompt = len(self._bounds.prompt)
        self._finished += [_Finished(text[prompt:], total / (len(text) - prompt), total) for text, total in closed]
        self._finished = sorted(self._finished, key=lambda one: -one.score)[: self._width]

    def _can_improve(self, best: float) -> bool:
        if len(self._finished) < self._width:
            return True
        return best / (len(self._texts[0]) - len(self._bounds.prompt)) > self._finished[-1].score


def search(bounds: Bounds, beams: int) -> Search:
    return Greedy(bounds) if beams == 1 else Beams(bounds, beams)


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return natural logarithms of the probabilities of each row."""
    lowered = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(lowered - np.log(np.exp(lowered).sum(axis=1, keepdims=True)))


def largest(values: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return where the `count` largest values are, the largest first, the first of equal ones before the others."""
    kept = np.sort(np.argpartition(-values, count - 1)[:count])
    return np.asarray(kept[np.argsort(-values[kept], kind="stable")])

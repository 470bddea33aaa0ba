"""A captioner's two ONNX files against the checkpoint in torch: values, and the texts that come out of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from export import contract, pictures, processor
from export.caption_graphs import Captioner, cross
from export.caption_language import Language
from export.contract import CROSS, IDS, LOGITS, PAST, PIXELS, PRESENT, Contract
from export.errors import CheckpointError
from export.kinds import Precision
from export.network import resized
from export.pictures import Samples
from export.processor import Pictures, Preprocessing
from export.proof import Proof, Row, latency, release_row
from export.roles import Relative
from export.runtime import Answer, Session

STEPS = 20
LENGTH = 16
BEAMS = 3
_TEXTS = 2
_SPREAD = 1e-5
_LARGEST, _MEAN = "of the largest value, max", "of the values, root mean square"
Values = npt.NDArray[np.float32]


class Networks:
    """The two files in ONNX Runtime, used as the step uses them."""

    def __init__(self, encoder: Path, decoder: Path, language: Language) -> None:
        self.paths = (encoder, decoder)
        self._encoder, self._decoder = Session(encoder), Session(decoder)
        self._language = language

    def cross(self, batch: Pictures) -> Values:
        return np.asarray(self._encoder.run(PIXELS, batch, [CROSS])[0], dtype=np.float32)

    def logits(self, ids: npt.NDArray[np.int64], cross: Values) -> Values:
        """The answers to each token of `ids` [pictures, texts, t] in turn, [t, pictures, texts, vocabulary]."""
        facts = self._language
        past: Answer = np.zeros((*ids.shape[:2], 2 * facts.layers, facts.heads, 0, facts.width), np.float32)
        answers = []
        for step in range(ids.shape[2]):
            feeds = {IDS: ids[:, :, step], PAST: past, CROSS: cross}
            logits, past = self._decoder.feed(feeds, [LOGITS, PRESENT])
            answers.append(logits)
        return np.stack(answers).astype(np.float32)


@dataclass(frozen=True)
class Reference:
    """The checkpoint itself: its own network, which works at `side`, its own `generate()`, and where nothing is resized
    and it can run here, its own processor.
    """

    captioner: Captioner
    preprocessing: Preprocessing
    side: int
    folder: Path
    language: Language

    def planes(self, batch: Pictures) -> torch.Tensor:
        own = processor.run(self.folder, batch) if self.side == batch.shape[1] else None
        return torch.from_numpy(resized(self.preprocessing.normalise(batch), self.side) if own is None else own)

    def cross(self, batch: Pictures) -> Values:
        with torch.inference_mode():
            found = cross(self.captioner, self.planes(batch)).numpy()
        if not np.isfinite(found).all():
            raise CheckpointError(f"{self.folder}: the network answers with values that are no finite numbers")
        return np.asarray(found)

    def logits(self, ids: npt.NDArray[np.int64], batch: Pictures) -> Values:
        """As `Networks.logits`, all tokens at once and without a cache."""
        count, texts, steps = ids.shape
        with torch.inference_mode():
            states = self.captioner.states(self.planes(batch)).repeat_interleave(texts, 0)
            rows = torch.from_numpy(ids.reshape(count * texts, steps))
            answer = self.captioner.decoder(
                input_ids=rows, encoder_hidden_states=states, use_cache=False, return_dict=True
            )
        logits = answer.logits.numpy().reshape(count, texts, steps, -1)
        return np.asarray(logits.transpose(2, 0, 1, 3))

    def generated(self, batch: Pictures, beams: int) -> list[list[int]]:
        facts = self.language
        length = min(LENGTH, facts.limit)
        given: Mapping[str, Any] = {"num_beams": beams, "max_length": length, "use_cache": False, "do_sample": False}
        ends = {} if hasattr(self.captioner.model, "text_decoder") else {"pad_token_id": facts.pad}
        with torch.inference_mode():
            found = self.captioner.model.generate(self.planes(batch), **given, **ends)
        return [_closed(row, facts) for row in found.tolist()]

    @contextmanager
    def answered_by(self, networks: Networks, cross: Values) -> Iterator[None]:
        """Within it the language model's answers are the ONNX files', so that `generate()` searches with them."""
        from transformers.modeling_outputs import CausalLMOutputWithCrossAttentions

        @wraps(self.captioner.decoder.forward)  # generate() looks at its signature
        def forward(input_ids: torch.Tensor, **_: object) -> CausalLMOutputWithCrossAttentions:
            rows = input_ids.numpy().reshape(len(cross), -1, input_ids.shape[1])
            last = networks.logits(rows, cross)[-1]
            return CausalLMOutputWithCrossAttentions(logits=torch.from_numpy(last.reshape(len(input_ids), 1, -1)))

        self.captioner.decoder.forward = forward
        try:
            yield
        finally:
            del self.captioner.decoder.forward


def prove(
    networks: Networks,
    reference: Reference,
    promised: Sequence[Contract],
    limits: tuple[Precision, Relative],
    samples: Samples,
) -> Proof:
    """Everything about the two files; `limits` are the precision and how far values may be off."""
    precision, limit = limits
    batches = (Samples("noise", pictures.noise(samples.batch.shape[1], 2)), Samples(samples.label, samples.batch[:2]))
    values = [row for one in batches for row in _values(networks, reference, one, limit)]
    rows = (
        *_contracts(networks, promised),
        *values,
        *_texts(networks, reference, batches[1].batch, precision),
        *_reported(networks, samples),
    )
    return Proof(rows, max(float(row.value) for row in values if row.unit == _LARGEST))


def _contracts(networks: Networks, promised: Sequence[Contract]) -> list[Row]:
    rows = []
    for path, ours in zip(networks.paths, promised, strict=True):
        said = contract.disagreements(ours, contract.of_graph(onnx.load(path)))
        name = f"{path.parent.parent.name}: tensors as in config.pbtxt"
        rows.append(Row(name, "; ".join(said) or "yes", "yes", "", not said))
    return rows


def _values(networks: Networks, reference: Reference, samples: Samples, limit: Relative) -> list[Row]:
    """Keys and values of the pictures, then logits of random tokens that follow each other, cached against uncached."""
    batch = samples.batch
    wanted = reference.cross(batch)
    one_by_one = np.concatenate([networks.cross(batch[i : i + 1]) for i in range(len(batch))])
    together = networks.cross(batch)
    steps = min(STEPS, reference.language.limit)
    vocabulary = reference.language.vocabulary
    ids = np.random.default_rng(4).integers(0, vocabulary, (len(batch), _TEXTS, steps), dtype=np.int64)
    logits = reference.logits(ids, batch)
    found = networks.logits(ids, together)
    return [
        *_rows(f"encoder, {samples.label}, batch 1", one_by_one, wanted, limit),
        *_rows(f"encoder, {samples.label}, batch {len(batch)}", together, wanted, limit),
        *_rows(f"decoder, {samples.label}, {steps} random tokens", found, logits, limit),
        _apart(samples.label, networks.logits(np.repeat(ids[:1], len(batch), 0), wanted)),
    ]


def _rows(check: str, found: Values, wanted: Values, limit: Relative) -> list[Row]:
    off = np.abs(found - wanted) if found.shape == wanted.shape else np.full(1, np.inf)
    if not np.isfinite(off).all():
        return [Row(check, math.inf, limit.largest, _LARGEST, ok=False)]
    largest = float(off.max() / np.abs(wanted).max())
    mean = math.sqrt(float(np.mean(np.square(off, dtype=np.float64)) / np.mean(np.square(wanted, dtype=np.float64))))
    return [
        Row(check, round(largest, 9), limit.largest, _LARGEST, largest <= limit.largest),
        Row(check, round(mean, 9), limit.mean, _MEAN, mean <= limit.mean),
    ]


def _apart(label: str, logits: Values) -> Row:
    """A network that says the same of every picture is no captioner, and agreeing with it no proof."""
    spread = float(np.abs(logits[:, 0] - logits[:, 1]).max() / np.abs(logits).max())
    return Row(
        f"decoder, {label}, pictures apart by, at least",
        round(spread, 9),
        _SPREAD,
        "of the largest value",
        spread >= _SPREAD,
    )


def _texts(networks: Networks, reference: Reference, batch: Pictures, precision: Precision) -> list[Row]:
    """`generate()` with the files' answers must find the texts that it finds with the checkpoint's own. Smaller weights
    may choose another word where two are close, which is only reported.
    """
    rows = []
    for beams in (1, BEAMS):
        wanted = reference.generated(batch, beams)
        with reference.answered_by(networks, networks.cross(batch)):
            found = reference.generated(batch, beams)
        same = sum(one == other for one, other in zip(found, wanted, strict=True))
        told = f"{same} of {len(batch)} ({sum(map(len, wanted))} tokens)"
        must = precision == "fp32"
        rows.append(
            Row(
                f"texts as generate(num_beams={beams})",
                told,
                "all" if must else None,
                "",
                not must or same == len(batch),
            )
        )
    return rows


def _closed(row: list[int], language: Language) -> list[int]:
    """Without what fills the row up after the closing token."""
    start = len(language.start)
    return row[: row.index(language.stop, start) + 1] if language.stop in row[start:] else row


def _reported(networks: Networks, samples: Samples) -> list[Row]:
    one = samples.batch[:1]
    cross = networks.cross(one)
    first = np.zeros((1, 1, 1), np.int64)
    times = (latency(networks.cross, one), latency(lambda _: networks.logits(first, cross), one))
    rows = []
    for path, time, what in zip(networks.paths, times, ("a picture", "a token"), strict=True):
        name = path.parent.parent.name
        rows.append(Row(f"{name}: file size", path.stat().st_size, None, "bytes", ok=True))
        rows.append(Row(f"{name}: latency of {what}", time, None, "ms, median, CPU", ok=True))
        rows.append(release_row(onnx.load(path)))
    return rows

"""The captioner's step on a language of six tokens whose networks are a table: which word follows which."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.steps import triton
from tests.steps.triton import Called, Request, TritonError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PAD, STOP, START, A, B, C = range(6)
WORDS = ("[PAD]", "[SEP]", "[DEC]", "a", "b", "c")
LIMIT = 12
OUTPUTS = ["caption", "tokens", "log_probability"]
step = triton.load("captioner")
search = step.search
Bounds, Text = search.__globals__["Bounds"], search.__globals__["Text"]
# Probability of each token after each; the first word of picture 0 tempts a greedy reader: a (0.5) leads nowhere good.
TABLE = np.full((6, 6), 0.01)
TABLE[START, [A, B, C]] = 0.5, 0.4, 0.06
TABLE[A, [A, B, C, STOP]] = 0.25, 0.25, 0.25, 0.22
TABLE[B, [C, STOP]] = 0.9, 0.06
TABLE[C, [STOP, A]] = 0.9, 0.06


def logits(ids: Sequence[int], table: NDArray[np.float64] = TABLE) -> NDArray[np.float32]:
    return np.log(table[list(ids)]).astype(np.float32)


def found(searched: Any, table: NDArray[np.float64] = TABLE) -> Any:  # noqa: ANN401 - the step's own classes
    while not searched.done:
        searched.advance(logits(searched.ids(), table))
    return searched.best()


def likeliest(length: int) -> tuple[tuple[int, ...], float]:
    """Of all texts of at most `length` tokens that close, the one with the highest mean logarithm."""
    scored = []
    for words in range(length - 1):
        for middle in itertools.product((PAD, START, A, B, C), repeat=words):
            text = (START, *middle, STOP)
            total = sum(float(np.log(TABLE[one, two] / TABLE[one].sum())) for one, two in itertools.pairwise(text))
            scored.append((total / (len(text) - 1), text[1:]))
    score, tokens = max(scored)
    return tokens, score * len(tokens)


def test_greedy_takes_the_likeliest_word_each_time_and_stops_at_the_closing_one() -> None:
    table = TABLE.copy()
    table[A, [A, STOP]] = 0.1, 0.6
    text = found(search(Bounds((START,), STOP, LIMIT), 1), table)
    assert text.tokens == (A, STOP)
    wanted = np.log(0.5 / table[START].sum()) + np.log(0.6 / table[A].sum())
    assert text.log_probability == pytest.approx(wanted, abs=1e-5)


def test_beams_find_the_text_that_greed_misses() -> None:
    greedy = found(search(Bounds((START,), STOP, 5), 1))
    wide = found(search(Bounds((START,), STOP, 5), 4))
    tokens, total = likeliest(5)
    assert wide.tokens == tokens == (B, C, STOP)
    assert wide.log_probability == pytest.approx(total, abs=1e-5)
    assert greedy.tokens[0] == A


@pytest.mark.parametrize("beams", [1, 2, 3])
@pytest.mark.parametrize("length", [2, 3, 4])
def test_no_text_is_longer_than_it_may_be(beams: int, length: int) -> None:
    never = TABLE.copy()
    never[:, STOP] = 1e-9
    text = found(search(Bounds((START,), STOP, length), beams), never)
    assert len(text.tokens) == length - 1
    assert STOP not in text.tokens


@pytest.mark.parametrize("beams", [1, 3])
def test_a_text_of_one_token_is_its_beginning(beams: int) -> None:
    searched = search(Bounds((START,), STOP, 1), beams)
    assert searched.done
    assert searched.best() == Text((), 0.0)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_prompt_is_read_before_words_are_chosen(beams: int) -> None:
    searched = search(Bounds((START, C, B), STOP, LIMIT), beams)
    read: list[list[int]] = []
    while not searched.done and len(read) < 3:
        read.append(searched.ids().tolist())
        searched.advance(logits(searched.ids()))
    assert read == [[token] * beams for token in (START, C, B)]
    assert found(searched).tokens == (C, STOP)


def test_a_closing_token_in_the_prompt_closes_nothing() -> None:
    table = TABLE.copy()
    table[STOP, B] = 5.0
    assert found(search(Bounds((STOP,), STOP, LIMIT), 1), table).tokens == (B, C, STOP)


def test_beams_tell_whose_past_each_goes_on_with() -> None:
    searched = search(Bounds((START,), STOP, LIMIT), 2)
    assert searched.advance(logits(searched.ids())).tolist() == [0, 0]
    assert searched.ids().tolist() == [A, B]
    # From b the likeliest goes on; closing after a is a candidate too, and kept apart.
    assert searched.advance(logits(searched.ids())).tolist() == [1, 0]


# The step itself


class Networks:
    """Answers as the two networks do. The picture's first value says which word its texts begin with; the past notes
    every token, so that a past that was mixed up shows in the words.
    """

    def __init__(self, served: Sequence[int] = (1,)) -> None:
        self.served = served
        self.called: list[tuple[str, int]] = []
        self.widest = 0
        self._waiting = 0

    async def __call__(self, model: str, version: int, inputs: dict[str, NDArray[Any]]) -> Called:
        self.called.append((model, version))
        if version not in self.served:
            text = f"Request for unknown model: '{model}' version {version} is not at ready state"
            return Called({}, TritonError(text, TritonError.UNAVAILABLE))
        self._waiting += 1
        await asyncio.sleep(0)
        self.widest = max(self.widest, self._waiting)
        self._waiting -= 1
        if model == "captioner_encoder":
            return self._encode(inputs["pixels"])
        return self._decode(inputs["ids"], inputs["past"], inputs["cross"])

    @staticmethod
    def _encode(pixels: NDArray[Any]) -> Called:
        if pixels[0, 0, 0, 0] == 255:
            return Called({}, TritonError("out of memory", TritonError.INTERNAL))
        return Called({"cross": np.full((1, 2, 1, 1, 1), pixels[0, 0, 0, 0], np.float32)})

    @staticmethod
    def _decode(ids: NDArray[Any], past: NDArray[Any], cross: NDArray[Any]) -> Called:
        beams = ids.shape[1]
        assert past.shape[:5] == (1, beams, 2, 1, past.shape[4])
        noted = np.broadcast_to(ids[:, :, None, None, None, None], (1, beams, 2, 1, 1, 1))
        present = np.concatenate([past, noted.astype(np.float32)], axis=4)
        answers = []
        for beam in range(beams):
            tokens = present[0, beam, 0, 0, :, 0].astype(int).tolist()
            table = TABLE.copy()
            table[START, int(cross.flat[0])] = 9.0
            # What came twice does not come again: the answer depends on the whole past.
            table[tokens[-1], [token for token in (A, B, C) if tokens.count(token) > 1]] = 1e-6
            answers.append(np.log(table[tokens[-1]]))
        return Called({"logits": np.array([answers], np.float32), "present": present})


def write_version(folder: Path, number: int, words: Sequence[str] = WORDS) -> None:
    version = folder / "captioner_decoder" / str(number)
    version.mkdir(parents=True)
    tokenizer = {
        "added_tokens": [
            {"id": token, "content": words[token], "special": True, "single_word": False, "lstrip": False}
            | {"rstrip": False, "normalized": False}
            for token in (PAD, STOP, START)
        ],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": {word: at for at, word in enumerate(words)}, "unk_token": "[PAD]"},
    }
    (version / "tokenizer.json").write_text(json.dumps(tokenizer))
    language = {"start": [START], "stop": STOP, "limit": LIMIT, "max_length": 8, "layers": 1, "heads": 1, "width": 1}
    (version / "model.json").write_text(json.dumps({"language": language}))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_version(tmp_path, 1)
    return tmp_path


def model(repository: Path, networks: Networks) -> Any:  # noqa: ANN401 - loaded by path
    parameters = {"calls": "captioner_encoder,captioner_decoder"}
    return triton.started("captioner", parameters, repository=repository, calls=networks)


def asked(first: Sequence[int], *options: object) -> Request:
    pixels = np.zeros((len(first), 384, 384, 3), np.uint8)
    pixels[:, 0, 0, 0] = first
    given = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in options]
    extra = {"options": np.array(given, np.object_)[:, None]} if options else {}
    return Request({"pixels": pixels, **extra}, OUTPUTS)


def answers(step_model: Any, *requests: Request) -> list[triton.InferenceResponse]:  # noqa: ANN401
    responses: list[triton.InferenceResponse] = asyncio.run(step_model.execute(list(requests)))
    return responses


def captions(response: triton.InferenceResponse) -> list[str]:
    return [text.decode() for text in response.arrays()["caption"][:, 0]]


def test_each_picture_of_a_request_gets_its_own_words(repository: Path) -> None:
    (response,) = answers(model(repository, Networks()), asked([A, B, C]))
    assert captions(response) == ["a a b c", "b c", "c"]
    assert response.arrays()["tokens"].tolist() == [[5], [3], [2]]
    assert (response.arrays()["log_probability"] < 0).all()
    assert [response.arrays()[name].dtype for name in OUTPUTS] == [np.object_, np.int32, np.float32]


def test_pictures_of_several_requests_are_on_their_way_together(repository: Path) -> None:
    networks = Networks()
    responses = answers(
        model(repository, networks), asked([A, C]), asked([B], {"num_beams": 3}), asked([B], {"max_length": 2})
    )
    assert [captions(one) for one in responses] == [["a a b c", "c"], ["b c"], ["b"]]
    assert networks.widest == 4


def test_a_prompt_begins_the_caption_and_counts(repository: Path) -> None:
    (response,) = answers(model(repository, Networks()), asked([A], {"prompt": "b c", "max_length": 6}))
    assert captions(response) == ["b c"]
    assert response.arrays()["tokens"].tolist() == [[1]]


REFUSED: dict[str, tuple[object, str]] = {
    "a field that is none": ({"beams": 2}, r"unknown field 'beams'; allowed: max_length, num_beams, prompt"),
    "too long": ({"max_length": LIMIT + 1}, f"max_length must be an integer from 1 to {LIMIT}, not 13"),
    "no length": ({"max_length": 0}, "max_length must be an integer from 1"),
    "a fraction": ({"max_length": 2.5}, "max_length must be an integer"),
    "a truth": ({"num_beams": True}, "num_beams must be an integer from 1 to 8, not True"),
    "too wide": ({"num_beams": 9}, "num_beams must be an integer from 1 to 8, not 9"),
    "no text": ({"prompt": 3}, "prompt must be a text"),
    "a novel": ({"prompt": "a" * 501}, "at most 500 characters"),
    "no room after it": ({"prompt": "a b c", "max_length": 4}, "the prompt takes 4 tokens; max_length must be more"),
    "a list": ([1], "must be a JSON object"),
    "no JSON": (b"{", "no JSON"),
    "no UTF-8": (b"\xff", "not UTF-8"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_options_are_their_callers_error_alone(options: object, words: str, repository: Path) -> None:
    good, bad = answers(model(repository, Networks()), asked([B]), asked([A], options))
    assert captions(good) == ["b c"]
    assert bad.refusal().code() == TritonError.INVALID_ARG
    assert words.replace("\\", "") in bad.refusal().message()


@pytest.mark.parametrize("options", [b"", b" ", {}])
def test_options_may_be_empty(options: object, repository: Path) -> None:
    (response,) = answers(model(repository, Networks()), asked([B], options))
    assert captions(response) == ["b c"]


def test_a_networks_error_reaches_its_caller_alone(repository: Path) -> None:
    good, bad = answers(model(repository, Networks()), asked([B]), asked([255]))
    assert captions(good) == ["b c"]
    assert (bad.refusal().code(), bad.refusal().message()) == (TritonError.INTERNAL, "out of memory")


def test_a_cancelled_request_is_not_written_to_its_end(repository: Path) -> None:
    networks, request = Networks(), asked([A])
    request.cancelled = True
    (response,) = answers(model(repository, networks), request)
    assert response.refusal().code() == TritonError.CANCELLED
    assert [name for name, _ in networks.called] == ["captioner_encoder"]


def test_a_new_version_speaks_its_own_language_as_soon_as_it_is_served(repository: Path) -> None:
    networks = Networks()
    running = model(repository, networks)
    write_version(repository, 2, (*WORDS[:3], "x", "y", "z"))
    assert captions(answers(running, asked([B]))[0]) == ["b c"]
    networks.served = (2,)
    assert captions(answers(running, asked([B]))[0]) == ["y z"]


def test_without_a_version_the_answer_says_so(tmp_path: Path) -> None:
    (tmp_path / "captioner_decoder").mkdir()
    (response,) = answers(model(tmp_path, Networks()), asked([A]))
    assert response.refusal().code() == TritonError.UNAVAILABLE

"""The step that turns text into tokens, with a small tokenizer of CLIP's kind beside made-up versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from tests.steps import triton

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["<start>", "<end>", "soup", "bowl", "of"]


def write(folder: Path, words: list[str]) -> None:
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(word, words.index(word)) for word in ("<start>", "<end>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<start> $A <end>", special_tokens=ends)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(tmp_path / "embed_clip_text_vit_b_32" / "1", WORDS)
    return tmp_path


def ask(
    model: triton.Model, *texts: bytes, wanted: tuple[str, ...] = ("vit_b_32", "tokens")
) -> triton.InferenceResponse:
    (answer,) = model.execute([triton.Request({"text": np.array(texts, np.object_)[:, None]}, list(wanted))])
    return answer


@pytest.fixture
def model(repository: Path) -> triton.Model:
    return triton.started("clip_tokenizer", repository=repository)


def test_tokens_are_filled_up_with_the_one_that_ends_a_text(model: triton.Model) -> None:
    found = ask(model, b"bowl of soup", b"soup").arrays()
    assert found["vit_b_32"].shape == (2, 77)
    assert found["vit_b_32"].dtype == np.int32
    assert found["vit_b_32"][0].tolist() == [0, 3, 4, 2] + [1] * 73
    assert found["tokens"].tolist() == [[5], [3]]


def test_only_what_is_asked_for_is_answered(model: triton.Model) -> None:
    assert set(ask(model, b"soup", wanted=("vit_b_32",)).arrays()) == {"vit_b_32"}


def test_a_newer_version_brings_its_own_tokenizer(model: triton.Model, repository: Path) -> None:
    assert ask(model, b"soup").arrays()["vit_b_32"][0, 1] == 2
    write(repository / "embed_clip_text_vit_b_32" / "10", [*WORDS[:2], "bowl", "soup"])
    assert ask(model, b"soup").arrays()["vit_b_32"][0, 1] == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the text is empty"),
        (b" \n", "the text is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"soup " * 76, "78 tokens, start and end included; at most 77"),
        (b"x" * 8193, "8193 characters, at most 8192"),
    ],
)
def test_a_text_that_cannot_be_used_fails_alone(model: triton.Model, text: bytes, said: str) -> None:
    requests = [triton.Request({"text": np.array([[one]], np.object_)}, ["vit_b_32"]) for one in (text, b"soup")]
    bad, good = model.execute(requests)
    assert said in bad.refusal().message()
    assert bad.refusal().code() == triton.TritonError.INVALID_ARG
    assert good.arrays()["vit_b_32"].shape == (1, 77)


def test_the_longest_text_is_taken_whole(model: triton.Model) -> None:
    assert ask(model, b"soup " * 75).arrays()["tokens"].tolist() == [[77]]


def test_a_network_without_a_tokenizer_is_the_servers_fault(model: triton.Model) -> None:
    answer = ask(model, b"soup", wanted=("vit_l_14",))
    assert answer.refusal().code() == triton.TritonError.INTERNAL

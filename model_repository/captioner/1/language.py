"""The words of the served networks: tokenizer and token numbers, which lie beside each version of the decoder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path

TOKENIZER, CARD = "tokenizer.json", "model.json"


@dataclass(frozen=True)
class Language:
    """`start` are the tokens that every text begins with, `stop` closes one; no text may be longer than `limit`."""

    version: int
    tokenizer: Tokenizer
    start: tuple[int, ...]
    stop: int
    limit: int
    max_length: int
    empty_past: tuple[int, int, int, int]

    def prompt(self, text: str) -> tuple[int, ...]:
        """Return the first tokens of a text that begins with `text`."""
        return (*self.start, *self.tokenizer.encode(text, add_special_tokens=False).ids) if text else self.start

    def written(self, tokens: tuple[int, ...]) -> str:
        """Return the text of tokens; those that are no words are left out."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True)).strip()


def read(folder: Path) -> Language:
    """Return the language of one version folder of the decoder."""
    facts = json.loads((folder / CARD).read_text(encoding="utf-8"))["language"]
    return Language(
        int(folder.name),
        Tokenizer.from_file(str(folder / TOKENIZER)),
        tuple(facts["start"]),
        facts["stop"],
        facts["limit"],
        facts["max_length"],
        (facts["layers"] * 2, facts["heads"], 0, facts["width"]),
    )


class Languages:
    """Those of every version in the decoder's folder, each read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[int, Language] = {}

    def newest_first(self) -> list[Language]:
        """Return them; a version that was exported a moment ago is among them."""
        there = sorted((int(path.name) for path in self._folder.iterdir() if _complete(path)), reverse=True)
        self._known = {number: self._known.get(number) or read(self._folder / str(number)) for number in there}
        return list(self._known.values())


def _complete(folder: Path) -> bool:
    return folder.name.isdecimal() and (folder / TOKENIZER).is_file() and (folder / CARD).is_file()

"""What a captioner's step must know beside the networks: the tokenizer, and the numbers of its special tokens."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.caption_graphs import Captioner
from export.checkpoint import Checkpoint
from export.errors import CheckpointError
from export.weights import BROKEN, first_line

TOKENIZER = "tokenizer.json"
USUAL_LENGTH = 50


@dataclass(frozen=True)
class Language:
    """`start` are the tokens that every text begins with; `stop` closes one. `limit` is the longest text in tokens,
    `max_length` what a request gets that does not say. `layers`, `heads` and `width` shape an empty past.
    """

    start: tuple[int, ...]
    stop: int
    pad: int
    limit: int
    max_length: int
    layers: int
    heads: int
    width: int
    vocabulary: int
    tokenizer: str

    def facts(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name != "tokenizer"}

    def write(self, folder: Path) -> None:
        (folder / TOKENIZER).write_text(self.tokenizer, encoding="utf-8")


def read(checkpoint: Checkpoint, captioner: Captioner) -> Language:
    """Raises CheckpointError where there is no tokenizer, or no token that begins or closes a text."""
    config = captioner.decoder.config
    start, stop, pad = _special(checkpoint, captioner)
    vocabulary = int(config.vocab_size)
    tokenizer = _tokenizer(checkpoint)
    largest = max(start, stop, tokenizer.get_vocab_size(with_added_tokens=False) - 1)
    if largest >= vocabulary:
        raise CheckpointError(f"{checkpoint.source}: token {largest} is beyond the network's {vocabulary}")
    limit = int(config.max_position_embeddings)
    return Language(
        start=(start,),
        stop=stop,
        pad=stop if pad is None else pad,
        limit=limit,
        max_length=min(USUAL_LENGTH, limit),
        layers=captioner.layers,
        heads=captioner.heads,
        width=captioner.width,
        vocabulary=vocabulary,
        tokenizer=str(tokenizer.to_str()),
    )


def _special(checkpoint: Checkpoint, captioner: Captioner) -> tuple[int, int, int | None]:
    """First token, closing token, filling token, as the checkpoint's own `generate()` takes them."""
    if checkpoint.family == "blip":
        text = captioner.model.config.text_config
        found = (text.bos_token_id, text.sep_token_id, text.pad_token_id)
    else:
        said = captioner.model.generation_config
        found = (said.decoder_start_token_id, said.eos_token_id, said.pad_token_id)
    for name, token in zip(("begins", "closes"), found, strict=False):
        if not isinstance(token, int) or token < 0:
            raise CheckpointError(f"{checkpoint.source}: states no single token that {name} a text, but {token}")
    return found


def _tokenizer(checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - the class behind the fast tokenizers
    from transformers import AutoTokenizer

    try:
        loader: Any = AutoTokenizer
        return loader.from_pretrained(checkpoint.folder, local_files_only=True).backend_tokenizer
    except BROKEN as error:
        raise CheckpointError(f"{checkpoint.source}: no usable tokenizer: {first_line(error)}") from error

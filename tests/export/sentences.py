"""A tiny CLIP with a tokenizer of a few words, as a checkpoint of the hub has it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from export.quiet import quiet_libraries
from export.roles import TextRole

WIDTH = 24
WORDS = (
    "<start>",
    "<end>",
    "<unknown>",
    "a",
    "bowl",
    "of",
    "soup",
    "two",
    "red",
    "cars",
    "photo",
    "house",
    "with",
    "x",
)
TEXT = TextRole("embed_clip_text_vit_b_32", WIDTH)
CONFIG = """
name: "{name}"
backend: "onnxruntime"
max_batch_size: 8
input [ {{ name: "ids" data_type: TYPE_INT32 dims: [ {length} ] }} ]
output [
  {{ name: "embedding" data_type: TYPE_FP32 dims: [ {width} ] }},
  {{ name: "normalized" data_type: TYPE_FP32 dims: [ {width} ] }}
]
"""


def make_repository(folder: Path) -> Path:
    (folder / TEXT.name).mkdir(parents=True)
    text = CONFIG.format(name=TEXT.name, length=TEXT.length, width=TEXT.width)
    (folder / TEXT.name / "config.pbtxt").write_text(text)
    return folder


def make_clip(folder: Path, width: int = WIDTH, side: int = 32) -> Path:
    """Both towers and the tokenizer; the text's end has the number that the network looks for."""
    from transformers import CLIPConfig, CLIPModel

    text = {"vocab_size": len(WORDS), "eos_token_id": 1, "bos_token_id": 0, "hidden_size": 32, "num_hidden_layers": 2}
    text |= {"intermediate_size": 64, "num_attention_heads": 2, "max_position_embeddings": TEXT.length}
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    vision |= {"image_size": side, "patch_size": 16}
    torch.manual_seed(3)
    with quiet_libraries():
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=width))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1 and parameter.numel():
                    parameter.normal_(std=parameter[0].numel() ** -0.5)
        model.save_pretrained(folder)
        _tokenizer().save_pretrained(folder)
    return folder


def _tokenizer() -> Any:  # noqa: ANN401 - transformers' classes are many
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unknown>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(word, WORDS.index(word)) for word in ("<start>", "<end>")]
    made.post_processor = processors.TemplateProcessing(single="<start> $A <end>", special_tokens=ends)
    made.enable_truncation(8)
    wrapper: Any = PreTrainedTokenizerFast
    return wrapper(tokenizer_object=made, bos_token="<start>", eos_token="<end>", pad_token="<end>")


def ids(text: str) -> list[int]:
    """The tokens of a text and one more end."""
    return [0, *(WORDS.index(word) for word in text.split()), 1, 1]


def by_transformers(checkpoint: Path, texts: list[str]) -> np.ndarray:
    """What a reader of the model's page would write."""
    import transformers

    classes: Any = transformers
    with quiet_libraries(), torch.inference_mode():
        tokens = classes.AutoTokenizer.from_pretrained(checkpoint)(texts, padding=True, return_tensors="pt")
        model = classes.CLIPModel.from_pretrained(checkpoint).eval()
        found = model.get_text_features(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
    return np.asarray(found.pooler_output.numpy())

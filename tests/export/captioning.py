"""Tiny captioners of both families with a real tokenizer, whose texts differ per picture and end."""

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from export.quiet import quiet_libraries
from export.roles import CaptionerRole, Framing
from tests.export.checkpoints import SIDE

CONFIGS = {
    "captioner_encoder": """
input [ {{ name: "pixels" data_type: TYPE_UINT8 dims: [ {side}, {side}, 3 ] }} ]
output [ {{ name: "cross" data_type: TYPE_FP32 dims: [ -1, -1, -1, -1 ] }} ]
""",
    "captioner_decoder": """
input [
  {{ name: "ids" data_type: TYPE_INT64 dims: [ -1 ] }},
  {{ name: "past" data_type: TYPE_FP32 dims: [ -1, -1, -1, -1, -1 ] }},
  {{ name: "cross" data_type: TYPE_FP32 dims: [ -1, -1, -1, -1 ] }}
]
output [
  {{ name: "logits" data_type: TYPE_FP32 dims: [ -1, -1 ] }},
  {{ name: "present" data_type: TYPE_FP32 dims: [ -1, -1, -1, -1, -1 ] }}
]
""",
}
ROLE = CaptionerRole("captioner", "encoder", Framing(None, SIDE), ("blip", "vision-encoder-decoder"))
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[DEC]")
PAD, UNKNOWN, CLS, STOP, START = range(5)
WORDS = tuple("abcdefghijklmnopqrstuvwxyz") + tuple(f"word{number}" for number in range(20))
LIMIT = 40


def make_repository(folder: Path, side: int = SIDE) -> Path:
    for name, ends in CONFIGS.items():
        (folder / name).mkdir(parents=True)
        head = f'name: "{name}"\nbackend: "onnxruntime"\nmax_batch_size: 8\n'
        (folder / name / "config.pbtxt").write_text(head + ends.format(side=side))
    return folder


def make_blip(folder: Path, side: int = SIDE) -> Path:
    from transformers import BlipConfig, BlipForConditionalGeneration

    shape: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    text = {
        **shape,
        "num_attention_heads": 4,
        "encoder_hidden_size": 32,
        "vocab_size": len(SPECIAL) + len(WORDS),
        "max_position_embeddings": LIMIT,
        "bos_token_id": START,
        "sep_token_id": STOP,
        "eos_token_id": CLS,
        "pad_token_id": PAD,
    }
    vision = {**shape, "num_attention_heads": 2, "image_size": side, "patch_size": side // 4}
    config = BlipConfig(text_config=text, vision_config=vision, projection_dim=16)
    _save(BlipForConditionalGeneration(config), folder, seed=SEEDS["blip"])
    return _described(folder, side, "BlipImageProcessor", resample=3)


def make_vit_gpt2(folder: Path, side: int = SIDE, resample: int = 3) -> Path:
    """Encoder and decoder of different widths, so that a projection stands between them."""
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    vision = ViTConfig(
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=side,
        patch_size=side // 4,
    )
    text = GPT2Config(
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=LIMIT,
        vocab_size=len(SPECIAL) + len(WORDS),
        add_cross_attention=True,
        bos_token_id=START,
        eos_token_id=STOP,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(vision, text)
    config.decoder_start_token_id = START
    config.eos_token_id, config.pad_token_id = STOP, PAD
    model = VisionEncoderDecoderModel(config)
    model.generation_config.decoder_start_token_id = START
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = STOP, PAD
    _save(model, folder, seed=SEEDS["vision-encoder-decoder"])
    return _described(folder, side, "ViTImageProcessor", resample=resample)


# Of the seeds tried, such whose texts end at different lengths.
SEEDS = {"blip": 20, "vision-encoder-decoder": 31}


def by_transformers(checkpoint: Path, pictures: list[Image.Image], **asked: Any) -> list[list[int]]:  # noqa: ANN401
    """Tokens that a reader of the model's page would get, without what fills the shorter rows up; `prompt` is text."""
    import transformers

    classes: Any = transformers
    prompt = asked.pop("prompt", "")
    with quiet_libraries(), torch.inference_mode():
        planes = classes.AutoImageProcessor.from_pretrained(checkpoint, backend="pil")(
            images=pictures, return_tensors="pt"
        )
        tokenizer = classes.AutoTokenizer.from_pretrained(checkpoint)
        blip = json.loads((checkpoint / "config.json").read_text())["model_type"] == "blip"
        kind = classes.BlipForConditionalGeneration if blip else classes.VisionEncoderDecoderModel
        network = kind.from_pretrained(checkpoint).eval()
        given = dict(asked)
        if blip and prompt:  # as its processor makes it: [CLS] words [SEP], of which generate() drops the last
            words = tokenizer(prompt, add_special_tokens=False)["input_ids"]
            given["input_ids"] = torch.tensor([[CLS, *words, STOP]]).repeat(len(pictures), 1)
        rows = network.generate(planes["pixel_values"], **given).tolist()
    return [row[: row.index(STOP, 1) + 1] if STOP in row[1:] else row for row in rows]


def written(checkpoint: Path, tokens: list[int]) -> str:
    import transformers

    loader: Any = transformers.AutoTokenizer
    return str(loader.from_pretrained(checkpoint).decode(tokens, skip_special_tokens=True)).strip()


def _save(model: Any, folder: Path, seed: int) -> None:  # noqa: ANN401 - transformers' classes are many
    """Random weights so large that what is read of picture and position outweighs the last word: with the library's own
    every text is one word over and over.
    """
    torch.manual_seed(seed)
    with quiet_libraries():
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "position" in name or "wpe" in name:
                    parameter.normal_(std=2.0)
                elif "token_embedding" in name or "wte" in name:
                    parameter.normal_(std=0.3)
                    parameter[STOP] *= 3
                elif parameter.dim() > 1:
                    parameter.normal_(std=2 * parameter[0].numel() ** -0.5)
        model.save_pretrained(folder)


def _described(folder: Path, side: int, processor: str, resample: int) -> Path:
    facts = {
        "image_processor_type": processor,
        "do_resize": True,
        "size": {"height": side, "width": side},
        "resample": resample,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": (0.48145466, 0.4578275, 0.40821073),
        "image_std": (0.26862954, 0.26130258, 0.27577711),
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(facts))
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": token, "content": name, **added} for token, name in enumerate(SPECIAL)],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordLevel",
            "vocab": {word: token for token, word in enumerate((*SPECIAL, *WORDS))},
            "unk_token": "[UNK]",
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **names}))
    return folder

"""Coloured shapes for keywords, prepared as a data set, and the smallest CLIP that trains."""

import hashlib
import io
import json
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image, ImageDraw
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

LABELS = ("red-square", "green-disc", "blue-bar")
_COLOURS = ((200, 40, 30), (40, 170, 60), (40, 60, 200))
Counts = Mapping[str, Sequence[int]]
COUNTS: Counts = {"train": (12, 4, 8), "validation": (4, 4, 4), "test": (5, 4, 3)}


def shape(label: int, seed: int, size: tuple[int, int] = (96, 80)) -> Image.Image:
    """A shape in its colour on a light grey ground."""
    rng = np.random.default_rng((seed, label))
    picture = Image.new("RGB", size, (int(rng.integers(200, 256)),) * 3)
    x, y = (int(v) for v in rng.integers(34, 46, 2))
    box = [(x - 22, y - 22, x + 22, y + 22), (x - 24, y - 24, x + 24, y + 24), (x - 30, y - 9, x + 30, y + 9)]
    draw = ImageDraw.Draw(picture)
    (draw.ellipse if label == 1 else draw.rectangle)(box[label % 3], fill=_COLOURS[label % 3])
    return picture


def encoded(picture: Image.Image, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def prepare(folder: Path, counts: Counts = COUNTS, labels: Sequence[str] = LABELS, shards: int = 2) -> Path:
    """A prepared data set with so many pictures of each keyword."""
    for number, (split, each) in enumerate(counts.items()):
        rows = [
            row(f"{split}-{label}-{i}", labels[label], label, encoded(shape(label, 1000 * number + i)))
            for label, count in enumerate(each)
            for i in range(count)
        ]
        write_shards(folder / split, rows, shards)
    facts = {"labels": list(labels), "seed": 1, "manifest": "0" * 64, "size": 96}
    (folder / "dataset.json").write_text(json.dumps(facts))
    return folder


def row(name: str, keyword: str, label: int | None, image: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(image).hexdigest()
    return {"name": name, "image": image, "keyword": keyword, "label": label, "group": name, "sha256": digest}


def write_shards(folder: Path, rows: Sequence[dict[str, Any]], shards: int = 1) -> None:
    """Rows dealt out in turn, in row groups of four."""
    kinds = {"name": pa.string(), "image": pa.binary(), "keyword": pa.string()}
    schema = pa.schema({**kinds, "label": pa.int32(), "group": pa.string(), "sha256": pa.string()})
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(shards):
        table = pa.Table.from_pylist(list(rows[number::shards]), schema=schema)
        pq.write_table(table, folder / f"shard-{number:05d}.parquet", row_group_size=4)


def tiny_clip(folder: Path, side: int = 224) -> Path:
    """Both towers of two thin blocks, random weights, and a tokenizer that spells."""
    letters = string.ascii_lowercase + string.digits + ".,-"
    words = ["<|startoftext|>", *letters, *(f"{letter}</w>" for letter in letters), "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=40).save_pretrained(folder)
    thin = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": 0, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    text = {**thin, **ends, "vocab_size": len(words), "max_position_embeddings": 40}
    vision = {**thin, "image_size": side, "patch_size": 32}
    torch.manual_seed(5)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
    model.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side}).save_pretrained(
        folder
    )
    return folder

"""What facenet-pytorch's own MTCNN answers for the test pictures, written to answers.json beside this file.

It needs an environment of its own: facenet-pytorch asks for torch and Pillow of 2024, but runs on today's.

    python3.11 -m venv /tmp/facenet
    /tmp/facenet/bin/pip install torch torchvision requests tqdm numpy==2.3.4 pillow==13.0.0 scikit-image==0.25.2
    /tmp/facenet/bin/pip install --no-deps facenet-pytorch==2.6.0
    /tmp/facenet/bin/python -m tests.faces.record
"""

from __future__ import annotations

import importlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image

from tests.faces import photographs

ANSWERS = Path(__file__).with_name("answers.json")


def main() -> None:
    network: Any = importlib.import_module("facenet_pytorch").MTCNN(keep_all=True)
    pictures = {name: answer(network, photographs.pixels(name)) for name in photographs.PICTURES}
    versions = {name: version(name) for name in ("facenet-pytorch", "torch", "torchvision")}
    ANSWERS.write_text(json.dumps({"versions": versions, "pictures": pictures}, indent=1) + "\n")


def answer(network: Any, pixels: Any) -> dict[str, object]:  # noqa: ANN401 - a library that is not installed here
    """The faces of one picture as lists; the library says None for no face."""
    boxes, scores, landmarks = network.detect(Image.fromarray(pixels), landmarks=True)
    lists: dict[str, object] = {"boxes": [], "scores": [], "landmarks": []}
    if boxes is not None:
        lists = {"boxes": boxes.tolist(), "scores": list(map(float, scores)), "landmarks": landmarks.tolist()}
    return {"sha256": photographs.digest(pixels), **lists}


if __name__ == "__main__":
    main()

"""What a small team writes first: one process, the networks in torch, one task after the other. The comparison's rival.

    python -m perf.torch_service CHECKPOINTS PORT

Answers `POST /analyze_image_upload/` for the tasks of the benchmark as the image_embed service did: it reuses boxes
within a request, and that is all.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import torch
import transformers
import uvicorn
from fastapi import FastAPI, File, Form, UploadFile
from PIL import Image

from perf import families

classes: Any = transformers
Box = tuple[int, int, int, int]


class Networks:
    """The three networks with their own processors, as their model cards show them."""

    def __init__(self, folder: Path) -> None:
        self._clip = _loaded(folder / families.CLIP, "CLIPModel")
        self._dino = _loaded(folder / families.DINO, "AutoModel")
        self._person = _loaded(folder / families.PERSON, "AutoModelForObjectDetection")

    def clip(self, picture: Image.Image) -> list[float]:
        processor, network = self._clip
        values = processor(images=picture, return_tensors="pt")["pixel_values"]
        vector: list[float] = network.get_image_features(pixel_values=values).pooler_output[0].tolist()
        return vector

    def dino(self, picture: Image.Image) -> list[float]:
        processor, network = self._dino
        vector: list[float] = network(**processor(images=picture, return_tensors="pt")).pooler_output[0].tolist()
        return vector

    def person(self, picture: Image.Image) -> Box | None:
        processor, network = self._person
        values = processor(images=picture, return_tensors="pt")["pixel_values"]
        sizes = [(picture.height, picture.width)]
        (found,) = processor.post_process_object_detection(network(pixel_values=values), 0.3, target_sizes=sizes)
        if not len(found["scores"]):
            return None
        xmin, ymin, xmax, ymax = (int(edge) for edge in found["boxes"][found["scores"].argmax()].tolist())
        return max(xmin, 0), max(ymin, 0), min(xmax, picture.width), min(ymax, picture.height)


def _loaded(folder: Path, name: str) -> tuple[Any, Any]:
    processor = classes.AutoImageProcessor.from_pretrained(folder, backend="pil")
    return processor, getattr(classes, name).from_pretrained(folder).eval()


def create_app(networks: Networks) -> FastAPI:
    app = FastAPI()

    @app.post("/analyze_image_upload/")
    async def analyze(
        tasks_json: Annotated[str, Form()], image_file: Annotated[UploadFile, File()]
    ) -> dict[str, object]:
        picture = Image.open(io.BytesIO(await image_file.read())).convert("RGB")
        with torch.inference_mode():
            return {"image_url": f"uploaded:{image_file.filename}", "results": _results(networks, picture, tasks_json)}

    return app


def _results(networks: Networks, picture: Image.Image, tasks_json: str) -> dict[str, object]:
    context: dict[str, Box | None] = {}
    results: dict[str, object] = {}
    for task in json.loads(tasks_json):
        target = task["params"]["target"]
        if target == "prominent_person" and "person" not in context:
            context["person"] = networks.person(picture)
        box = context.get("person") if target == "prominent_person" else None
        results[task["operation_id"]] = _result(networks, picture, task["type"], box)
    return results


def _result(networks: Networks, picture: Image.Image, kind: str, box: Box | None) -> dict[str, object]:
    if kind == "detect_bounding_box":
        return {"status": "success", "data": box}
    part, encoded = picture, None
    if box is not None:
        part, buffer = picture.crop(box), io.BytesIO()
        part.save(buffer, "PNG")
        encoded = base64.b64encode(buffer.getvalue()).decode()
    vector = networks.dino(part) if kind == "embed_dino_v2" else networks.clip(part)
    return {"status": "success", "data": vector, "cropped_image_bbox": box, "cropped_image_base64": encoded}


if __name__ == "__main__":
    uvicorn.run(create_app(Networks(Path(sys.argv[1]))), port=int(sys.argv[2]), log_level="warning")

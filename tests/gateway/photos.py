"""What the pipelines of product photos answer, for a fake inference server."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from gateway.settings import Settings
from tests.gateway.fakes import WHOLE, FakeInference, picture

PIPELINES = {
    "/remove-background": "product_cutout",
    "/process": "product_photo",
    "/process-full": "product_photo",
    "/render-template": "render_template",
}
ROUTES = pytest.mark.parametrize("path", PIPELINES)
BOX = [2, 3, 14, 11]
SERVED = replace(WHOLE, networks=WHOLE.networks | {"product_matte"})


def file(kind: str = "PNG", width: int = 16, height: int = 12) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB" if kind == "JPEG" else "RGBA", (width, height), "blue").save(buffer, kind)
    return buffer.getvalue()


def answered(
    data: bytes, uncertainty: float = 0.125, *, needs_review: bool = False, **report: object
) -> Mapping[str, npt.NDArray[Any]]:
    told = {"media_type": "image/png", "extension": "png", "width": 16, "height": 12, "box": BOX, **report}
    return {
        "picture": np.array([data], np.object_),
        "uncertainty": np.array([uncertainty], np.float32),
        "needs_review": np.array([needs_review], np.bool_),
        "report": np.array([json.dumps(told).encode()], np.object_),
    }


def studio() -> FakeInference:
    return FakeInference(inventory_now=SERVED, tensors=answered(file()))


def sent(inference: FakeInference, number: int = -1) -> dict[str, Any]:
    """The options of one call."""
    found: dict[str, Any] = json.loads(inference.inputs[number]["options"])
    return found


async def post(
    client: httpx.AsyncClient, path: str, photo: bytes | None = None, /, accept: str = "*/*", **form: str
) -> httpx.Response:
    files = {"image": ("My lens.JPG", picture() if photo is None else photo)}
    return await client.post(path, files=files, data=form, headers={"Accept": accept})


def settings_in(folder: Path) -> Settings:
    return Settings(
        model_repository=folder,
        templates=folder / "templates",
        canary_interval_seconds=3600,
        max_picture_bytes=100_000,
        max_pixels=10_000,
        max_concurrency=1,
        max_queue=1,
    )

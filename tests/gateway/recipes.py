"""What the pipeline of recipe photos answers, for a fake inference server."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.inference import Inventory, Tensors
from gateway.settings import Settings
from tests.gateway.fakes import WHOLE, FakeInference, picture

ROUTES = """\
version: 1
routes:
  tray: {pipeline: step_cutout}
  shop: {pipeline: product_photo, options: {template: {name: bar}}}
"""
MADE = picture(16, 12)
SERVED: Inventory = replace(
    WHOLE,
    versions={**WHOLE.versions, "recipe_photo": (1,), "keyword_classifier": (3,)},
    networks=WHOLE.networks | {"keyword_classifier"},
    steps={**WHOLE.steps, "recipe_photo": ("classify_keywords", "decode", "keyword_classifier", "cutout_step")},
)


def settings_in(folder: Path) -> Settings:
    """With a routing file, a template that it names, and a catalogue that refreshes on demand."""
    write(folder, ROUTES)
    template = folder / "templates" / "bar" / "1" / "template.yaml"
    template.parent.mkdir(parents=True)
    template.write_text("one")
    return Settings(model_repository=folder / "models", templates=folder / "templates", canary_interval_seconds=3600)


def write(folder: Path, text: str) -> str:
    """Put a routing file into the model repository; return its SHA-256."""
    path = folder / "models" / "recipe_photo" / "routes.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Kitchen(FakeInference):
    """Finishes recipe photos by the routing file that a test says is in force."""

    keyword: str = "tray"
    confidence: float = 0.9998
    route: str = "step_cutout"
    made: bytes = MADE
    extension: str = "png"
    needs_review: bool | None = None
    rules: str = hashlib.sha256(ROUTES.encode()).hexdigest()
    problem: str | None = None

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        answer = self._answer()
        await super().call(model, inputs, (), request_id)
        return {name: answer[name] for name in outputs}

    def _answer(self) -> Mapping[str, npt.NDArray[Any]]:
        texts = {
            "keyword": self.keyword.encode(),
            "route": self.route.encode(),
            "picture": self.made,
            "report": json.dumps(self._report()).encode(),
        }
        columns = {name: np.array([text], np.object_) for name, text in texts.items()}
        return columns | {"confidence": np.array([self.confidence], np.float32)}

    def _report(self) -> dict[str, object]:
        return {
            "keyword": self.keyword,
            "confidence": self.confidence,
            "keywords": [{"keyword": self.keyword, "confidence": self.confidence}],
            "classified": True,
            "route": self.route,
            "reason": "keyword",
            "review_below": 0.6,
            "dry_run": False,
            "rules": {"sha256": self.rules, "problem": self.problem},
            "media_type": "image/png" if self.made else None,
            "extension": self.extension if self.made else None,
            "width": 16 if self.made else None,
            "height": 12 if self.made else None,
            "box": [1, 2, 7, 5] if self.made else None,
            "uncertainty": None,
            "needs_review": self.needs_review,
            "pipeline": "cutout_step" if self.made else None,
            "notes": [],
        }


def kitchen() -> Kitchen:
    return Kitchen(inventory_now=SERVED)

"""Masks from boxes: SAM (Kirillov et al., 2023) and SAM 2 (Ravi et al., 2024) of transformers."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from training.shelves.errors import ShelvesError

Box = tuple[float, float, float, float]
_AT_ONCE = 64
_TYPES = ("sam", "sam2", "sam2_video")
_BROKEN = (OSError, ValueError, RuntimeError, TypeError, LookupError, AttributeError, ImportError, SafetensorError)


class Masker:
    """Draws what is in each box of a picture."""

    def __init__(self, checkpoint: str, revision: str | None = None) -> None:
        """A folder or hub id. Raises ShelvesError where it is not there, or neither SAM nor SAM 2."""
        try:
            self._model, self._processor = _loaded(checkpoint, revision or "main")
        except _BROKEN as error:
            raise ShelvesError(f"{checkpoint}: cannot be loaded as SAM or SAM 2 ({error})") from error
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model.eval().to(self._device)

    @torch.inference_mode()
    def __call__(
        self, picture: NDArray[np.uint8], boxes: Sequence[Box]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """RGB UINT8 [H, W, 3] and boxes (xmin, ymin, xmax, ymax) to masks [n, H, W] and how good each may be [n]."""
        ready = self._processor(images=picture.copy(), input_boxes=[[list(box) for box in boxes]], return_tensors="pt")
        embeddings = self._model.get_image_embeddings(ready["pixel_values"].to(self._device))
        if isinstance(embeddings, torch.Tensor):
            embeddings = embeddings.to(self._device)
        sizes = [ready[name] for name in ("original_sizes", "reshaped_input_sizes") if name in ready]
        masks, scores = [], []
        for some in ready["input_boxes"].float().to(self._device).split(_AT_ONCE, dim=1):
            found = self._model(input_boxes=some, image_embeddings=embeddings, multimask_output=False)
            masks.append(self._processor.post_process_masks(found.pred_masks.cpu(), *sizes)[0][:, 0].numpy())
            scores.append(found.iou_scores[0, :, 0].float().cpu().numpy())
        return np.concatenate(masks).astype(np.bool_), np.concatenate(scores).astype(np.float32)


def _loaded(checkpoint: str, revision: str) -> tuple[Any, Any]:
    from transformers import AutoConfig, Sam2Model, Sam2Processor, SamModel, SamProcessor
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    config = AutoConfig.from_pretrained(checkpoint, revision=revision)
    if config.model_type not in _TYPES:
        raise ValueError(f"its type is {config.model_type}")
    if config.model_type == "sam":
        model: Any = SamModel.from_pretrained(checkpoint, revision=revision, use_safetensors=True)
        processor: Any = SamProcessor  # without types
        return model, processor(SamImageProcessorPil.from_pretrained(checkpoint, revision=revision))
    if find_spec("torchvision") is None:
        raise ValueError("SAM 2 needs torchvision: pip install '.[training,torchvision]'")
    model = Sam2Model.from_pretrained(checkpoint, revision=revision, use_safetensors=True)
    return model, Sam2Processor.from_pretrained(checkpoint, revision=revision)

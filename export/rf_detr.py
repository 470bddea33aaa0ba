"""RF-DETR with masks (Robinson et al., "RF-DETR: Neural Architecture Search for Real-Time Detection Transformers",
arXiv:2511.09554), as `transformers` has it.
"""

from typing import Any

import numpy as np
import torch

from export import weights
from export.checkpoint import Checkpoint
from export.errors import CheckpointError
from export.instance_proof import Instances, painted
from export.instances import Drafts
from export.network import resized
from export.shelf_labels import classes

LEAST_SCORE = 0.25


class RfDetr(torch.nn.Module):
    """A checkpoint's network. Its queries suppress double instances by themselves."""

    name = "RfDetrForInstanceSegmentation"
    convolutional = False  # its backbone is a transformer
    cropped = False

    numbers: torch.Tensor

    def __init__(self, network: torch.nn.Module, numbers: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("numbers", torch.tensor(numbers), persistent=False)

    def drafts(self, planes: torch.Tensor, count: int) -> Drafts:
        """Rows by score over queries and classes, as the library's own processor takes them."""
        network: Any = self.network
        found_by = network.model.model(planes)
        logits, places = network.model.predict_class_and_boxes(
            found_by.last_hidden_state, found_by.intermediate_reference_points[-1]
        )
        features, hidden = found_by.backbone_features, found_by.intermediate_hidden_states
        masks = network.segmentation_head(features, hidden, planes.shape[-2:])[-1]
        batch, queries, labels = logits.shape
        scores, order = logits.sigmoid().flatten(1).topk(min(count, queries * labels), dim=1)
        query, found = order // labels, scores > LEAST_SCORE
        middle, extent = places.split(2, dim=-1)
        boxes = torch.cat([middle - extent / 2, middle + extent / 2], dim=-1).clamp(0, 1)
        boxes = boxes.gather(1, query[..., None].expand(-1, -1, 4)) * found[..., None]
        side = masks.shape[-1]
        masks = masks.flatten(2).gather(1, query[..., None].expand(-1, -1, side * side))
        missing = count - order.shape[1]
        return Drafts(
            boxes=torch.nn.functional.pad(boxes, (0, 0, 0, missing)),
            scores=torch.nn.functional.pad(scores * found, (0, missing)),
            classes=torch.nn.functional.pad(self.numbers[order % labels] * found, (0, missing)),
            logits=torch.nn.functional.pad(masks, (0, 0, 0, missing)).mT.reshape(batch, side, side, count),
            features=features,
        )

    def instances(self, planes: torch.Tensor, count: int, size: int) -> Instances:
        network: Any = self.network
        answer, inner = network(pixel_values=planes), network.model.model
        logits = answer.logits[0].numpy().astype(np.float64)
        scores = 1 / (1 + np.exp(-logits))
        order = np.argsort(-scores, axis=None, kind="stable")[:count]
        order = order[scores.flat[order] > LEAST_SCORE]
        query, label = np.divmod(order, scores.shape[1])
        middle, extent = np.split(answer.pred_boxes[0].numpy().astype(np.float64)[query], 2, axis=1)
        numbers = painted(
            resized(answer.pred_masks[0].numpy()[None, query], size)[0] if len(order) else np.zeros(0), size
        )
        known = self.numbers.numpy()[label]
        return Instances(
            numbers=numbers,
            mask=np.concatenate([[0], known]).astype(np.uint8)[numbers],
            boxes=np.clip(np.concatenate([middle - extent / 2, middle + extent / 2], axis=1), 0, 1),
            scores=scores.flat[order],
            classes=known,
            embedding=inner(planes).backbone_features[0].flatten(1).mean(dim=1).numpy().astype(np.float64),
        )


def finder(checkpoint: Checkpoint) -> RfDetr:
    """Raises CheckpointError for weights without masks and for other classes than a shelf's."""
    from transformers import RfDetrForInstanceSegmentation

    if checkpoint.config.get("model_type") != "rf_detr":
        raise CheckpointError(
            f"{checkpoint.source}: only RF-DETR knows masks; this is {checkpoint.config['model_type']}"
        )
    stated = checkpoint.config.get("id2label")
    labels = {str(number): str(name) for number, name in stated.items()} if isinstance(stated, dict) else {}
    names = [labels.get(str(number), "unnamed") for number in range(len(labels))]
    numbers = classes(checkpoint.source, names)
    return RfDetr(weights.pretrained(checkpoint, RfDetrForInstanceSegmentation), numbers).eval()

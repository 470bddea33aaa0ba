"""The classifier while it learns: with its loss, and the text tower where that learns, too."""

import torch
from torch import Tensor, nn

from training.keywords.loss import contrastive, cross_entropy
from training.keywords.network import Classifier
from training.keywords.recipe import Recipe
from training.keywords.texts import Texts


class Learner(nn.Module):
    """`pixels` UINT8 [n, S, S, 3] and `labels` [n] to the loss and the logits [n, labels]."""

    weights: Tensor | None

    def __init__(
        self, classifier: Classifier, texts: Texts | None, recipe: Recipe, weights: Tensor | None = None
    ) -> None:
        super().__init__()
        self.classifier, self.texts, self._recipe = classifier, texts, recipe
        self.register_buffer("weights", weights, persistent=False)
        self._stale = texts is not None

    def forward(self, pixels: Tensor, labels: Tensor) -> dict[str, Tensor]:
        if self.texts is not None and self.training:
            logits = self._to_texts(pixels, self.texts)
        else:
            self.settle()
            logits = self.classifier(pixels)
        return {"loss": self._loss(logits, labels), "logits": logits}

    @torch.no_grad()
    def settle(self) -> None:
        """Bring the head's prototypes up to date with a text tower that has learned."""
        if self.texts is not None and self._stale:
            self.classifier.head.place(self.texts.prototypes(), self.texts.scale)
            self._stale = False

    def _to_texts(self, pixels: Tensor, texts: Texts) -> Tensor:
        """One prompt a step, drawn by torch's generator, which checkpoints keep."""
        self._stale = True
        prompt = int(torch.randint(len(texts.ids), ()))
        vectors: Tensor = texts(prompt)
        return texts.scale * self.classifier.features(pixels) @ vectors.T

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self._recipe.loss == "contrastive":
            return contrastive(logits, labels)
        return cross_entropy(logits, labels, self.weights, self._recipe.smoothing if self.training else 0.0)

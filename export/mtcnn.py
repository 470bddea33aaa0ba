"""MTCNN's three networks (Zhang et al., 2016), their parts named as in the weights that facenet-pytorch carries.

All take planes [n, 3, h, w], RGB as (level - 127.5) / 128. They answer with the probability of a face, and with how far
the sides of its box are to be moved: left, top, right, bottom, as fractions of width and height.
"""

import torch
from torch import nn

Answers = tuple[torch.Tensor, ...]


class ProposalNet(nn.Module):
    """P-Net, a field of 12 x 12 in steps of 2: probability [n, rows, columns] and moves [n, rows, columns, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, planes: torch.Tensor, gaps: torch.Tensor | None = None) -> Answers:
        """`gaps` [n, 1, h - 2, w - 2] is far below zero where the pooling shall see nothing, zero elsewhere."""
        features = self.prelu1(self.conv1(planes))
        features = self.pool1(features if gaps is None else features + gaps)
        features = self.prelu3(self.conv3(self.prelu2(self.conv2(features))))
        return self.conv4_1(features).softmax(1)[:, 1], self.conv4_2(features).permute(0, 2, 3, 1)


class RefinementNet(nn.Module):
    """R-Net, on 24 x 24: probability [n, 1] and moves [n, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, planes: torch.Tensor) -> Answers:
        features = self.pool1(self.prelu1(self.conv1(planes)))
        features = self.pool2(self.prelu2(self.conv2(features)))
        features = self.prelu4(self.dense4(_flat(self.prelu3(self.conv3(features)))))
        return self.dense5_1(features).softmax(1)[:, 1:], self.dense5_2(features)


class OutputNet(nn.Module):
    """O-Net, on 48 x 48: probability [n, 1], moves [n, 4], and five x and five y of landmarks [n, 10] as fractions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, planes: torch.Tensor) -> Answers:
        features = self.pool1(self.prelu1(self.conv1(planes)))
        features = self.pool2(self.prelu2(self.conv2(features)))
        features = self.pool3(self.prelu3(self.conv3(features)))
        features = self.prelu5(self.dense5(_flat(self.prelu4(self.conv4(features)))))
        return self.dense6_1(features).softmax(1)[:, 1:], self.dense6_2(features), self.dense6_3(features)


def _flat(features: torch.Tensor) -> torch.Tensor:
    """Columns before rows before channels, as in the framework that the weights were trained in."""
    return features.permute(0, 3, 2, 1).flatten(1)

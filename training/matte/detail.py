"""A small network that draws a matte's edges from the picture, which the matting network has seen at half its size."""

from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from training.matte.errors import MatteError

WEIGHTS = Path("detail") / "model.safetensors"  # in a checkpoint's folder; `transformers` does not look there
WIDTHS = (16, 32, 48)
STRIDE = 8  # sides of what the head reads are multiples of it
_BOUND = 10.0  # logits beyond say no more
_REACH = 1  # cells of the coarse answer around a place
_OPEN, _SHUT = 0.5, 2.0  # how sure the least sure of them is, for a full say of the head and for none


class DetailHead(nn.Module):
    """A U-Net of three levels, from half the picture's size down, that corrects enlarged logits at full size.

    The idea is that of ViTMatte's detail capture (Yao et al., arXiv:2305.15272): what is subject is known already,
    where exactly it ends is seen in the picture. A new head corrects nothing.
    """

    def __init__(self, widths: tuple[int, int, int] = WIDTHS) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.inwards = nn.Conv2d(4, fine, 4, stride=2, padding=1)
        self.down = nn.ModuleList([_stage(fine, middle), _stage(middle, coarse)])
        self.deep = _block(coarse, dilation=2)
        self.up = nn.ModuleList([nn.Conv2d(coarse, middle, 1), nn.Conv2d(middle, fine, 1)])
        self.merge = nn.ModuleList([_block(middle), _block(fine)])
        self.outwards = nn.Conv2d(fine, 4, 3, padding=1)
        nn.init.zeros_(self.outwards.weight)
        nn.init.zeros_(cast("Tensor", self.outwards.bias))

    def forward(self, planes: Tensor, logits: Tensor) -> Tensor:
        """Normalised pictures FP32 [B, 3, S, S] and coarse logits [B, 1, s, s] -> logits [B, 1, S, S]."""
        enlarged = functional.interpolate(logits, size=planes.shape[-2:], mode="bilinear", align_corners=False)
        hint = enlarged.clamp(-_BOUND, _BOUND) / _BOUND
        levels = [functional.relu(self.inwards(torch.cat([planes, hint], dim=1)))]
        for stage in self.down:
            levels.append(stage(levels[-1]))
        values = self.deep(levels.pop())
        for narrow, merge in zip(self.up, self.merge, strict=True):
            beside = levels.pop()
            wider = functional.interpolate(narrow(values), size=beside.shape[-2:], mode="bilinear", align_corners=False)
            values = merge(functional.relu(wider + beside))
        correction = functional.pixel_shuffle(self.outwards(values), 2)
        say: Tensor = functional.interpolate(_say(logits), size=planes.shape[-2:], mode="bilinear", align_corners=False)
        return enlarged + say * correction


def _say(logits: Tensor) -> Tensor:
    """0 where everything near is surely subject or surely ground, so that print on a product makes no holes; else 1."""
    lowest = -functional.max_pool2d(-logits, 2 * _REACH + 1, stride=1, padding=_REACH)
    highest = functional.max_pool2d(logits, 2 * _REACH + 1, stride=1, padding=_REACH)
    return ((_SHUT - torch.maximum(lowest, -highest)) / (_SHUT - _OPEN)).clamp(0, 1)


def _block(width: int, dilation: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation), nn.ReLU())


def _stage(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU(), _block(after))


class DetailedMatte(nn.Module):
    """A matting network that looks at `inner`, and a head that draws its edges at the picture's own size."""

    def __init__(self, model: nn.Module, head: DetailHead, inner: int) -> None:
        super().__init__()
        self.model = model
        self.head = head
        self.inner = inner

    def forward(self, planes: Tensor) -> Tensor:
        """Normalised pictures FP32 [B, 3, S, S], S a multiple of `inner` -> logits [B, 1, S, S]."""
        return cast("Tensor", self.head(planes, self.coarse(planes)))

    def coarse(self, planes: Tensor) -> Tensor:
        """The matting network's own logits FP32 [B, 1, s, s]; the picture is brought to it by plain means of areas."""
        times = planes.shape[-1] // self.inner
        seen = functional.avg_pool2d(planes, times) if times > 1 else planes
        return cast("Tensor", self.model(pixel_values=seen).logits)


def save_head(head: DetailHead, folder: Path) -> None:
    path = folder / WEIGHTS
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(head.state_dict(), path)


def load_head(folder: Path) -> DetailHead | None:
    """The head of a checkpoint's folder, None where it has none.

    Raises:
        MatteError: there is one, but its file is damaged or of another network.

    """
    path = folder / WEIGHTS
    if not path.is_file():
        return None
    try:
        weights = load_file(path)
        widths = tuple(weights[name].shape[0] for name in ("inwards.weight", "up.0.weight", "deep.0.weight"))
        head = DetailHead(cast("tuple[int, int, int]", widths))
        head.load_state_dict(weights)
    except (SafetensorError, OSError, KeyError, IndexError, RuntimeError) as error:
        raise MatteError(f"{path}: not the weights of a detail head ({error})") from error
    return head


def refuse_size(size: int, inner: int, source: str) -> None:
    """Raises MatteError where a head cannot serve pictures of `size` for a network that looks at `inner`."""
    if size % inner or size % STRIDE:
        raise MatteError(f"{source}: its detail head needs a size that is a multiple of {inner}, not {size}")

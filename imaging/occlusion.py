"""The contact shadow: the light of the whole surroundings that what stands on the ground keeps from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import contact
from imaging.blur import blurred

if TYPE_CHECKING:
    from imaging.arrays import Floats
    from imaging.contact import Contact

# Sigma as a share of the subject's size, and darkness where it lies all around: the crack, what is around it, a pool
LAYERS = ((0.007, 0.8), (0.033, 0.7), (0.1, 0.55))
LOW = 0.5  # gap over the ground, in sigmas, up to which what hangs beside the feet still darkens it
GAIN = 1.8  # what a layer has lost at the footprint's edge by its blur
SPREAD = 0.002  # of the size, by which a print is larger than what is seen to touch
SOFTER = 0.5  # the share of its width that a layer has in the hardest light, and that the softest adds


def dark(stand: Contact, softness: float) -> Floats:
    """Return FP32 [h, w], 0 to 1: darkest in the crack under what touches the ground, fading around it."""
    light = np.ones(stand.body.shape, np.float32)
    # what hardly touches has no ground of its own
    resting = np.clip((stand.touch - contact.TOUCHING) / (1 - 2 * contact.TOUCHING), 0, 1)
    for share, most in LAYERS:
        sigma = share * (SOFTER + softness) * stand.size
        low = np.maximum(resting, np.exp(-((stand.gap / (LOW * sigma)) ** 2)))
        soft = blurred(_printed(stand, low, SPREAD * stand.size), sigma, sigma * contact.FORESHORTENING)
        light *= 1 - np.minimum(soft * np.float32(GAIN), 1) * np.float32(most)
    return 1 - light


def _printed(stand: Contact, low: Floats, spread: float) -> Floats:
    """Return FP32 [h, w]: the footprints, larger by `spread`, as dark as `low` FP32 [w] says; none inside a loop."""
    rows = np.arange(len(stand.body), dtype=np.float32)[:, None] + np.float32(0.5)
    around = np.ones((1, 2 * round(spread) + 1), np.uint8)
    wider = np.asarray(cv2.dilate(low[None].astype(np.float32), around), np.float32)
    edge = np.float32(spread * contact.FORESHORTENING + 0.5)
    inside = np.clip(rows - stand.back + edge, 0, 1) * np.clip(stand.ground - rows + edge, 0, 1)
    return np.where((stand.body > 0) | (rows > stand.contour - 1), inside * wider, np.float32(0))

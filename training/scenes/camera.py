"""What a camera and a file do to light: blur, casts, exposure, vignette, noise, resampling, JPEG."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.canvas import Array, blurred, chance, encoded, grid
from training.scenes.textures import noise

Picture = npt.NDArray[np.uint8]

METERED = 0.75  # a camera's meter follows the scene, not all the way


@dataclass(frozen=True)
class Defects:
    """`blur` in pixels, `noise` 0..1 of full scale, `exposure` the encoded mean aimed at, `quality` the JPEG's."""

    blur: float
    noise: float
    exposure: float
    cast: tuple[float, float, float]
    vignette: float
    contrast: float
    saturation: float
    resample: float
    quality: int

    @staticmethod
    def drawn(rng: np.random.Generator, longer: int) -> "Defects":
        cast = np.exp(rng.normal(0, 0.03 if chance(rng, 0.7) else 0.09, 3))
        blur = 0.0 if chance(rng, 0.5) else float(rng.uniform(0.3, 1.2)) * longer / 384
        return Defects(
            blur=round(blur, 3),
            noise=round(float(rng.exponential(0.012)), 4),
            exposure=round(float(np.clip(rng.normal(0.47, 0.12), 0.12, 0.85)), 3),
            cast=(round(float(cast[0]), 3), round(float(cast[1]), 3), round(float(cast[2]), 3)),
            vignette=round(float(max(0.0, rng.normal(0.1, 0.25))), 3),
            contrast=round(float(np.exp(rng.normal(0.05, 0.2))), 3),
            saturation=round(float(np.exp(rng.normal(-0.05, 0.2))), 3),
            resample=1.0 if chance(rng, 0.7) else round(float(rng.uniform(0.5, 1.0)), 3),
            quality=int(rng.integers(40, 96)),
        )


def developed(rng: np.random.Generator, light: Array, defects: Defects) -> Picture:
    """Linear light to an 8-bit encoded picture, the JPEG step left out."""
    size = (light.shape[0], light.shape[1])
    light = blurred(light, defects.blur)
    gain = np.clip(defects.exposure**2 / (float(light.mean()) + 1e-4), 0.25, 6.0) ** METERED
    light = light * (np.array(defects.cast, np.float32) * np.float32(gain))
    if defects.vignette > 0:
        y, x = grid(size)
        far = (y - size[0] / max(size) / 2) ** 2 + (x - size[1] / max(size) / 2) ** 2
        light = light * (1 - np.clip(far * 2 * defects.vignette, 0, 0.9))[..., None]
    picture = encoded(light)
    if defects.saturation != 1:
        grey = picture.mean(axis=2, keepdims=True)
        picture = grey + (picture - grey) * np.float32(defects.saturation)
    picture = (picture - 0.45) * np.float32(defects.contrast) + 0.45
    if defects.noise > 0.002:
        picture = picture + rng.standard_normal((*size, 1 if chance(rng, 0.5) else 3), dtype=np.float32) * defects.noise
    if defects.noise > 0.03:
        picture = picture + ((noise(rng, size, 80, 1) - 0.5) * defects.noise)[..., None]
    done = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    return _resampled(done, defects.resample)


def _resampled(picture: Picture, factor: float) -> Picture:
    if factor >= 1:
        return picture
    height, width = picture.shape[:2]
    small = cv2.resize(
        picture, (max(8, int(width * factor)), max(8, int(height * factor))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def jpeg(picture: Picture, quality: int) -> bytes:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data.tobytes())


def png(mask: Picture) -> bytes:
    _, data = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 4])
    return bytes(data.tobytes())

"""What a camera sees of meshes: for every pixel the nearest surface, its normal and where on its texture it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.canvas import SUBPIXEL_BITS, Array, Size
from training.scenes.kitchen.mesh import Mesh

NEAR = 2.0  # cm before the lens from which things are seen
COUNTER = -1


@dataclass(frozen=True)
class View:
    """A pinhole at `origin` (cm); rows of `axes` point right, down and forward; `focal` in pixels."""

    size: Size
    origin: Array
    axes: Array
    focal: float

    @staticmethod
    def looking(size: Size, target: Array, way: tuple[float, float, float], distance: float, span: float) -> "View":
        """At `target` from `distance` cm, `way` being elevation, azimuth and roll in radians; `span` cm are seen
        across the longer side there.
        """
        elevation, azimuth, roll = way
        back = np.array([
            np.cos(elevation) * np.sin(azimuth), -np.cos(elevation) * np.cos(azimuth), np.sin(elevation)
        ])  # fmt: skip
        right = np.array([np.cos(azimuth), np.sin(azimuth), 0])
        down = np.cross(-back, right)
        c, s = np.cos(roll), np.sin(roll)
        axes = np.stack([right * c + down * s, down * c - right * s, -back]).astype(np.float32)
        origin = np.asarray(target + back * distance, np.float32)
        return View(size, origin, axes, max(size) * distance / span)

    @property
    def middle(self) -> Array:
        return np.array([self.size[1] / 2, self.size[0] / 2], np.float32)

    def projected(self, points: Array) -> tuple[Array, Array]:
        """(n, 2) pixels and (n,) depths."""
        seen = (points - self.origin) @ self.axes.T
        depth = seen[:, 2]
        pixels = seen[:, :2] * (np.float32(self.focal) / np.maximum(depth, NEAR))[:, None] + self.middle
        return np.asarray(pixels, np.float32), np.asarray(depth, np.float32)

    def rays(self) -> Array:
        """World directions (height, width, 3) whose forward part is 1."""
        height, width = self.size
        across = (np.arange(width, dtype=np.float32) + 0.5 - self.middle[0]) / np.float32(self.focal)
        down = (np.arange(height, dtype=np.float32) + 0.5 - self.middle[1]) / np.float32(self.focal)
        rays = across[None, :, None] * self.axes[0] + down[:, None, None] * self.axes[1] + self.axes[2]
        return np.asarray(rays, np.float32)


@dataclass(eq=False)
class Sight:
    """Per pixel: `depth`, the number of the mesh (COUNTER where there is none), its normal and texture place."""

    view: View
    rays: Array = field(init=False)
    depth: Array = field(init=False)
    mesh: npt.NDArray[np.int16] = field(init=False)
    normal: Array = field(init=False)
    uv: Array = field(init=False)

    def __post_init__(self) -> None:
        self.rays = self.view.rays()
        falling = np.minimum(self.rays[..., 2], np.float32(-0.02))
        self.depth = np.asarray(-self.view.origin[2] / falling, np.float32)
        self.mesh = np.full(self.view.size, COUNTER, np.int16)
        self.normal = np.zeros((*self.view.size, 3), np.float32)
        self.normal[..., 2] = 1
        self.uv = np.zeros((*self.view.size, 2), np.float32)

    def draw(self, number: int, mesh: Mesh) -> None:
        """Takes the mesh into the picture, wherever nothing nearer is there yet."""
        pixels, depth = self.view.projected(mesh.points)
        found = _covered(pixels, depth, mesh, self.view.size)
        if found is None:
            return
        rows, columns, faces = found
        corners, weights = _weights(np.stack([columns, rows], axis=1) + np.float32(0.5), pixels, mesh.faces[faces])
        weights = weights / np.maximum(depth, NEAR)[corners]
        total = weights.sum(axis=1)
        near = 1 / np.maximum(total, np.float32(1e-9))
        uv = _mixed(mesh.uv, corners, weights, near)
        keep = near < self.depth[rows, columns]
        if mesh.surface.alpha is not None:
            keep &= sampled(mesh.surface.alpha[..., None], uv)[:, 0] > 0.5
        rows, columns = rows[keep], columns[keep]
        self.depth[rows, columns] = near[keep]
        self.mesh[rows, columns] = number
        self.uv[rows, columns] = uv[keep]
        self.normal[rows, columns] = _mixed(mesh.normals, corners[keep], weights[keep], near[keep])


Covered = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _covered(pixels: Array, depth: Array, mesh: Mesh, size: Size) -> Covered | None:
    """Rows, columns and faces of the pixels that a mesh's front covers, of its own faces the nearest."""
    quads = pixels[mesh.faces]
    diagonal, other = quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]
    area = diagonal[:, 0] * other[:, 1] - diagonal[:, 1] * other[:, 0]
    low, high = quads.min(axis=1), quads.max(axis=1)
    inside = (high > 0).all(axis=1) & (low[:, 0] < size[1]) & (low[:, 1] < size[0])
    far = depth[mesh.faces]
    front = np.flatnonzero((area < -1e-3) & inside & (far.min(axis=1) > NEAR))
    if not len(front):
        return None
    front = front[np.argsort(-far[front].sum(axis=1), kind="stable")]
    corner = np.maximum(np.floor(low[front].min(axis=0)).astype(int) - 1, 0)
    end = np.minimum(np.ceil(high[front].max(axis=0)).astype(int) + 2, [size[1], size[0]])
    window = np.full((end[1] - corner[1], end[0] - corner[0]), -1, np.int32)
    fixed = np.round((quads[front] - corner - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    for place, quad in enumerate(fixed):
        cv2.fillConvexPoly(window, quad, place, cv2.LINE_8, SUBPIXEL_BITS)
    rows, columns = np.nonzero(window >= 0)
    if not len(rows):
        return None
    return rows + corner[1], columns + corner[0], front[window[rows, columns]]


def _weights(at: Array, pixels: Array, faces: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], Array]:
    """Which three corners of its face a pixel lies between (n, 3), and their shares (n, 3) on the picture."""
    a, c = pixels[faces[:, 0]], pixels[faces[:, 2]]
    across = c - a
    side, other = _cross(across, pixels[faces[:, 1]] - a), _cross(across, pixels[faces[:, 3]] - a)
    beyond = (_cross(across, at - a) * side < 0) & (np.abs(other) > 1e-2) | (np.abs(side) <= 1e-2)
    third = np.where(beyond, faces[:, 3], faces[:, 1])
    b = pixels[third]
    whole = _cross(b - a, c - a)
    whole = np.where(np.abs(whole) < 1e-6, np.float32(1e-6), whole)
    second, last = _cross(at - a, c - a) / whole, _cross(b - a, at - a) / whole
    shares = np.stack([1 - second - last, second, last], axis=1)
    thin = np.flatnonzero(np.abs(whole) < np.sqrt(np.maximum(_square(b - a), _square(c - a))))
    shares[thin] = _along(at[thin], a[thin], b[thin], c[thin])
    shares = np.clip(shares, 0, 1)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-6)
    return np.stack([faces[:, 0], third, faces[:, 2]], axis=1), shares.astype(np.float32)


def _cross(a: Array, b: Array) -> Array:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], np.float32)


def _square(a: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", a, a), np.float32)


def _along(at: Array, a: Array, b: Array, c: Array) -> Array:
    """The shares of a triangle that is hardly more than a line: along its longer side from its first corner."""
    to_c = _square(c - a) >= _square(b - a)
    side = np.where(to_c[:, None], c - a, b - a)
    share = np.einsum("ij,ij->i", at - a, side) / np.maximum(_square(side), 1e-6)
    return np.stack([1 - share, np.where(to_c, 0, share), np.where(to_c, share, 0)], axis=1)


def _mixed(values: Array, corners: npt.NDArray[np.int32], weights: Array, near: Array) -> Array:
    total = values[corners[:, 0]] * weights[:, :1]
    total += values[corners[:, 1]] * weights[:, 1:2]
    total += values[corners[:, 2]] * weights[:, 2:]
    return np.asarray(total * near[:, None], np.float32)


LINE = 4096  # OpenCV takes no longer lines
NO_MAP: Array = np.zeros((0, 0), np.float32)  # where both coordinates are in the first map


def lines(values: Array) -> Array:
    """(n, c) values as (lines, LINE, c), filled up with zeros."""
    count = len(values)
    filled = np.zeros((-(-count // LINE) * LINE, values.shape[1]), np.float32)
    filled[:count] = values
    return filled.reshape(-1, LINE, values.shape[1])


def sampled(texture: Array, uv: Array) -> Array:
    """The texture (h, w, c) at (n, 2) places 0..1, beyond which it is mirrored, (n, c)."""
    height, width, channels = texture.shape
    if height * width == 1:
        return np.broadcast_to(texture[0], (len(uv), channels))
    place = lines(uv * np.array([width, height], np.float32) - np.float32(0.5))
    taken = cv2.remap(texture, place, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(taken, np.float32).reshape(-1, channels)[: len(uv)]


def seen(view: View, meshes: Sequence[Mesh]) -> Sight:
    sight = Sight(view)
    for number, mesh in enumerate(meshes):
        sight.draw(number, mesh)
    return sight

"""A pinhole camera before a shelf.

The world is in centimetres: x along the shelf to the right, y up, z towards the viewer, 0 at the shelf's front.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from training.scenes.canvas import Size

Vector = npt.NDArray[np.float64]
"""(3,) of the world, or (n, 3) of such."""
Matrix = npt.NDArray[np.float64]
Points = npt.NDArray[np.float64]
"""(n, 2), pixels or coordinates upon a plane."""

NEAR = 12.0  # nothing nearer than this is seen


def vector(x: float, y: float, z: float) -> Vector:
    return np.array([x, y, z], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Plane:
    """Coordinates (a, b) in centimetres upon it mean origin + a * across + b * down."""

    origin: Vector
    across: Vector
    down: Vector

    @staticmethod
    def upright(x: float, y: float, z: float) -> "Plane":
        """Parallel to the shelf's front, its corner at the upper left."""
        return Plane(vector(x, y, z), vector(1, 0, 0), vector(0, -1, 0))

    @staticmethod
    def level(x: float, y: float, z: float) -> "Plane":
        """Parallel to the boards, `down` towards the viewer."""
        return Plane(vector(x, y, z), vector(1, 0, 0), vector(0, 0, 1))

    @staticmethod
    def sideways(x: float, y: float, z: float) -> "Plane":
        """Parallel to an end panel, `across` towards the viewer."""
        return Plane(vector(x, y, z), vector(0, 0, 1), vector(0, -1, 0))


def rectangle(width: float, height: float) -> Points:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)


def turned(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> Matrix:
    """Columns: where x, y and z of a thing point after rolling about z, pitching about x, turning about y (radians)."""
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class View:
    """`focal` in pixels, `origin` in the world, `axes` (3, 3): rows to the right, down and forward."""

    size: Size
    focal: float
    origin: Vector
    axes: Matrix

    @staticmethod
    def looking(size: Size, focal: float, origin: Vector, way: tuple[float, float, float]) -> "View":
        """`way`: yaw to the right, pitch up, roll clockwise, in radians; all 0 looks straight at the shelf."""
        yaw, pitch, roll = way
        pose = turned(-yaw, pitch, -roll)
        return View(size, focal, origin, np.stack([pose[:, 0], -pose[:, 1], -pose[:, 2]]))

    @property
    def lens(self) -> Matrix:
        height, width = self.size
        return np.array([[self.focal, 0, (width - 1) / 2], [0, self.focal, (height - 1) / 2], [0, 0, 1]])

    @cached_property
    def sight(self) -> Matrix:
        """(3, 3) from directions in the world to homogeneous pixels."""
        return np.asarray(self.lens @ self.axes, dtype=np.float64)

    def plane(self, plane: Plane) -> Matrix:
        """(3, 3) from (a, b, 1) upon the plane to homogeneous pixels; the third is the distance along the view."""
        columns = np.empty((3, 3))
        columns[:, 0], columns[:, 1], columns[:, 2] = plane.across, plane.down, plane.origin - self.origin
        return np.asarray(self.sight @ columns, dtype=np.float64)

    def seen(self, points: Vector) -> tuple[Points, npt.NDArray[np.float64]]:
        """Pixels (n, 2) and distances along the view (n,) of points in the world."""
        there = (points - self.origin) @ self.sight.T
        far = there[:, 2]
        return there[:, :2] / np.maximum(far, 1e-3)[:, None], far

    def reach(self, farthest: float) -> tuple[float, float]:
        """The stretch (x, x) of the shelf's front that is in the picture, up to `farthest` to each side."""
        height, width = self.size
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], dtype=np.float64)
        rays = corners @ np.linalg.inv(self.lens).T @ self.axes
        steps = np.where(rays[:, 2] < -1e-3, self.origin[2] / np.maximum(-rays[:, 2], 1e-3), 1e6)
        xs = np.clip(rays[:, 0] * steps, -farthest, farthest)
        return float(self.origin[0] + xs.min()), float(self.origin[0] + xs.max())


def clipped(homogeneous: npt.NDArray[np.float64], near: float = NEAR) -> Points:
    """A polygon (n, 3) of homogeneous pixels, cut where it comes nearer than `near`, as pixels (m, 2)."""
    far = homogeneous[:, 2]
    if (far >= near).all():
        return homogeneous[:, :2] / far[:, None]
    kept: list[npt.NDArray[np.float64]] = []
    for here, there in zip(homogeneous, np.roll(homogeneous, -1, axis=0), strict=True):
        if here[2] >= near:
            kept.append(here)
        if (here[2] >= near) != (there[2] >= near):
            kept.append(here + (there - here) * (near - here[2]) / (there[2] - here[2]))
    if len(kept) < 3:
        return np.zeros((0, 2))
    points = np.array(kept)
    return points[:, :2] / points[:, 2:]

"""Meshes of four-sided faces in centimetres: x right, y towards the viewer's far side, z up from the counter."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.canvas import Array
from training.scenes.kitchen.surface import Surface

Indices = npt.NDArray[np.int32]
Pairs = Sequence[Sequence[float]] | npt.NDArray[np.floating]  # (n, 2)
Way = Sequence[Sequence[float]] | npt.NDArray[np.floating]  # (n, 3)
CORNER = 0.75  # cosine of the turn from which an edge is sharp


@dataclass(frozen=True)
class Pose:
    """Turned by `pitch` about x, then by `yaw` about z (radians), then moved."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0

    @property
    def turn(self) -> Array:
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        k, t = np.cos(self.pitch), np.sin(self.pitch)
        about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        return np.asarray(about_z @ np.array([[1, 0, 0], [0, k, -t], [0, t, k]]), np.float32)


@dataclass(frozen=True, eq=False)
class Mesh:
    """`faces` (m, 4) run counter-clockwise seen from outside, a triangle repeats a corner; `uv` 0..1 in the texture.

    `turn` (3, 3) takes the texture's axes to the world's. `main` marks what the photo is about;
    what is `aloft` does not reach down to what it stands over, as handles.
    """

    points: Array
    normals: Array
    uv: Array
    faces: Indices
    surface: Surface
    turn: Array
    main: bool = False
    aloft: bool = False

    def placed(self, pose: Pose) -> "Mesh":
        turn = pose.turn
        return replace(
            self,
            points=self.points @ turn.T + np.array([pose.x, pose.y, pose.z], np.float32),
            normals=self.normals @ turn.T,
            turn=turn @ self.turn,
        )

    def scaled(self, x: float, y: float, z: float) -> "Mesh":
        factor = np.array([x, y, z], np.float32)
        normals = self.normals / factor
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return replace(self, points=self.points * factor, normals=normals)


Thing = list[Mesh]


def placed(thing: Thing, pose: Pose) -> Thing:
    return [mesh.placed(pose) for mesh in thing]


def named(thing: Thing, *, main: bool) -> Thing:
    return [replace(mesh, main=main) for mesh in thing]


def aloft(thing: Thing) -> Thing:
    return [replace(mesh, aloft=True) for mesh in thing]


def grid_faces(rows: int, columns: int, *, closed: bool = False) -> Indices:
    """Faces of a grid of points in row-major order; `closed` joins the last column to the first."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    corners = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.stack([corner.ravel() for corner in corners], axis=1)


@dataclass(frozen=True)
class Outline:
    """A rectangle of half sizes `x` and `y` with round corners of radius `corner`; x = y = corner is a circle."""

    x: float
    y: float
    corner: float

    @staticmethod
    def round(radius: float) -> "Outline":
        return Outline(radius, radius, radius)

    @property
    def reach(self) -> float:
        return max(self.x, self.y)


def _split(profile: Array) -> tuple[Array, Array]:
    """Points and normals (distance, z) of a profile, points at sharp corners doubled."""
    steps = np.diff(profile, axis=0)
    far = np.linalg.norm(steps, axis=1)
    along = steps / np.maximum(far[:, None], 1e-6)
    across = np.stack([along[:, 1], -along[:, 0]], axis=1)
    points, normals = [profile[0]], [across[0]]
    for index in range(1, len(profile) - 1):
        before, after = across[index - 1], across[index]
        if float(before @ after) < CORNER:
            points += [profile[index], profile[index]]
            normals += [before, after]
        else:
            points.append(profile[index])
            mean = before * far[index - 1] + after * far[index]
            normals.append(mean / np.linalg.norm(mean))
    points.append(profile[-1])
    normals.append(across[-1])
    return np.array(points, np.float32), np.array(normals, np.float32)


def loft(outline: Outline, profile: Pairs, surface: Surface, segments: int = 48) -> Mesh:
    """A wall along the outline: `profile` (n, 2) is the distance from the outline (outwards) and z, walked so that the
    outside is at its right; a distance of -outline.reach is the middle. The texture lies on it from above.
    """
    profile_points, profile_normals = _split(np.array(profile, np.float32))
    away, height = profile_points[:, :1, None], profile_points[:, 1:, None]
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False) + np.pi / segments
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    straight = np.array([outline.x - outline.corner, outline.y - outline.corner], np.float32)
    centre = np.sign(way) * np.maximum(straight + np.minimum(outline.corner + away, 0), 0)
    flat = centre + way * np.maximum(outline.corner + away, 0)
    rows = len(profile_points)
    points = np.concatenate([flat, np.broadcast_to(height, (rows, segments, 1))], axis=2).reshape(-1, 3)
    leaning = way * profile_normals[:, :1, None]
    normals = np.concatenate([leaning, np.broadcast_to(profile_normals[:, 1:, None], (rows, segments, 1))], axis=2)
    uv = points[:, :2] / (2 * np.array([outline.x, outline.y], np.float32)) + 0.5
    faces = grid_faces(rows, segments, closed=True)
    return Mesh(points, normals.reshape(-1, 3), uv, faces, surface, np.eye(3, dtype=np.float32))


def tube(path: Way, radii: Pairs, surface: Surface, sides: int = 10) -> Mesh:
    """A rod along `path` (n, 3); `radii` (m, 2), spread along it, are its half widths to the side and upwards."""
    way, widths = np.array(path, np.float32), np.array(radii, np.float32)
    along = np.linspace(0, 1, len(way))
    spread = np.linspace(0, 1, len(widths))
    reach = np.stack([np.interp(along, spread, widths[:, axis]) for axis in (0, 1)], axis=1)
    along = np.gradient(way, axis=0)
    way, along = (np.concatenate([part[:1], part, part[-1:]]) for part in (way, along))
    reach = np.concatenate([reach[:1] * 0, reach, reach[-1:] * 0])
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    side = np.cross(along, np.where(np.abs(along[:, 2:]) > 0.95, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    up = np.cross(side, along)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    c, s = np.cos(angle)[None, :, None], np.sin(angle)[None, :, None]
    ring = side[:, None] * c * reach[:, None, :1] + up[:, None] * s * reach[:, None, 1:]
    points = (way[:, None] + ring).reshape(-1, 3).astype(np.float32)
    rows = len(way)
    normals = side[:, None] * c / np.maximum(reach[:, None, :1], 0.05) + up[:, None] * s / np.maximum(
        reach[:, None, 1:], 0.05
    )
    normals = normals.reshape(-1, 3) / np.linalg.norm(normals.reshape(-1, 3), axis=1, keepdims=True)
    uv = np.stack(np.meshgrid(np.linspace(0, 1, sides), np.linspace(0, 1, rows)), axis=2).reshape(-1, 2)
    faces = np.ascontiguousarray(grid_faces(rows, sides, closed=True)[:, ::-1])
    eye = np.eye(3, dtype=np.float32)
    return Mesh(points, normals.astype(np.float32), uv.astype(np.float32), faces, surface, eye)


def wound(mesh: Mesh, around: float) -> Mesh:
    """The mesh of an upright wall with its texture around it, which covers `around` cm."""
    angle = np.arctan2(mesh.points[:, 1], mesh.points[:, 0])
    reach = float(np.abs(mesh.points[:, :2]).max())
    uv = np.stack([np.abs(angle) * reach, mesh.points[:, 2]], axis=1) / around
    return replace(mesh, uv=uv.astype(np.float32))


def bent(path: Way, times: int = 2) -> Array:
    """A path (n, c) with its corners cut, ends kept (Chaikin)."""
    points = np.array(path, np.float32)
    for _ in range(times):
        first, second = points[:-1] * 0.75 + points[1:] * 0.25, points[:-1] * 0.25 + points[1:] * 0.75
        cut = np.stack([first, second], axis=1).reshape(-1, points.shape[1])
        points = np.concatenate([points[:1], cut, points[-1:]])
    return np.asarray(points, np.float32)


def turned(profile: Sequence[tuple[float, float]], surface: Surface, segments: int = 28) -> Mesh:
    """A body of revolution: (radius, z) from the foot's middle to the top's. Its texture is wound around."""
    points = np.array(profile, np.float32)
    mesh = loft(Outline.round(1.0), points - np.array([1, 0], np.float32), surface, segments)
    rows = len(mesh.points) // segments
    uv = np.stack(np.meshgrid(np.linspace(0, 1, segments), np.linspace(0, 1, rows)), axis=2).reshape(-1, 2)
    return replace(mesh, uv=uv.astype(np.float32))


def relief_sheet(relief: Array, reach: tuple[float, float], surface: Surface, cells: int = 28) -> Mesh:
    """A sheet of `reach` (x, y) cm about the origin, lifted by `relief` (h, w) cm; row 0 is at the far side, +y."""
    across = cells
    down = max(2, round(cells * reach[1] / reach[0]))
    u, v = np.meshgrid(np.linspace(0, 1, across + 1), np.linspace(0, 1, down + 1))
    rows = np.clip(v * relief.shape[0], 0, relief.shape[0] - 1).astype(int)
    columns = np.clip(u * relief.shape[1], 0, relief.shape[1] - 1).astype(int)
    points = np.stack([(u - 0.5) * reach[0], (0.5 - v) * reach[1], relief[rows, columns]], axis=2)
    normals = np.broadcast_to(np.array([0, 0, 1], np.float32), points.shape)
    faces = grid_faces(down + 1, across + 1)[:, ::-1]
    if surface.alpha is not None:
        there = cv2.dilate(surface.alpha, np.ones((3, 3), np.uint8))
        there = cv2.resize(there, (across, down), interpolation=cv2.INTER_AREA)
        faces = faces[there.ravel() > 0.02]
    eye = np.eye(3, dtype=np.float32)
    uv = np.stack([u, v], axis=2).reshape(-1, 2).astype(np.float32)
    return Mesh(
        points.reshape(-1, 3).astype(np.float32), normals.reshape(-1, 3), uv, np.ascontiguousarray(faces), surface, eye
    )


def slab(outline: Array, thickness: float, surface: Surface) -> Mesh:
    """A flat thing with a convex outline (n, 2) that runs counter-clockwise, from z = 0 up."""
    count = len(outline)
    inner = outline.mean(axis=0) + (outline - outline.mean(axis=0)) * 0.97
    middle = np.broadcast_to(outline.mean(axis=0), outline.shape)
    rings = [(outline, 0.0, 0.0), (outline, thickness * 0.7, 0.0), (inner, thickness, 1.0), (middle, thickness, 1.0)]
    points = np.concatenate([np.column_stack([ring, np.full(count, z)]) for ring, z, _ in rings])
    side = outline - middle
    side = side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    normals = np.concatenate([np.column_stack([side * (1 - up), np.full(count, max(up, 0.3))]) for _, _, up in rings])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    low, span = outline.min(axis=0), np.ptp(outline, axis=0)
    uv = (points[:, :2] - low) / np.maximum(span, 1e-3)
    eye = np.eye(3, dtype=np.float32)
    return Mesh(
        points.astype(np.float32),
        normals.astype(np.float32),
        uv.astype(np.float32),
        grid_faces(len(rings), count, closed=True),
        surface,
        eye,
    )

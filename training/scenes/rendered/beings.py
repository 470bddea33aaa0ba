"""Animals melted from balls and cars lofted from sections."""

import bpy
import numpy as np

from training.scenes.rendered import materials, meshes
from training.scenes.rendered.meshes import Points
from training.scenes.rendered.palettes import chance

Ball = tuple[Points, float]


def _limb(start: Points, end: Points, radius: float, tip: float, bow: Points) -> list[Ball]:
    """Balls close enough to melt into a limb that bows in its middle."""
    length = float(np.linalg.norm(end - start))
    count = max(3, int(length / max(0.03, min(radius, tip)) * 1.4))
    share = np.linspace(0, 1, count)[:, None]
    line = start + (end - start) * share + bow * (share * (1 - share) * 4)
    return [(point, float(radius + (tip - radius) * t[0])) for point, t in zip(line, share, strict=True)]


def _skull(rng: np.random.Generator, head: Points, size: float) -> tuple[list[Ball], list[bpy.types.Object]]:
    """Balls of head and muzzle, ears as loose objects; the head looks along +x, turned a little."""
    turn = rng.normal(0, 0.5)
    ahead = np.array([np.cos(turn), np.sin(turn), -0.25])
    side = np.array([-np.sin(turn), np.cos(turn), 0.0])
    balls: list[Ball] = [
        (head, size),
        *_limb(
            head + ahead * size * 0.4, head + ahead * size * rng.uniform(1.0, 2.0), size * 0.7, size * 0.45, np.zeros(3)
        ),
    ]
    ears = []
    flat, tall = rng.uniform(0.1, 0.7), rng.uniform(0.3, 1.1)
    for sign in (-1, 1):
        where = head + side * sign * size * rng.uniform(0.6, 0.9) + np.array([0, 0, size * rng.uniform(0.3, 0.9)])
        ear = meshes.sphere("ear", (size * 0.15, size * flat, size * tall), tuple(where.tolist()))
        ear.rotation_euler = (sign * -rng.uniform(0, 1.2), 0, turn)
        ears.append(ear)
    dark = materials.plain(rng, "dark", 0.1)
    for sign in (-1, 1):
        eye = head + side * sign * size * 0.5 + ahead * size * 0.75 + np.array([0, 0, size * 0.35])
        ball = meshes.sphere("eye", (size * 0.15,) * 3, tuple(eye.tolist()))
        ball.data.materials.append(dark)
        ears.append(ball)
    nose = head + ahead * size * 1.9
    ball = meshes.sphere("nose", (size * 0.2,) * 3, tuple(nose.tolist()))
    ball.data.materials.append(dark)
    return balls, [*ears, ball]


def animal(rng: np.random.Generator) -> tuple[list[bpy.types.Object], str]:
    """Standing or lying, with or without hair; the body along x, feet on z = 0."""
    lying = chance(rng, 0.4)
    girth = rng.uniform(0.2, 0.42)
    long, leg = rng.uniform(0.55, 1.0), rng.uniform(0.3, 1.0)
    height = girth * 0.9 if lying else leg + girth * 0.6
    thick = rng.uniform(0.06, 0.14) * (1.3 if girth > 0.33 else 1.0)
    hips, chest = np.array([-long, 0, height]), np.array([long * 0.6, 0, height + rng.uniform(-0.05, 0.12)])
    balls = _limb(hips, chest, girth * rng.uniform(0.8, 1.0), girth, np.array([0, 0, rng.normal(-0.02, 0.05)]))
    size = rng.uniform(0.14, 0.28)
    head = chest + np.array([rng.uniform(0.2, 0.6), rng.normal(0, 0.15), rng.uniform(0.1, 0.8)])
    balls += _limb(chest, head, girth * 0.8, size * 0.8, np.array([0.05, 0, 0]))
    skull, extras = _skull(rng, head, size)
    balls += skull
    for where, sign in ((hips, -1), (hips, 1), (chest, -1), (chest, 1)):
        balls += _leg(rng, where, sign, girth, thick, lying=lying)
    reach = rng.uniform(0.3, 0.9)
    tail = hips + np.array([-girth, 0, 0.1])
    balls += _limb(
        tail,
        tail + np.array([-reach * 0.6, rng.normal(0, 0.2), -reach * rng.uniform(-0.3, 0.5)]),
        0.07,
        0.05,
        np.array([0, 0, 0.1]),
    )
    body = meshes.metaballs("body", balls)
    skin = materials.hide(rng)
    parts = [body, *extras]
    for part in parts:
        if not part.data.materials:
            part.data.materials.append(skin)
    if chance(rng, 0.5):
        meshes.haired(rng, body, float(np.exp(rng.uniform(-4.2, -2.3))), int(rng.integers(1500, 4000)))
        return parts, "animal haired"
    meshes.roughened(rng, body, float(rng.uniform(0.0, 0.05)), float(rng.uniform(0.05, 0.3)))
    return parts, "animal smooth"


def _leg(rng: np.random.Generator, where: Points, sign: int, girth: float, thick: float, *, lying: bool) -> list[Ball]:
    top = where + np.array([0, sign * girth * 0.6, -girth * 0.2])
    if lying:
        knee = np.array([top[0] + rng.uniform(0.1, 0.4), top[1] + sign * girth * rng.uniform(0.3, 0.8), thick])
        foot = np.array([knee[0] + rng.uniform(0.1, 0.5), knee[1], thick * 0.8])
        return [*_limb(top, knee, girth * 0.6, thick, np.zeros(3)), *_limb(knee, foot, thick, thick, np.zeros(3))]
    foot = np.array([top[0] + rng.normal(0, 0.18), top[1] + rng.normal(0, 0.03), thick * 0.6])
    bow = np.array([rng.normal(0, 0.06), 0, 0])
    toe = foot + np.array([thick * 0.8, 0, -thick * 0.1])
    return [*_limb(top, foot, thick * 1.6, thick, bow), (toe, thick)]


def _sections(rng: np.random.Generator) -> tuple[Points, Points, Points]:
    """Stations along x of a car: belt height, roof height (0 above the belt where there is no cabin), half width."""
    x = np.linspace(-2.1, 2.1, 22)
    belt = np.interp(
        x,
        [-2.1, -1.9, -0.8, 0.9, 1.9, 2.1],
        rng.uniform([0.5, 0.75, 0.85, 0.8, 0.55, 0.4], [0.75, 0.95, 0.95, 0.9, 0.75, 0.55]),
    )
    start, end = rng.uniform(-1.95, -1.1), rng.uniform(0.7, 1.3)
    tall, slope = rng.uniform(0.35, 0.75), rng.uniform(0.5, 1.0)
    roof = tall * np.interp(x, [start, start + slope * 0.7, end - slope, end], [0, 1, 0.95, 0])
    half = rng.uniform(0.78, 0.95) * (1 - 0.12 * np.abs(x / 2.1) ** 4 - 0.05 * (x / 2.1) ** 2)
    return np.column_stack([x, belt, roof]), roof, half


def car(rng: np.random.Generator) -> tuple[list[bpy.types.Object], str]:
    """One lofted hull with panes set in by face, four wheels, lamps; 4.2 m long, front along +x."""
    stations, roof, half = _sections(rng)
    floor = rng.uniform(0.18, 0.3)
    ring = []
    for (x, belt, up), width in zip(stations, half, strict=True):
        top = belt + up
        inward = 1 - 0.28 * min(1.0, up / 0.4)
        right = [(width * 0.85, floor), (width, floor + 0.15), (width * 1.02, (floor + belt) / 2), (width * 0.97, belt),
                 (width * (0.97 + inward) / 2 * 0.98, (belt + top) / 2), (width * inward * 0.93, top - 0.03),
                 (width * inward * 0.5, top)]  # fmt: skip
        ring.append([(x, -y, z) for y, z in right] + [(x, y, z) for y, z in right[::-1]])
    columns = len(ring[0])
    hull = meshes.mesh("hull", np.array(ring).reshape(-1, 3), meshes.capped(len(ring), columns))
    hull.data.materials.append(materials.paint(rng))
    hull.data.materials.append(materials.plain(rng, "dark", 0.03))
    hull.data.materials.append(materials.plain(rng, "dark", 0.6))
    for face in hull.data.polygons[:-2]:
        row, column = divmod(face.index, columns)
        face.material_index = _panel(row, column, columns, roof)
    meshes.softened(hull, 2)
    parts = [hull, *_lamps(rng, stations, half)]
    radius = rng.uniform(0.3, 0.4)
    for x in (-1.3, 1.3):
        for sign in (-1, 1):
            parts += _wheel(rng, x, sign * float(np.interp(x, stations[:, 0], half)) * 0.93, radius)
    return parts, "car"


def _panel(row: int, column: int, columns: int, roof: Points) -> int:
    """0 paint, 1 pane, 2 sill."""
    if column in {0, columns - 2}:
        return 2
    side = column in {3, 4, columns - 6, columns - 5}
    inside = roof[row] > 0.12 and roof[row + 1] > 0.12
    slanted = abs(roof[row + 1] - roof[row]) > 0.06 and max(roof[row], roof[row + 1]) > 0.1
    if slanted and column in {5, 6, 7}:
        return 1
    return 1 if side and inside and row % 5 != 0 else 0


def _wheel(rng: np.random.Generator, x: float, y: float, radius: float) -> list[bpy.types.Object]:
    tyre = meshes.torus("tyre", radius * 0.78, radius * 0.24)
    disc = meshes.lathe(
        "rim", np.array([[0.001, 0.06], [radius * 0.2, 0.08], [radius * 0.6, 0.04], [radius * 0.68, 0.1]]), 32
    )
    tyre.data.materials.append(materials.plain(rng, "dark", 0.9))
    disc.data.materials.append(materials.plain(rng, "grey", 0.25, 1.0))
    spokes = []
    for angle in np.linspace(0, 2 * np.pi, 5, endpoint=False):
        spoke = meshes.box("spoke", (radius * 0.62, radius * 0.12, 0.06), (radius * 0.32, 0, 0.1))
        spoke.data.materials.append(disc.data.materials[0])
        spoke.rotation_euler = (np.pi / 2 * -np.sign(y), angle, 0)
        spoke.location = (x, y, radius)
        spokes.append(spoke)
    disc.data.materials[0] = materials.plain(rng, str(rng.choice(["dark", "grey"])), 0.4, 0.8)
    for part in (tyre, disc):
        part.rotation_euler = (np.pi / 2 * -np.sign(y), 0, 0)
        part.location = (x, y, radius)
    return [tyre, disc, *spokes]


def _lamps(rng: np.random.Generator, stations: Points, half: Points) -> list[bpy.types.Object]:
    parts = []
    bright, red = materials.plain(rng, "pale", 0.05, 0.3), materials.plain(rng, "vivid", 0.1)
    for row, material in ((-2, bright), (1, red)):
        for sign in (-1, 1):
            where = (float(stations[row, 0]) * 1.02, sign * float(half[row]) * 0.7, float(stations[row, 1]) * 0.85)
            lamp = meshes.sphere("lamp", (0.1, 0.18, 0.07), where)
            lamp.data.materials.append(material)
            parts.append(lamp)
    nose = stations[-1]
    grille = meshes.box(
        "grille", (0.1, float(half[-1]) * rng.uniform(0.6, 1.5), nose[1] * rng.uniform(0.1, 0.3)), (0, 0, 0), 0.03
    )
    grille.location = (float(nose[0]) - 0.02, 0, float(nose[1]) * rng.uniform(0.5, 0.75))
    grille.data.materials.append(materials.plain(rng, "dark", 0.4))
    parts.append(grille)
    for sign in (-1, 1):
        mirror = meshes.sphere("mirror", (0.08, 0.12, 0.08), (0.75, sign * float(half.max()) * 1.12, 0.95))
        mirror.data.materials.append(bright)
        parts.append(mirror)
    return parts

"""What goes into the oven: trays, dishes, muffin trays."""

import numpy as np

from training.scenes.canvas import chance
from training.scenes.kitchen import boards, foods, vessels
from training.scenes.kitchen.layout import Layout
from training.scenes.kitchen.mesh import Mesh, Outline, Pose, Thing
from training.scenes.kitchen.morsels import MORSELS
from training.scenes.kitchen.patch import At, Patch
from training.scenes.kitchen.surface import stuff


def _angled(rng: np.random.Generator) -> float:
    """Square to the picture, or nearly, or at any angle now and then."""
    return float(rng.choice([0, np.pi / 2]) + rng.normal(0, 0.12)) if chance(rng, 0.8) else float(rng.uniform(0, 6.3))


def oven_tray(layout: Layout) -> None:
    rng = layout.rng
    tray = vessels.oven_tray(rng)
    thing: Thing = [*tray.thing]
    room = tray.wide(0)
    level = tray.floor + 0.1
    if chance(rng, 0.6):
        sheet = Outline(room.x * rng.uniform(0.86, 1.02), room.y * rng.uniform(0.86, 1.02), 0.5)
        thing.append(boards.paper(rng, sheet).placed(Pose(z=level, yaw=float(rng.normal(0, 0.02)))))
        level += 0.25
    if chance(rng, 0.94):
        thing.append(_tray_food(layout, room).placed(Pose(z=level)))
    layout.put(thing, Pose(yaw=_angled(rng)), tray.radius * 0.85, main=True)
    layout.clutter(tray.radius * 0.8, int(rng.integers(0, 4)))


def _tray_food(layout: Layout, room: Outline) -> Mesh:
    """Biscuits in rows, cuts side by side, vegetables strewn, or a pizza."""
    rng, recipe = layout.rng, layout.recipe
    patch = Patch(rng, (room.x * 2, room.y * 2))
    inner = Outline(room.x - 2.5, room.y - 2.5, 1)
    kind = str(rng.choice(["bakes", "bakes", "cuts", "roasts", "roasts", "both", "pizza"]))
    if kind == "pizza":
        patch.stamp(MORSELS["pizza"], At(float(rng.normal(0, 1.5)), 0, 0, min(1.0, room.y / 15)))
        foods.heap(patch, ["mozzarella", "tomato slices", "olives", "basil"], patch.round(9), 0.5)
        return patch.mesh(0.4, 0.4)
    if kind in {"roasts", "both"}:
        foods.heap(patch, list(recipe.roasts), patch.inside(inner, 1), float(rng.uniform(0.3, 1.1)))
        foods.pepper(patch, patch.alpha)
    if kind == "roasts":
        return patch.mesh(0.5, 0.4)
    name = recipe.bake if kind == "bakes" else recipe.cut
    across, down = int(rng.integers(3, 6)), int(rng.integers(2, 5))
    if kind != "bakes":
        across, down = int(rng.integers(2, 5)), int(rng.integers(1, 3))
    for x in np.linspace(-1, 1, across) * (inner.x - 2.5):
        for y in np.linspace(-1, 1, down) * (inner.y - 3) if down > 1 else [0.0]:
            if chance(rng, 0.94):
                dx, dy = rng.normal(0, 0.35, 2)
                patch.stamp(MORSELS[name], At(float(x + dx), float(y + dy), float(rng.normal(1.2, 0.25)), 0.95))
    return patch.mesh(MORSELS[name].gloss * 0.8, 0.4)


def oven_dish(layout: Layout) -> None:
    rng = layout.rng
    dish = vessels.oven_dish(rng)
    name = str(rng.choice(["gratin", "gratin", "gratin", "bake", "bake", "stew", "saute", "minced"]))
    food = name if chance(rng, 0.94) else None
    layout.filled(dish, Pose(yaw=_angled(rng)), food, float(rng.uniform(0.5, 0.8)), main=True)
    layout.clutter(dish.radius, int(rng.integers(0, 4)))


def muffin_tray(layout: Layout) -> None:
    rng = layout.rng
    tray = boards.muffin_tray(rng)
    thing: Thing = [*tray.thing]
    state = str(rng.choice(["empty", "batter", "baked", "baked", "cases"]))
    name = str(rng.choice(["batter", "cake batter", "chocolate", "baked cake"]))
    case = stuff(rng, "porcelain", "enamel", "plastic")
    for x, y in tray.middles.tolist():
        if state == "empty" or chance(rng, 0.04):
            continue
        if state == "cases":
            thing += [mesh.placed(Pose(x, y)) for mesh in boards.paper_case(tray.radius, tray.tall, case)]
        base = "baked cake" if state == "baked" and name != "chocolate" else name
        thing.append(_cake(rng, tray.radius, base, baked=state == "baked").placed(Pose(x, y, tray.tall * 0.72)))
    layout.put(thing, Pose(yaw=_angled(rng)), tray.outline.reach * 0.9, main=True)
    layout.clutter(tray.outline.reach * 0.9, int(rng.integers(0, 4)))


def _cake(rng: np.random.Generator, radius: float, base: str, *, baked: bool) -> Mesh:
    out = radius * (1.08 if baked else 0.93)
    patch = Patch(rng, (out * 2, out * 2))
    mask = patch.round(out)
    gloss = foods.poured(patch, base, mask)
    if baked:
        down, across = np.mgrid[: patch.size[0], : patch.size[1]].astype(np.float32) / patch.scale - out
        patch.relief += np.sqrt(np.clip(1 - (across**2 + down**2) / out**2, 0, 1)).astype(np.float32) * radius * 0.55
        patch.relief += np.float32(0.5)
    if chance(rng, 0.4):
        patch.strew(str(rng.choice(["blueberries", "chocolate chunks", "walnuts"])), 4, patch.round(out * 0.7), 0.8)
    return patch.mesh(0.2 if baked else gloss, 0.4)

"""What is prepared before cooking: a board with cut things, and all ingredients laid out."""

import numpy as np

from training.scenes.canvas import chance
from training.scenes.kitchen import boards, foods, tools
from training.scenes.kitchen.layout import Layout
from training.scenes.kitchen.mesh import Pose
from training.scenes.kitchen.morsels import MORSELS
from training.scenes.kitchen.patch import At, Patch
from training.scenes.kitchen.produce import PRODUCE

CUT = (
    "carrot discs",
    "carrot sticks",
    "cucumber",
    "zucchini",
    "tomato dice",
    "tomato slices",
    "pepper strips",
    "onion rings",
    "onion dice",
    "potato dice",
    "mushrooms",
    "spring onion",
    "raw beef",
    "raw chicken",
    "parsley",
    "apple slices",
    "strawberries",
    "red onion",
    "green beans",
    "garlic",
    "lemon slices",
    "chocolate chunks",
)


def cutting_board(layout: Layout) -> None:
    rng = layout.rng
    thing, outline, tall = boards.board(rng)
    yaw = float(rng.normal(0, 0.2)) if chance(rng, 0.8) else layout.turn()
    patch = Patch(rng, (outline.x * 2 - 2, outline.y * 2 - 2))
    own = [name for name in layout.recipe.vegetables if name in CUT]
    for index in range(int(rng.integers(1, 4))):
        name = own[index] if index < len(own) else str(rng.choice(list(CUT)))
        _pile(patch, name, rng)
    food = patch.mesh(0.45, 0.35).placed(Pose(z=tall + 0.03))
    layout.put([*thing, food], Pose(yaw=yaw), 0.0, main=True)
    c, s = np.cos(yaw), np.sin(yaw)
    if chance(rng, 0.75):
        x, y = outline.x * rng.uniform(-0.3, 0.45), outline.y * rng.choice([-0.62, 0.6, 0.1])
        layout.put(
            tools.knife(rng), Pose(x * c - y * s, x * s + y * c, tall, yaw + float(rng.normal(0, 0.35))), main=True
        )
    if chance(rng, 0.5):
        x, y = outline.x * rng.uniform(-0.6, 0.6), outline.y * rng.uniform(-0.4, 0.6)
        name = str(
            rng.choice(["tomato", "onion", "carrot", "cucumber", "lemon", "pepper", "garlic", "herbs", "mushroom"])
        )
        layout.put(PRODUCE[name](rng), Pose(x * c - y * s, x * s + y * c, tall, layout.turn()), main=True)
    if chance(rng, 0.15):
        layout.put(
            tools.hand(rng),
            Pose(float(rng.uniform(-8, 2)), float(rng.uniform(-4, 6)), tall, float(rng.normal(0.4, 0.5))),
        )
    layout.taken.append((0.0, 0.0, outline.reach * 0.9))
    layout.clutter(outline.reach * 0.85, int(rng.integers(0, 4)))


def _pile(patch: Patch, name: str, rng: np.random.Generator) -> None:
    """One kind heaped somewhere on the board, or slices in a row."""
    x, y = rng.uniform(-0.55, 0.55) * patch.reach[0] / 2, rng.uniform(-0.5, 0.5) * patch.reach[1] / 2
    kind = MORSELS[name]
    if kind.shape == "disc" and chance(rng, 0.4):
        turn, count = rng.uniform(-0.5, 0.5), int(rng.integers(5, 11))
        for step in range(count):
            out = (step - count / 2) * kind.size[1] * 0.75
            patch.stamp(kind, At(float(x * 0.4 + np.cos(turn) * out), float(y + np.sin(turn) * out), 0))
        return
    foods.heap(patch, [name], patch.round(float(rng.uniform(3, 6)), float(x), float(y)), float(rng.uniform(0.6, 1.6)))


def ingredients(layout: Layout) -> None:
    """Six to twelve raw things, in loose order, some in small bowls, bottles and jars among them."""
    rng = layout.rng
    reach = float(rng.uniform(15, 24))
    if chance(rng, 0.25):
        layout.put([boards.cloth(rng)], Pose(float(rng.normal(0, 10)), float(rng.normal(0, 10)), yaw=layout.turn()))
    for _ in range(int(rng.integers(1, 5))):
        layout.small_bowl((0, reach), main=True)
    for name in rng.choice(list(PRODUCE), int(rng.integers(5, 10)), replace=False).tolist():
        layout.produce(str(name), int(rng.integers(1, 5)), (0, reach), main=True)
    for _ in range(int(rng.integers(0, 3))):
        name = str(rng.choice(list(tools.STANDING)))
        layout.beside(tools.STANDING[name](rng), 4, (0, reach), main=True)
    if chance(rng, 0.2):
        layout.clutter(reach, 1)

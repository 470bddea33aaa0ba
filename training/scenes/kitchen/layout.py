"""A counter being laid: things are put where there is room."""

from dataclasses import dataclass, field

import numpy as np

from training.scenes.canvas import chance
from training.scenes.kitchen import boards, tools
from training.scenes.kitchen.fillings import filling
from training.scenes.kitchen.mesh import Pose, Thing, named, placed
from training.scenes.kitchen.produce import PRODUCE
from training.scenes.kitchen.recipe import Recipe
from training.scenes.kitchen.vessels import Vessel, bowl

TRIES = 40
HEAD = 12.0  # cm from the middle of a spoon or whisk to the end of its head


@dataclass(eq=False)
class Layout:
    """`things` are on the counter; `taken` are circles (x, y, radius) in cm that are occupied."""

    rng: np.random.Generator
    recipe: Recipe
    things: Thing = field(default_factory=list)
    taken: list[tuple[float, float, float]] = field(default_factory=list)
    lift: float = 0.0

    def put(self, thing: Thing, pose: Pose, radius: float = 0.0, *, main: bool = False) -> None:
        lifted = Pose(pose.x, pose.y, pose.z + self.lift, pose.yaw, pose.pitch)
        self.things += named(placed(thing, lifted), main=main)
        if radius > 0:
            self.taken.append((pose.x, pose.y, radius))

    def free(self, radius: float, near: float, far: float) -> tuple[float, float] | None:
        """A place for a circle between two distances from the middle, or None where there is no room."""
        for _ in range(TRIES):
            angle, out = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(near, far)
            x, y = float(np.cos(angle) * out), float(np.sin(angle) * out)
            if all(np.hypot(x - tx, y - ty) > radius + other for tx, ty, other in self.taken):
                return x, y
        return None

    def turn(self) -> float:
        return float(self.rng.uniform(0, 2 * np.pi))

    def beside(self, thing: Thing, radius: float, span: tuple[float, float], *, main: bool = False) -> None:
        """Puts something between two distances from the middle, if there is room."""
        place = self.free(radius, *span)
        if place is not None:
            self.put(thing, Pose(*place, yaw=self.turn()), radius, main=main)

    def filled(self, vessel: Vessel, pose: Pose, name: str | None, share: float, *, main: bool) -> None:
        """A vessel with food in it."""
        thing = list(vessel.thing)
        if name is not None:
            food = filling(self.rng, vessel, self.recipe, name, share)
            thing.append(food)
        self.put(thing, pose, vessel.radius, main=main)

    def small_bowl(self, span: tuple[float, float], *, main: bool = False) -> None:
        rng = self.rng
        made = bowl(
            rng, rng.uniform(4, 6.5), "porcelain", "porcelain", "stoneware", "steel", "timber", "enamel", "glass"
        )
        name = str(rng.choice(["rice", "sauce", "saute", "dairy", "minced", "soup", "short pasta"]))
        place = self.free(made.radius, *span)
        if place is not None:
            self.filled(made, Pose(*place, yaw=self.turn()), name, float(rng.uniform(0.45, 0.75)), main=main)

    def clutter(self, reach: float, count: int) -> None:
        """Tools, produce, cloths and small bowls around what is within `reach` cm of the middle."""
        rng = self.rng
        for _ in range(count):
            kind = str(rng.choice(["tool", "tool", "tool", "produce", "produce", "standing", "bowl", "cloth"]))
            span = (reach + 2, reach + 16)
            if kind == "tool":
                name = str(rng.choice(list(tools.LYING)))
                self.beside(tools.LYING[name](rng), 5.5, (reach + 7, reach + 18))
            elif kind == "produce":
                self.produce(str(rng.choice(list(PRODUCE))), int(rng.integers(1, 4)), span)
            elif kind == "standing":
                name = str(rng.choice(list(tools.STANDING)))
                self.beside(tools.STANDING[name](rng), 4, (reach + 6, reach + 20))
            elif kind == "bowl":
                self.small_bowl((reach + 7, reach + 20))
            elif not self.taken or chance(rng, 0.6):
                place = rng.normal(0, reach + 8, 2)
                self.put([boards.cloth(rng)], Pose(float(place[0]), float(place[1]), yaw=self.turn()))

    def produce(self, name: str, count: int, span: tuple[float, float], *, main: bool = False) -> None:
        """Some of one kind, near one another."""
        size = {"herbs": 7.0, "meat": 7.5, "carrot": 5.0, "cucumber": 5.0, "leek": 6.0, "broccoli": 5.5}.get(name, 3.4)
        first = self.free(size, *span)
        if first is None:
            return
        number = 1 if size > 5.5 else count
        for index in range(number):
            away = (0.0, 0.0) if index == 0 else tuple(self.rng.normal(0, size * 1.3, 2).tolist())
            x, y = first[0] + away[0], first[1] + away[1]
            if all(np.hypot(x - tx, y - ty) > size * 0.85 + other for tx, ty, other in self.taken):
                self.put(PRODUCE[name](self.rng), Pose(x, y, yaw=self.turn()), size * 0.85, main=main)

    def stirred(self, vessel: Vessel, pose: Pose, share: float) -> None:
        """A spoon or a whisk that leans on the rim."""
        rng = self.rng
        maker = [tools.wooden_spoon, tools.wooden_spoon, tools.ladle, tools.whisk][int(rng.integers(4))]
        rise = vessel.depth * (1 - share) + 0.5
        away = self.turn()
        out = vessel.radius * 0.45
        lean = float(np.arctan2(rise, vessel.radius + out))
        thing = placed(placed(maker(rng), Pose(x=out - HEAD)), Pose(yaw=np.pi / 2))
        base = vessel.floor + vessel.depth * share + 0.4
        tilted = placed(placed(thing, Pose(pitch=-lean)), Pose(yaw=away))
        self.put(tilted, Pose(pose.x, pose.y, pose.z + base + float(np.sin(lean)) * out))

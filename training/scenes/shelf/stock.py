"""What stands on a shelf: boards from below to above, facings from left to right, gaps, tags."""

from dataclasses import dataclass, field

import numpy as np

from training.scenes.canvas import chance
from training.scenes.shelf.assortment import Assortment
from training.scenes.shelf.products import Product
from training.scenes.shelf.solids import Item
from training.scenes.shelf.tags import Tag
from training.scenes.shelf.view import turned, vector

FRONT = -1.5  # where foremost products stand, at most, along z
AIR = 2.5  # centimetres that a hand needs above what stands on a board
NARROWEST = 4.0  # centimetres of a place for a product


@dataclass(frozen=True)
class Gap:
    """An empty place: from `left` over `width`, `height` above the board, in centimetres."""

    left: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class Hung:
    """A tag on a board's edge, `x` of its left side."""

    tag: Tag
    x: float
    drop: float


@dataclass(frozen=True, eq=False)
class Bay:
    """A board at height `floor` and the opening above it up to `ceiling`, with what stands there."""

    floor: float
    ceiling: float
    items: tuple[Item, ...]
    gaps: tuple[Gap, ...]
    tags: tuple[Hung, ...]


@dataclass(frozen=True)
class Habits:
    """How a shelf is kept: the share of missing facings, of whole products sold out, of turned and fallen ones."""

    missing: float
    sold_out: float
    turned: float
    fallen: float
    untidy: float
    pushed: float
    rows: int

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Habits":
        missing = float(rng.choice([0.02, 0.1, 0.28, 0.6], p=[0.5, 0.3, 0.15, 0.05]))
        return Habits(
            missing, missing * float(rng.uniform(0.1, 0.9)), float(rng.choice([0.01, 0.04, 0.15])),
            float(rng.choice([0.0, 0.02, 0.06])), float(rng.uniform(0.1, 1.0)), float(rng.choice([0.03, 0.15, 0.4])),
            int(rng.integers(1, 4)),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shelf:
    assortment: Assortment
    bays: tuple[Bay, ...]
    left: float
    right: float

    @property
    def items(self) -> int:
        return sum(len(bay.items) for bay in self.bays)


def stocked(rng: np.random.Generator, assortment: Assortment, left: float, right: float) -> Shelf:
    habits = Habits.drawn(rng)
    bays: list[Bay] = []
    number = 1
    for floor, ceiling in openings(rng):
        row = _Row(rng, assortment, habits, floor, ceiling, number)
        row.fill(left, right)
        bays.append(row.bay())
        number += len(row.items)
    return Shelf(assortment, tuple(bays), left, right)


def openings(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Floor and ceiling of each bay; the uppermost is open, its ceiling is where the back wall ends."""
    floors = [float(rng.uniform(10, 22))]
    step = float(rng.uniform(24, 44))
    top = float(rng.uniform(150, 215))
    while floors[-1] + step < top:
        floors.append(floors[-1] + step * float(rng.uniform(0.85, 1.15)))
    return list(zip(floors, [*floors[1:], floors[-1] + step], strict=True))


@dataclass
class _Row:
    """A board that is filled from left to right; `number` is its first product's."""

    rng: np.random.Generator
    assortment: Assortment
    habits: Habits
    floor: float
    ceiling: float
    number: int
    items: list[Item] = field(default_factory=list)
    tags: list[Hung] = field(default_factory=list)
    stretches: list[tuple[float, float, float]] = field(default_factory=list)
    """From, to and height of what stands there, 0 where nothing does."""

    def bay(self) -> Bay:
        return Bay(
            self.floor, self.ceiling, tuple(self.items), tuple(gaps(self.stretches, self._room())), tuple(self.tags)
        )

    def _room(self) -> float:
        return self.ceiling - self.floor - AIR

    def fill(self, left: float, right: float) -> None:
        x = left + float(self.rng.uniform(0, 3))
        fitting = [f for f in self.assortment.families if f[0].size[1] <= self._room()]
        tall = [f for f in fitting if f[0].size[1] > self._room() * 0.55] or fitting
        families = tall if chance(self.rng, 0.75) else fitting
        while families and x < right:
            family = families[int(self.rng.integers(len(families)))]
            for product in family[: int(self.rng.integers(1, len(family) + 1))]:
                x = self._block(product, x, right)
            x += float(self.rng.uniform(0, 1.5))

    def _block(self, product: Product, x: float, right: float) -> float:
        """Facings of one product from `x` on; returns where they end."""
        rng = self.rng
        start, width = x, product.size[0]
        spacing = float(rng.uniform(0.2, 0.9))
        sold_out = chance(rng, self.habits.sold_out)
        for _ in range(int(rng.integers(1, max(2, min(7, int(55 / width)))))):
            if x + width > right:
                return right
            missing = sold_out or chance(rng, self.habits.missing)
            lying = not missing and self._falls(product) and x + product.size[1] < right
            wide = product.size[1] if lying else width
            height = 0.0 if missing else self._facing(product, x + wide / 2, lying=lying)
            self.stretches.append((x, x + wide + spacing, height))
            x += wide + spacing
        self._tag(start, x)
        return x

    def _falls(self, product: Product) -> bool:
        slim = product.stacked == 1 and product.size[0] < product.size[1] * 0.9
        return slim and chance(self.rng, self.habits.fallen)

    def _facing(self, product: Product, middle: float, *, lying: bool) -> float:
        """One stack in front and what stands behind it; returns the height of the front one."""
        rng = self.rng
        room, (_, height, depth) = self._room(), product.size
        most = max(1, min(product.stacked, int(room / height)))
        back = FRONT - float(rng.exponential(1.2 * self.habits.untidy)) - 0.3
        if chance(rng, self.habits.pushed):
            back -= depth * float(rng.integers(1, 3))
        levels = most if chance(rng, 0.7) else int(rng.integers(1, most + 1))
        for row in range(self.habits.rows):
            z = back - (row + 0.5) * (depth + 0.3)
            if z - depth / 2 < -self.assortment.furniture.depth:
                break
            if row == 0 and lying:
                self._lie(product, middle, z)
                continue
            for level in range(levels if row == 0 else most):
                self._stand(product, middle, z, row, level)
        return product.size[0] if lying else levels * height

    def _lie(self, product: Product, x: float, z: float) -> None:
        rng = self.rng
        pose = turned(float(rng.normal(0, 0.15)), 0.0, float(rng.choice([-1, 1])) * np.pi / 2)
        middle = vector(x, self.floor + product.size[0] / 2, z)
        self.items.append(Item(product, self.number + len(self.items), middle, pose, 0, 0, float(rng.random()), 1.0))

    def _stand(self, product: Product, x: float, z: float, row: int, level: int) -> None:
        rng, height = self.rng, product.size[1]
        untidy = self.habits.untidy
        yaw = float(rng.normal(0, 0.035 * untidy)) * (product.shape != "round")
        roll = float(rng.normal(0, 0.008 * untidy)) * (level == 0)
        spin = float(rng.normal(0, 0.03 * untidy)) if chance(rng, 0.7) else float(rng.normal(0, 0.15))
        y = self.floor + height * (level + 0.5)
        if row == 0 and level == 0 and chance(rng, self.habits.turned):
            yaw, spin = _turned(rng, product), float(rng.random())
        if row == 0 and product.shape == "bag":
            roll += float(rng.normal(0, 0.03))
        pose = turned(yaw, 0.0, roll)
        shift = float(rng.normal(0, 0.12 * untidy))
        gain = float(np.exp((z - FRONT) / 34) * np.exp(rng.normal(0, 0.04)))
        item = Item(product, self.number + len(self.items), vector(x + shift, y, z), pose, row, level, spin, gain)
        self.items.append(item)

    def _tag(self, left: float, right: float) -> None:
        rng = self.rng
        if chance(rng, 0.12) or right - left < NARROWEST:
            return
        offer = chance(rng, 0.12)
        known = [tag for tag in self.assortment.tags if tag.offer == offer]
        tag = known[int(rng.integers(len(known)))]
        where = left if chance(rng, 0.7) else (left + right - tag.size[0]) / 2
        last = self.tags[-1] if self.tags else None
        if last is None or last.x + last.tag.size[0] < where:
            self.tags.append(Hung(tag, where + float(rng.normal(0, 0.4)), float(rng.uniform(0, 1)) if offer else 0.0))


def _turned(rng: np.random.Generator, product: Product) -> float:
    """How far somebody turned a product, in radians: what is as wide as deep any way, else a little or its back."""
    width, _, depth = product.size
    if depth > width * 0.8:
        return float(rng.uniform(-np.pi, np.pi))
    return float(rng.normal(0, 0.3)) if chance(rng, 0.7) else float(np.pi + rng.normal(0, 0.1))


def gaps(stretches: list[tuple[float, float, float]], room: float) -> list[Gap]:
    """Neighbouring places where nothing stands, joined; as high as their neighbours on average, else most of `room`."""
    found: list[Gap] = []
    first = 0
    while first < len(stretches):
        if stretches[first][2] > 0:
            first += 1
            continue
        last = first
        while (
            last + 1 < len(stretches)
            and stretches[last + 1][2] == 0
            and stretches[last + 1][0] - stretches[last][1] < NARROWEST
        ):
            last += 1
        beside = [stretches[n][2] for n in (first - 1, last + 1) if 0 <= n < len(stretches) and stretches[n][2] > 0]
        left, right = stretches[first][0], stretches[last][1]
        if right - left >= NARROWEST:
            found.append(Gap(left, right - left, float(np.mean(beside)) if beside else room * 0.8))
        first = last + 1
    return found

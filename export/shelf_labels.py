"""The classes of shelves in the contract's order, and where a checkpoint has them in its own."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from export.errors import CheckpointError

CLASSES = ("background", "product", "tag", "board", "empty")
BACKGROUND = 0
_OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("bg", "other", "none", "__background__"), "background"),
        **dict.fromkeys(("object", "item", "sku"), "product"),
        **dict.fromkeys(("price_tag", "label"), "tag"),
        **dict.fromkeys(("shelf", "shelf_board"), "board"),
        **dict.fromkeys(("gap", "void", "out_of_stock"), "empty"),
    }
)


def channels(source: str, names: Sequence[str]) -> tuple[int, ...]:
    """For each class of the contract the number of a checkpoint's channel. Names that say nothing (LABEL_0) stand for
    the contract's own order. Raises CheckpointError where the classes are not these five.
    """
    if [name.lower() for name in names] == [f"label_{number}" for number in range(len(CLASSES))]:
        return tuple(range(len(CLASSES)))
    plain = [plain_name(name) for name in names]
    if sorted(plain) != sorted(CLASSES):
        raise CheckpointError(
            f"{source}: its classes are {', '.join(names) or 'none'}; needed are {', '.join(CLASSES)}"
        )
    return tuple(plain.index(name) for name in CLASSES)


def classes(source: str, names: Sequence[str]) -> tuple[int, ...]:
    """For each of a detector's classes that of the contract. Raises CheckpointError for those that shelves have not."""
    plain = [plain_name(name) for name in names]
    unknown = [name for name, known in zip(names, plain, strict=True) if known not in CLASSES[1:]]
    if unknown or not names:
        found = ", ".join(unknown[:5]) or "none"
        raise CheckpointError(f"{source}: its classes are {found}; a shelf's are {', '.join(CLASSES[1:])}")
    return tuple(CLASSES.index(name) for name in plain)


def plain_name(name: str) -> str:
    written = name.strip().lower().replace(" ", "_").replace("-", "_")
    return _OTHER_NAMES.get(written, written)

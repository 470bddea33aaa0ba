"""YAML from anybody: how large its aliases may make it, and on which line of the file what stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from imaging.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_NODES = 20_000


class DocumentError(ImageError):
    """No YAML that can be taken; of which file, the caller knows."""


@dataclass(frozen=True, slots=True)
class Document:
    """`value` as PyYAML's safe loader gives it."""

    value: Any
    root: yaml.Node | None

    def line(self, place: Sequence[str | int]) -> int:
        """Return the line, from 1 on, of what stands at `place`; parts that are not there are passed over."""
        node, line = self.root, 1
        for part in place:
            found = _child(node, part)
            if found is not None:
                line, node = found[0].start_mark.line + 1, found[1]
        return line

    def repeated(self) -> Iterator[tuple[int, str]]:
        """Yield line and text of every key that its mapping has had before: the loader keeps the last one, silently."""
        yield from _repeated(self.root, set())


def read(data: bytes) -> Document:
    """Raises DocumentError."""
    try:
        root = yaml.compose(data, yaml.SafeLoader)
        if root is not None and _nodes(root, {}) > MOST_NODES:
            raise DocumentError(f"aliases make it larger than {MOST_NODES} entries")
        return Document(yaml.safe_load(data), root)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"is no YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"is no YAML: {error}") from error


def _nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many entries a node has once its aliases are written out; far too many for one inside itself."""
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1
        known[id(node)] = 1 + sum(_nodes(one, known) for one in _parts(node))
    return known[id(node)]


def _parts(node: yaml.Node | None) -> list[yaml.Node]:
    parts: list[Any] = node.value if isinstance(node, yaml.CollectionNode) else []
    return [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the node that says where a part stands, and the part."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in reversed(node.value) if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _repeated(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[int, str]]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    keys: set[str] = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if str(key.value) in keys:
            yield key.start_mark.line + 1, str(key.value)
        keys.add(str(key.value))
    for part in _parts(node):
        yield from _repeated(part, seen)

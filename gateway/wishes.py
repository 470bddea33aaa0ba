"""What a client wishes for, out of a form's fields and a JSON document, checked against the schema of the options."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from gateway.deeds import (
    HEIGHT,
    IMAGE,
    IMAGE_URL,
    SHADOW,
    SHADOW_KIND,
    SIZE,
    TRANSPARENT,
    WHOLE,
    WIDTH,
    Deed,
    Kind,
    Options,
    Place,
)
from gateway.errors import InvalidOptionError
from imaging.product_options import CutoutOptions, PhotoOptions

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,15}")
SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
NO_SHADOW, USUAL_SHADOW = "none", "dual"
UNKNOWN_COLOUR = "unknown color"  # Pillow's words
COLOURS = "FFFFFF, #FFFFFFCC or a CSS name"
NOT_FIELDS = frozenset({IMAGE, IMAGE_URL, WHOLE})


def of_form(deed: Deed, fields: Mapping[str, str]) -> Options:
    """The options of a form: its field `options`, and above that all others. An empty field is none.

    Raises InvalidOptionError.
    """
    if unknown := sorted(name for name in fields if name not in NOT_FIELDS and deed.field(name) is None):
        raise InvalidOptionError(f"unknown field {', '.join(unknown)}; allowed: {', '.join(deed.names)}")
    given = {name: text for name, text in fields.items() if text and name not in NOT_FIELDS}
    tree = _with_defaults(deed, _document(fields.get(WHOLE) or "{}"))
    values = {**_values(deed, given), **_size(given), **_shadow(given, tree)}
    for place, value in values.items():
        _put(tree, place, value)
    return _checked(deed, tree, _places(deed, given))


def of_document(deed: Deed, document: Mapping[str, Any]) -> Options:
    """The options of a JSON body. Raises InvalidOptionError."""
    return _checked(deed, _with_defaults(deed, document), {})


def _with_defaults(deed: Deed, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document over the deed's defaults. A subject that stays where it is may have no room around it."""
    place = document.get("place")
    stays = isinstance(place, dict) and place.get("subject") == "as_is"
    return _merged({name: part for name, part in deed.defaults.items() if not (stays and name == "place")}, document)


def _document(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidOptionError(f"{WHOLE} is no JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise InvalidOptionError(f"{WHOLE} must be a JSON object")
    return found


def _values(deed: Deed, given: Mapping[str, str]) -> dict[Place, object]:
    """The values of all fields that stand for themselves."""
    found: dict[Place, object] = {}
    for name, text in given.items():
        known = deed.field(name)
        if known is not None and name not in {WIDTH, HEIGHT, SHADOW}:
            found[known.place] = _value(name, known.kind, text)
    return found


def _value(name: str, kind: Kind, text: str) -> object:
    if kind is Kind.SWITCH:
        return _switch(name, text)
    if kind is Kind.NUMBER:
        return _number(text)
    return None if kind is Kind.GROUND and text == TRANSPARENT else text


def _switch(name: str, text: str) -> bool:
    if text.lower() not in SWITCHES:
        raise InvalidOptionError(f"{name} is true or false, not {text[:32]!r}")
    return SWITCHES[text.lower()]


def _number(text: str) -> int | float | str:
    """A number, or the text for the schema to complain about."""
    if WHOLE_NUMBER.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _size(given: Mapping[str, str]) -> dict[Place, object]:
    sides = [given[name] for name in (WIDTH, HEIGHT) if name in given]
    if not sides:
        return {}
    if len(sides) == 1 or SIZE in given:
        raise InvalidOptionError(f"{WIDTH} and {HEIGHT} belong together, and exclude {SIZE}")
    return {("place", "size"): [_number(side) for side in sides]}


def _shadow(given: Mapping[str, str], tree: Mapping[str, Any]) -> dict[Place, object]:
    """`shadow=true` is the kind that was asked for, or else the usual one."""
    if SHADOW not in given:
        return {}
    wanted, kind = _switch(SHADOW, given[SHADOW]), given.get(SHADOW_KIND)
    if kind is not None and wanted is (kind == NO_SHADOW):
        raise InvalidOptionError(f"{SHADOW}={given[SHADOW]} and {SHADOW_KIND}={kind[:32]} contradict each other")
    if kind is not None or (wanted and _at(tree, "shadow", "kind") not in {None, NO_SHADOW}):
        return {}
    return {("shadow", "kind"): USUAL_SHADOW if wanted else NO_SHADOW}


def _at(tree: Mapping[str, Any], part: str, name: str) -> object:
    found = tree.get(part)
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both documents in a new one, the second above the first."""
    found = {name: _merged(value, {}) if isinstance(value, Mapping) else value for name, value in base.items()}
    for name, value in over.items():
        below = found.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        found[name] = _merged(below or {}, value) if both else value
    return found


def _put(tree: dict[str, Any], place: Place, value: object) -> None:
    """Sets a value; where the document has no object on the way, the schema will complain about that."""
    node: Any = tree
    for part in place[:-1]:
        if node.get(part) is None:
            node[part] = {}
        node = node[part]
        if not isinstance(node, dict):
            return
    node[place[-1]] = value


def _places(deed: Deed, given: Mapping[str, str]) -> dict[Place, str]:
    known = ((name, deed.field(name)) for name in given)
    return {one.place: name for name, one in known if one is not None}


def _checked(deed: Deed, tree: Mapping[str, Any], names: Mapping[Place, str]) -> Options:
    try:
        found = deed.kind.model_validate_json(json.dumps(tree))
    except RecursionError as error:
        raise InvalidOptionError(f"{WHOLE} is nested too deeply") from error
    except ValidationError as error:
        raise InvalidOptionError("; ".join(dict.fromkeys(_findings(deed, error, names)))) from error
    if found.encode.format == "jpeg" and _is_transparent(found):
        raise InvalidOptionError("format: jpeg has no transparency; allowed without a ground: png, webp, avif, zip")
    return found


def _is_transparent(options: Options) -> bool:
    if isinstance(options, PhotoOptions):
        return options.ground.color is None and options.ground.gradient is None and options.ground.picture is None
    return isinstance(options, CutoutOptions)


def _findings(deed: Deed, error: ValidationError, names: Mapping[Place, str]) -> Iterator[str]:
    """A sentence each; of several forms that a value may have, only about the one that came closest."""
    found = [(_place(item["loc"]), item["type"], item["msg"]) for item in error.errors(include_url=False)]
    for place, kind, message in found:
        if not any(other[: len(place)] == place and len(other) > len(place) for other, *_ in found):
            yield f"{_name(place, names)}: {_said(deed, place, kind, message)}"


def _place(location: Place) -> Place:
    """Without the names that pydantic gives to the branches of a union."""
    return tuple(part for part in location if not (isinstance(part, str) and "[" in part))


def _name(place: Place, names: Mapping[Place, str]) -> str:
    """The form field's name, if it came from one, or else the place in the options."""
    for length in range(len(place), 0, -1):
        if place[:length] in names:
            return names[place[:length]]
    return ".".join(map(str, place)) or WHOLE


def _said(deed: Deed, place: Place, kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return f"unknown; allowed: {', '.join(_siblings(deed, place))}"
    plain = message.removeprefix("Value error, ")
    return f"{plain}; allowed: {COLOURS}" if plain.startswith(UNKNOWN_COLOUR) else plain


def _siblings(deed: Deed, place: Place) -> list[str]:
    """What the schema has where the document has something else."""
    schema = deed.kind.model_json_schema()
    node: Any = schema
    for part in place[:-1]:
        node = node.get("properties", {}).get(part, {})
        node = next(iter(node.get("anyOf", [])), node)
        node = schema["$defs"].get(str(node.get("$ref", "")).rpartition("/")[2], node)
    return list(node.get("properties", {}))

"""How OpenAPI describes the photo service's requests: fields with the words and the limits of the options' schema."""

from collections.abc import Mapping
from typing import Any

from gateway.deeds import FREE_TEXT, IMAGE, IMAGE_URL, SHADOW, WHOLE, Deed, Field, Place
from gateway.schemas import EXAMPLE_URL

LIMITS = ("enum", "minimum", "maximum", "exclusiveMaximum", "default", "pattern")
PLAIN = ("boolean", "integer", "number")
SAID = {
    "background": "FFFFFF, #FFFFFFCC, a CSS name, or transparent",
    SHADOW: "a dual shadow, or the kind that shadow_kind names",
    "width": "of the canvas, in pixels, 16 to 10000; together with height",
    "height": "of the canvas, in pixels, 16 to 10000; together with width",
    "size": "original, as the photo, or fitted, as the subject with its padding and margin",
    "padding": "room around the subject, 0.1 by default: a ratio (0.1), a percentage (10%) or pixels (40px)",
    "margin": "room at the canvas' sides, in the same forms",
}


def request_body(deed: Deed) -> dict[str, Any]:
    """OpenAPI's `requestBody`: a form, or JSON."""
    schema = inlined(deed.kind.model_json_schema())
    image_url = {"type": "string", "description": f"http(s) address of the picture, instead of {IMAGE}"}
    form = {
        IMAGE: {"type": "string", "format": "binary", "description": "the picture"},
        IMAGE_URL: image_url,
        **{name: _described(schema, name, known) for name, known in deed.fields.items()},
        WHOLE: {"type": "string", "description": "all options as JSON, as below; the other fields stand above it"},
    }
    if deed.has_template:
        form[f"{FREE_TEXT}NAME"] = {"type": "string", "description": "what stands in the template's field NAME"}
    document = {"type": "object", "required": [IMAGE_URL], "properties": {IMAGE_URL: image_url, WHOLE: schema}}
    example = {IMAGE_URL: EXAMPLE_URL, WHOLE: {"encode": {"format": "webp"}}}
    content = {
        "multipart/form-data": {"schema": {"type": "object", "properties": form}},
        "application/json": {"schema": {**document, "examples": [example]}},
    }
    return {"requestBody": {"required": True, "content": content}}


def _described(schema: Mapping[str, Any], name: str, known: Field) -> dict[str, Any]:
    node = _at(schema, known.place)
    found: dict[str, Any] = {limit: node[limit] for limit in LIMITS if node.get(limit) is not None}
    found["type"] = node["type"] if node.get("type") in PLAIN else "string"
    found["description"] = SAID.get(name) or node.get("description") or f"{'.'.join(map(str, known.place))} in options"
    if name == SHADOW:
        found |= {"type": "boolean", "default": False}
        del found["enum"]
    return found


def _at(schema: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """The schema of one place; nothing for places that it leaves open."""
    node = schema
    for part in place:
        node = _chosen(node).get("properties", {}).get(part, {})
    return {**_chosen(node), **{name: node[name] for name in ("description", "default") if name in node}}


def _chosen(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first of several forms."""
    branches = node.get("anyOf", ())
    return branches[0] if branches else node


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without references: OpenAPI would look for them in the whole document."""
    parts = schema.get("$defs", {})

    def resolved(node: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(node, list):
            return [resolved(one) for one in node]
        if not isinstance(node, dict):
            return node
        own = {name: resolved(value) for name, value in node.items() if name not in {"$ref", "$defs"}}
        name = str(node.get("$ref", "")).rpartition("/")[2]
        return {**resolved(parts[name]), **own} if name else own

    return resolved(schema)  # type: ignore[no-any-return] # an object stays one

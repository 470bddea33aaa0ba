"""The routing file: every keyword leads somewhere, and what is wrong is named with its line and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imaging import routing
from imaging.product_options import OptionsError
from imaging.routing import PIPELINES, ProductCutout, ProductPhoto, Routing, RoutingError
from training.scenes.kitchen.keywords import NAMES

DEFAULT = Path(__file__).resolve().parents[2] / "model_repository" / "recipe_photo" / "routes.yaml"
FILE = """\
version: 1
review_below: 0.5
routes:
  saucepan: {pipeline: step_cutout, options: {output: alpha}}
  finalstep:
    pipeline: product_photo
    options:
      place: {padding: 10%, size: [800, 600]}
      encode: {format: webp}
"""
names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
routes = st.fixed_dictionaries({"pipeline": st.sampled_from(PIPELINES)})
files = st.fixed_dictionaries(
    {"version": st.just(1), "routes": st.dictionaries(names, routes, max_size=5)},
    optional={"review_below": st.floats(0, 1), "review": routes, "default": routes},
)


def refusal(text: str | bytes) -> str:
    with pytest.raises(RoutingError) as caught:
        routing.read(text.encode() if isinstance(text, str) else text)
    return str(caught.value)


@pytest.mark.parametrize("keyword", NAMES)
def test_the_shipped_file_has_a_route_for_every_usual_keyword(keyword: str) -> None:
    decision = routing.read(DEFAULT.read_bytes()).decide(keyword, 0.99)
    assert decision.reason == "keyword"
    assert decision.route.pipeline != "review"


def test_a_route_has_the_options_of_its_pipeline() -> None:
    rules = routing.read(FILE.encode())
    photo = rules.routes["finalstep"]
    assert isinstance(photo, ProductPhoto)
    assert (photo.options.place.size, photo.options.place.padding.left) == ((800, 600), "10%")
    assert photo.options.encode.format == "webp"
    assert rules.decide("saucepan", 0.5).route.options.model_dump() == {"output": "alpha"}


@given(files, names, st.floats(0, 1))
def test_every_keyword_leads_somewhere(file: dict[str, object], keyword: str, confidence: float) -> None:
    rules = routing.read(yaml.safe_dump(file, allow_unicode=True).encode())
    decision = rules.decide(keyword, confidence)
    assert decision.route.pipeline in PIPELINES
    if confidence < rules.review_below:
        assert (decision.reason, decision.route) == ("review_below", rules.review)
    elif keyword in rules.routes:
        assert (decision.reason, decision.route) == ("keyword", rules.routes[keyword])
    else:
        assert (decision.reason, decision.route) == ("default", rules.default)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_request_may_trust_more_or_less_than_the_file(confidence: float, limit: float) -> None:
    decision = routing.read(FILE.encode()).decide("saucepan", confidence, limit)
    assert (decision.route.pipeline == "review") == (confidence < limit)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 1", "version: 2", "line 1: version: Input should be 1"),
        ("version: 1\n", "", "line 1: version: Field required"),
        ("0.5", "60", "line 2: review_below: Input should be less than or equal to 1"),
        ("0.5", "high", "line 2: review_below: Input should be a valid number"),
        ("review_below", "review_under", "line 2: review_under: there is no such field; allowed: default, review"),
        ("step_cutout", "cutout", "line 4: routes.saucepan: pipeline must be one of step_cutout, main_cutout"),
        ("pipeline: step_cutout, ", "", "line 4: routes.saucepan: pipeline must be one of"),
        ("alpha", "mask", "line 4: routes.saucepan.options.output: Input should be 'cutout' or 'alpha'"),
        ("output", "outputs", "line 4: routes.saucepan.options.outputs: there is no such field; allowed: output"),
        ("step_cutout", "review", "line 4: routes.saucepan.options.output: there is no such field; allowed: none"),
        ("webp", "gif", "line 9: routes.finalstep.options.encode.format: Input should be 'png'"),
        ("size:", "sizes:", "line 8: routes.finalstep.options.place.sizes: there is no such field; allowed: center"),
        ("10%", "-1", "line 8: routes.finalstep.options.place.padding"),
        ("finalstep", "saucepan", "line 5: 'saucepan' is there twice"),
        ("saucepan", "12", "line 4: routes.12: as a keyword: Input should be a valid string"),
        ("finalstep:", "'':", "line 5: routes.: as a keyword: String should have at least 1 character"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_what_is_allowed(old: str, new: str, said: str) -> None:
    assert FILE.count(old) >= 1
    text = refusal(FILE.replace(old, new, 1))
    assert text.startswith("routes.yaml, line ")
    assert said in text


def test_everything_that_is_wrong_is_named_at_once() -> None:
    text = refusal("version: 3\nroutes:\n  a: {pipeline: nowhere}\n  b: {pipeline: as_is, options: {x: 1}}\n")
    assert [f"line {number}:" in text for number in (1, 3, 4)] == [True] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "version: Field required"),
        ("- 1\n", "valid dictionary"),
        ("version: [", "is no YAML"),
        ("version: !!python/object:os.system 1", "is no YAML"),
        (b"\xff\xfe\x00", "is no YAML"),
        ("a: &a [&b [*a]]", "aliases make it larger"),
        ("#" * (routing.MOST_BYTES + 1), "larger than 256 KiB"),
    ],
)
def test_what_is_no_routing_file_is_refused(text: str | bytes, said: str) -> None:
    assert said in refusal(text)


def test_a_file_that_no_photo_could_be_kept_in_is_refused() -> None:
    jpeg = "version: 1\nroutes: {a: {pipeline: %s, options: {encode: {format: jpeg}%s}}}"
    assert "jpeg has no alpha" in refusal(jpeg % ("product_cutout", ""))
    assert "jpeg has no alpha" in refusal(jpeg % ("product_photo", ", ground: {color: null}"))
    assert routing.read((jpeg % ("product_photo", "")).encode()).routes


def test_the_templates_that_routes_draw_are_known() -> None:
    rules = Routing.model_validate(
        {
            "version": 1,
            "routes": {
                "a": {"pipeline": "product_photo", "options": {"template": {"name": "sale", "version": 3}}},
                "b": {"pipeline": "product_photo", "options": {"template": {"name": "sale", "version": 3}}},
                "c": {"pipeline": "product_photo"},
            },
            "default": {"pipeline": "product_photo", "options": {"template": {"name": "bar"}}},
        }
    )
    assert rules.templates() == [("bar", None), ("sale", 3)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "Input should be an object"),
        ("{", "Invalid JSON"),
        ('{"keywords": 1}', "keywords: there is no such field; allowed: dry_run, encode, keyword, review_below"),
        ('{"keyword": ""}', "keyword: String should have at least 1 character"),
        ('{"review_below": 1.5}', "review_below: Input should be less than or equal to 1"),
        ('{"encode": {"format": "bmp"}}', "encode.format: Input should be 'png'"),
        ('{"encode": {"size": 1}}', "encode.size: there is no such field; allowed: dpi, format, palette, quality"),
        ('{"dry_run": "yes"}', "dry_run: Input should be a valid boolean"),
    ],
)
def test_a_wrong_wish_is_named(text: str, said: str) -> None:
    with pytest.raises(OptionsError) as caught:
        routing.wishes(text.encode())
    assert said in str(caught.value)


def test_nothing_is_no_wish() -> None:
    assert routing.wishes(b"") == routing.wishes(b"{}") == routing.Wishes()


def test_a_wish_for_a_file_stands_over_the_routes_own() -> None:
    route = ProductPhoto.model_validate(
        {"pipeline": "product_photo", "options": {"encode": {"format": "jpeg", "quality": 40}}}
    )
    wish = routing.wishes(b'{"encode": {"format": "webp"}}')
    assert json.loads(wish.encoded(route))["encode"] == {"format": "webp", "quality": 40, "dpi": 72, "palette": "auto"}
    with pytest.raises(OptionsError, match="jpeg has no alpha"):
        routing.wishes(b'{"encode": {"format": "jpeg"}}').encoded(ProductCutout(pipeline="product_cutout"))

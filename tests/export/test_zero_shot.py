"""A whole CLIP and a list of keywords: the texts stand for the keywords, as transformers' own CLIP would have it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from export import pictures, vocabulary
from export.__main__ import main
from export.errors import CheckpointError, UsageError
from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import ROLES
from tests.export.checkpoints import SIDE
from tests.export.keyword_checkpoints import KEYWORDS, make_classifier, make_clip, make_repository
from tests.export.test_keywords import session_of

PROMPTS = {"soup": ["a photo of a bowl of soup", "soup"], "cars": "two red cars", "house": "a house"}


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def by_transformers(checkpoint: Path, batch: np.ndarray) -> np.ndarray:
    """What a reader of CLIP's model page would write: similarities to the mean of each keyword's prompts."""
    import transformers

    classes: Any = transformers
    with quiet_libraries(), torch.inference_mode():
        model = classes.CLIPModel.from_pretrained(checkpoint).eval()
        tokenizer = classes.AutoTokenizer.from_pretrained(checkpoint)
        processor = classes.AutoImageProcessor.from_pretrained(checkpoint, backend="pil")
        rows = []
        for prompts in PROMPTS.values():
            tokens = tokenizer([prompts] if isinstance(prompts, str) else prompts, padding=True, return_tensors="pt")
            tokens.pop("token_type_ids", None)
            texts = torch.nn.functional.normalize(model.get_text_features(**tokens).pooler_output, dim=-1)
            rows.append(torch.nn.functional.normalize(texts.mean(dim=0), dim=-1))
        values = processor([Image.fromarray(one) for one in batch], return_tensors="pt")["pixel_values"]
        images = torch.nn.functional.normalize(model.get_image_features(pixel_values=values).pooler_output, dim=-1)
        logits = model.logit_scale.exp() * images @ torch.stack(rows).T
    return np.asarray(logits.softmax(dim=-1).numpy())


def test_keywords_are_told_by_their_texts(tmp_path: Path) -> None:
    checkpoint = make_clip(tmp_path / "clip")
    options = Options(make_repository(tmp_path / "repository"), licence="MIT")
    labels = written(tmp_path / "labels.json", PROMPTS)
    with quiet_libraries():
        done = export(KEYWORDS, str(checkpoint), Options(options.repository, licence="MIT", labels=labels))
    batch = pictures.drawn(SIDE)
    (found,) = session_of(done.folder).run(["probabilities"], {"pixels": batch})
    wanted = by_transformers(checkpoint, batch)
    assert found == pytest.approx(wanted, abs=1e-4)
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["labels"], facts["head"]) == (list(PROMPTS), "prototypes")
    assert facts["prompts"] == [PROMPTS["soup"], [PROMPTS["cars"]], [PROMPTS["house"]]]
    assert "zero-shot" in facts["remarks"][0]


def test_a_plain_list_gets_a_prompt_for_each(tmp_path: Path) -> None:
    found = vocabulary.read(written(tmp_path / "labels.txt", "oven-tray\n\n  group_step\n"))
    assert found.labels == ("oven-tray", "group_step")
    assert found.prompts == (("a photo of a oven tray",), ("a photo of a group step",))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("labels.json", "{", "not readable as a list of keywords"),
        ("labels.json", "3", "a list, or an object"),
        ("labels.json", {"a": []}, "a: prompts are a text or a list of texts"),
        ("labels.json", {"a": [3]}, "a: prompts are a text or a list of texts"),
        ("labels.json", {"a": "  "}, "a: prompts are a text or a list of texts"),
        ("labels.json", ["a", "a"], "labels are there twice: a"),
        ("labels.txt", "\n", "at least one keyword"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(name: str, content: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        vocabulary.read(written(tmp_path / name, content))


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not readable"):
        vocabulary.read(tmp_path / "nothing.txt")


def refused(tmp_path: Path, checkpoint: Path, labels: object) -> str:
    options = Options(
        make_repository(tmp_path / "repository"), licence="MIT", labels=written(tmp_path / "labels.json", labels)
    )
    with quiet_libraries(), pytest.raises((UsageError, CheckpointError)) as caught:
        export(KEYWORDS, str(checkpoint), options)
    return str(caught.value)


def test_a_classifier_has_labels_of_its_own(tmp_path: Path) -> None:
    assert "has keywords of its own" in refused(tmp_path, make_classifier(tmp_path / "checkpoint"), ["soup"])


def test_a_tower_without_texts_cannot_do_without_training(tmp_path: Path) -> None:
    import shutil

    checkpoint = make_classifier(tmp_path / "checkpoint")
    shutil.rmtree(checkpoint / "keywords")
    assert "weights are missing" in refused(tmp_path, checkpoint, ["soup"])


def test_a_prompt_that_is_too_long_is_named(tmp_path: Path) -> None:
    prompt = "soup " * 90
    assert "more than 77 tokens of 'soup soup" in refused(tmp_path, make_clip(tmp_path / "clip"), {"soup": prompt})


def test_other_roles_have_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = written(tmp_path / "labels.txt", "soup\n")
    assert "step_matte" in ROLES
    assert main(["step_matte", "--checkpoint", "anywhere", "--labels", str(labels)]) == 2
    assert "--labels is for keyword classifiers" in capsys.readouterr().err

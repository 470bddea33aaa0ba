"""Recipe photos on the real server: classified, routed and finished for Triton, over REST and for a folder."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import ROLES
from perf.corpus import photo
from serving.session import Session, running
from tests.e2e.buckets import KEY_ID, REGION, SECRET, s3
from tests.e2e.gateways import gateway, state, wait_until
from tests.e2e.repositories import NETWORK, ROOT, copied, settings
from tests.export.keyword_checkpoints import LABELS, by_transformers, make_classifier

pytestmark = pytest.mark.e2e

STEPS = ("decode", "cutout", "alpha_png", "keywords", "step_matte", "recipe_photo")
PIPELINES = ("classify_keywords", "cutout_step", "alpha_step")
# No pipeline of main_cutout is served here.
ROUTES = """\
version: 1
review_below: 0
routes:
  oven-tray: {pipeline: step_cutout}
  saucepan: {pipeline: step_cutout, options: {output: alpha}}
  finalstep: {pipeline: main_cutout}
  group_step: {pipeline: as_is}
"""


def made(folder: Path) -> Path:
    """A repository with the steps, and a random classifier exported into it."""
    copied(folder, (*STEPS, NETWORK), PIPELINES)
    checkpoint = make_classifier(folder / "checkpoint", labels=LABELS, side=224)
    with quiet_libraries():
        export(ROLES[NETWORK], str(checkpoint), Options(folder / "models", licence="MIT"))
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("route"))


@pytest.fixture
def routes(repository: Path) -> Iterator[Callable[[str], None]]:
    """Writes another routing file; the usual one is back at the end."""
    yield lambda text: write(repository, text)
    write(repository, ROUTES)


def write(repository: Path, text: str) -> None:
    path = repository / "models" / "recipe_photo" / "routes.yaml"
    aside = path.with_suffix(".new")
    aside.write_text(text)
    aside.replace(path)


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[Session]:
    write(repository, ROUTES)
    with running(settings(repository)) as session:
        yield session


@pytest.fixture(scope="module")
def client(server: Session, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    variables = {
        "GATEWAY_TRITON_URL": server.grpc_url,
        "GATEWAY_MODEL_REPOSITORY": str(repository / "models"),
        "GATEWAY_STORE_URL": str(tmp_path_factory.mktemp("store")),
    }
    with gateway(variables) as (client, _):
        wait_until(lambda: state(client, "recipe_photo").get("status") == "ok")
        yield client


def infer(server: Session, *files: bytes, **options: object) -> list[dict[str, Any]]:
    """Each photo's outputs; `report` read."""
    inputs = []
    for name, contents in (("image", files), ("options", [json.dumps(options).encode()] * len(files))):
        tensor = grpc.InferInput(name, [len(files), 1], "BYTES")
        tensor.set_data_from_numpy(np.array(list(contents), np.object_)[:, None])
        inputs.append(tensor)
    with grpc.InferenceServerClient(server.grpc_url) as client:
        answer = client.infer("recipe_photo", inputs)
    names = ("keyword", "confidence", "route", "picture", "report")
    rows = [{name: answer.as_numpy(name)[row, 0] for name in names} for row in range(len(files))]
    return [row | {"report": json.loads(row["report"])} for row in rows]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_a_photo_has_the_keyword_that_transformers_gives(server: Session, repository: Path) -> None:
    data = photo(400, 300, 1)
    (found,) = infer(server, data, dry_run=True)
    wanted = by_transformers(repository / "checkpoint", opened(data).convert("RGB"))
    assert found["keyword"].decode() == LABELS[int(np.argmax(wanted))]
    assert found["confidence"] == pytest.approx(wanted.max(), abs=0.02)
    assert (found["picture"], found["report"]["pipeline"]) == (b"", None)


def test_every_route_ends_with_what_its_pipeline_makes(server: Session) -> None:
    data = photo(240, 180, 3)
    tensor = grpc.InferInput("image", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[data]], np.object_))
    with grpc.InferenceServerClient(server.grpc_url) as client:
        cutout, alpha = (
            client.infer(name, [tensor]).as_numpy(name[:-5])[0, 0] for name in ("cutout_step", "alpha_step")
        )
    tray, pan, group, other = (
        infer(server, data, keyword=keyword)[0] for keyword in ("oven-tray", "saucepan", "group_step", "wok")
    )
    assert (tray["picture"], pan["picture"], group["picture"], other["picture"]) == (cutout, alpha, data, b"")
    assert (tray["report"]["width"], tray["report"]["height"], tray["report"]["extension"]) == (240, 180, "png")
    assert (other["route"], other["report"]["reason"]) == (b"review", "default")


def test_photos_of_one_request_go_their_own_ways(server: Session) -> None:
    files = [photo(200, 150, seed) for seed in range(4)]
    together = infer(server, *files, dry_run=True)
    alone = [infer(server, file, dry_run=True)[0] for file in files]
    assert [one["keyword"] for one in together] == [one["keyword"] for one in alone]


def test_a_new_routing_file_is_in_force_at_once_and_a_bad_one_never(
    server: Session, client: httpx.Client, routes: Callable[[str], None]
) -> None:
    data = photo(160, 120, 5)
    assert infer(server, data, keyword="oven-tray")[0]["route"] == b"step_cutout"
    routes(ROUTES.replace("oven-tray: {pipeline: step_cutout}", "oven-tray: {pipeline: as_is}"))
    assert infer(server, data, keyword="oven-tray")[0]["route"] == b"as_is"
    assert posted(client, data, keyword="oven-tray").json()["route"] == "as_is"
    routes(ROUTES.replace("step_cutout", "cut_out"))
    (kept,) = infer(server, data, keyword="oven-tray")
    assert kept["route"] == b"as_is"
    problem = kept["report"]["rules"]["problem"]
    assert problem.startswith("routes.yaml, line 4: routes.oven-tray: pipeline must be one of step_cutout, main_cutout")
    body = posted(client, data, keyword="oven-tray").json()
    assert (body["route"], body["rules_problem"], body["cached"]) == ("as_is", None, True)
    assert client.get("/api/v1/routes").json()["problem"] == problem


def posted(client: httpx.Client, data: bytes, accept: str = "*/*", **options: object) -> httpx.Response:
    files, form = {"file": ("photo.jpg", data)}, {"options": json.dumps(options)}
    return client.post("/api/v1/route", headers={"Accept": accept}, files=files, data=form)


def test_the_gateway_answers_with_keyword_route_and_result(client: httpx.Client) -> None:
    data = photo(240, 180, 7)
    body = posted(client, data, keyword="oven-tray").json()
    assert (body["route"], body["pipeline"], body["model"]) == ("step_cutout", "cutout_step", NETWORK)
    stored = opened(httpx.get(body["result"].replace("localhost", "127.0.0.1")).content)
    assert (stored.mode, stored.size) == ("RGBA", (240, 180))
    picture = posted(client, data, "image/*", keyword="oven-tray")
    assert (picture.headers["x-route"], picture.headers["x-cached"]) == ("step_cutout", "true")
    assert opened(picture.content).size == (240, 180)
    classified = posted(client, data, dry_run=True).json()
    assert classified["keyword"] in LABELS
    assert 25 <= classified["confidence"] <= 100
    assert classified["confidence"] == pytest.approx(classified["keywords"][0]["confidence"])


def test_a_missing_network_and_a_broken_picture_cost_no_other_photo(client: httpx.Client, server: Session) -> None:
    data = photo(240, 180, 9)
    for _ in range(6):
        missing = posted(client, data, keyword="finalstep")
        assert (missing.status_code, missing.json()["code"]) == (503, "pipeline_down")
        assert missing.json()["detail"] == "the keyword 'finalstep' goes to main_cutout: cutout_main is not served"
    for broken in (data[: len(data) // 2], data[:300]):
        assert posted(client, broken).status_code == 422
        assert posted(client, broken, keyword="group_step").status_code == 422
    assert posted(client, data, keyword="group_step").status_code == 200
    with pytest.raises(InferenceServerException, match="truncated") as caught:
        infer(server, data[: len(data) // 2])
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
    with pytest.raises(InferenceServerException, match="there is no such field; allowed: dry_run, encode"):
        infer(server, data, pipeline="as_is")
    assert state(client, "recipe_photo")["status"] == "ok"


def typed(client: httpx.Client, *words: object) -> list[str]:
    return list(map(str, [sys.executable, "-m", "gateway.cli", "route", "--url", client.base_url, *words]))


def command(client: httpx.Client, *words: object) -> subprocess.CompletedProcess[str]:
    arguments = typed(client, *words)
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_a_folder_runs_through_and_goes_on_where_it_was(client: httpx.Client, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for number in range(3):
        (photos / f"{number}.jpg").write_bytes(photo(160, 120, 20 + number))
    (photos / "broken.jpg").write_bytes(photo(160, 120, 1)[:400])
    ran = command(client, photos, "--out", out, "--keyword", "oven-tray")
    assert ran.returncode == 1, ran.stderr
    assert "3 routed, 0 there already, 1 failed" in ran.stderr
    assert sorted(path.name for path in out.glob("*.png")) == ["0.png", "1.png", "2.png"]
    with (out / "manifest.csv").open() as file:
        rows = {Path(row["photo"]).name: row for row in csv.DictReader(file)}
    assert (rows["0.jpg"]["route"], rows["0.jpg"]["result"]) == ("step_cutout", "0.png")
    assert "422" in rows["broken.jpg"]["error"]
    (photos / "broken.jpg").unlink()
    again = command(client, photos, "--out", out, "--keyword", "oven-tray")
    assert (again.returncode, "0 routed, 3 there already" in again.stderr) == (0, True), again.stderr


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Sixteen photos and a broken one below a prefix of a real object store."""
    photos = tmp_path / "s3" / "photos" / "steps"
    (photos / "soups").mkdir(parents=True)
    for number in range(16):
        (photos / ("soups" if number % 2 else ".") / f"{number:02d}.jpg").write_bytes(photo(160, 120, 40 + number))
    (photos / "broken.jpg").write_bytes(photo(160, 120, 1)[:400])
    with s3(tmp_path / "s3") as endpoint:
        known = {"ENDPOINT": endpoint, "REGION": REGION, "ACCESS_KEY_ID": KEY_ID, "SECRET_ACCESS_KEY": SECRET}
        for name, value in known.items():
            monkeypatch.setenv(f"GATEWAY_S3_{name}", value)
        yield "s3://photos/steps"


def test_a_prefix_of_an_object_store_that_was_cut_off_is_finished_by_the_same_command(
    client: httpx.Client, prefix: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = (prefix, "--out", out, "--keyword", "oven-tray", "--jobs", 1)
    ledger = out / "route.jsonl"
    with subprocess.Popen(typed(client, *words), cwd=ROOT, stderr=subprocess.DEVNULL) as cut_off:
        wait_until(lambda: cut_off.poll() is not None or (ledger.is_file() and ledger.read_text().count("\n") > 2))
        cut_off.kill()
    assert not (out / "manifest.csv").exists()
    ledger.write_text(ledger.read_text()[:-9])  # as if the last line were half written
    done = ledger.read_text().count("\n")
    assert 1 < done < 15
    again = command(client, *words)
    assert again.returncode == 1, again.stderr
    assert f"{16 - done} routed, {done} there already, 1 failed" in again.stderr
    rows = parquet.read_table(out / "manifest.parquet").to_pylist()
    with (out / "manifest.csv").open() as file:
        assert [row["photo"] for row in csv.DictReader(file)] == [row["photo"] for row in rows]
    assert [row["photo"] for row in rows if row["state"] == "failed"] == [f"{prefix}/broken.jpg"]
    found = {row["photo"]: row for row in rows if row["state"] != "failed"}
    assert found[f"{prefix}/soups/15.jpg"]["result"] == "soups/15.png"
    assert {row["route"] for row in found.values()} == {"step_cutout"}
    assert all(opened((out / row["result"]).read_bytes()).size == (160, 120) for row in found.values())


def test_a_bad_routing_file_at_the_start_keeps_only_this_model_from_being_served(
    repository: Path, tmp_path: Path
) -> None:
    shutil.copytree(repository, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint"))
    write(tmp_path / "copy", ROUTES.replace("version: 1", "version: 9"))
    with running(settings(tmp_path / "copy")) as session, grpc.InferenceServerClient(session.grpc_url) as client:
        assert client.is_model_ready("classify_keywords")
        assert not client.is_model_ready("recipe_photo")

import re

import httpx
import pytest
from fastapi import FastAPI

from gateway.schemas import EXAMPLE_URL
from tests.gateway.fakes import FakeFetcher, FakeInference, picture

ROUTES = {
    "/api/v2/{role}/predict": {"post"},
    "/api/v2/{role}/predict_upload": {"post"},
    "/api/v2/{role}/crop": {"get"},
    "/api/v2/{role}/health": {"get"},
    "/api/v1/predict": {"post"},
    "/api/v1/predict_batch": {"post"},
    "/api/v1/classify": {"post"},
    "/api/v1/health": {"get"},
    "/analyze_image/": {"post"},
    "/analyze_image_upload/": {"post"},
    "/analyze_images/": {"post"},
    "/available_operations/": {"get"},
    "/v1/embeddings": {"post"},
    "/remove-background": {"post"},
    "/process": {"post"},
    "/process-full": {"post"},
    "/render-template": {"post"},
    "/api/v1/route": {"post"},
    "/api/v1/routes": {"get"},
    "/api/segment_frame": {"post"},
    "/api/segment_video": {"post"},
    "/api/jobs/{job_id}": {"get", "delete"},
    "/api/jobs/{job_id}/events": {"get"},
    "/api/jobs/{job_id}/cancel": {"post"},
    "/api/jobs/{job_id}/results/{name}": {"get"},
    "/api/stream/sources": {"get"},
    "/api/drift": {"get"},
    "/files/{path}": {"get"},
    "/health": {"get"},
    "/v1/models": {"get"},
    "/metrics": {"get"},
}
PHOTOS = ("/remove-background", "/process", "/process-full", "/render-template", "/route")
SHELVES = ("segment_frame", "segment_video")

# Those that may refuse what is asked of them.
CHECKED = (
    "predict",
    "predict_upload",
    "predict_batch",
    "classify",
    "crop",
    "embeddings",
    *SHELVES,
    *PHOTOS,
)


async def test_every_route_is_documented(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == ROUTES
    for methods in paths.values():
        assert all(operation.get("description") for operation in methods.values())


async def test_the_docs_page_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert "://" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    found = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    kinds = [(await client.get(path)).headers["content-type"].partition(";")[0] for path in found]
    assert kinds == ["text/css", "image/png", "text/javascript"]
    assert "/openapi.json" in answer.text


async def test_the_examples_of_request_bodies_work(client: httpx.AsyncClient, fetcher: FakeFetcher) -> None:
    fetcher.pictures[EXAMPLE_URL] = picture()
    schema = (await client.get("/openapi.json")).json()["components"]["schemas"]["PredictBody"]
    assert schema["examples"]
    for example in schema["examples"]:
        assert (await client.post("/api/v2/step/predict", json=example)).status_code == 200


async def test_the_example_of_the_crop_parameter_works(client: httpx.AsyncClient, fetcher: FakeFetcher) -> None:
    fetcher.pictures[EXAMPLE_URL] = picture()
    paths = (await client.get("/openapi.json")).json()["paths"]
    parameters = {item["name"]: item for item in paths["/api/v2/{role}/crop"]["get"]["parameters"]}
    url = parameters["image_url"]["example"]
    assert (await client.get("/api/v2/step/crop", params={"image_url": url})).status_code == 302


async def test_the_upload_form_is_documented_with_its_fields(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    form = paths["/api/v2/{role}/predict_upload"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert form["properties"]["file"]["format"] == "binary"


async def test_every_documented_error_is_a_problem(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    for path, operation in ((path, one) for path, methods in document["paths"].items() for one in methods.values()):
        answers = {code: item for code, item in operation["responses"].items() if code[0] not in "23"}
        own = {"503"} if path.endswith("/health") else set[str]()  # it has a body of its own, with the state
        assert {
            item["content"]["application/json"]["schema"]["$ref"] for code, item in answers.items() if code not in own
        } == {"#/components/schemas/Problem"}, path
        assert "default" in answers
        assert ("404" in answers) is ("{" in path or path == "/v1/embeddings")
        assert ("422" in answers) is path.endswith(CHECKED)
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.parametrize("path", ["predict", "predict_upload", "crop"])
async def test_what_a_cut_out_may_fail_with_is_documented(client: httpx.AsyncClient, path: str) -> None:
    (operation,) = (await client.get("/openapi.json")).json()["paths"][f"/api/v2/{{role}}/{path}"].values()
    found = operation["responses"]
    assert {"404", "413", "415", "422", "429", "502", "503", "504"} <= set(found)
    assert {"200", "302"} & set(found) == ({"302"} if path == "crop" else {"200"})


async def test_metrics_count_requests_by_route_and_status(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.down = {"alpha_step": "it failed"}
    for _ in range(2):
        await client.post("/api/v2/step/predict_upload", files={"file": picture()})
    await client.get("/files/nothing.png")
    await client.get("/nowhere")
    await client.request("BREW", "/health")
    await client.request("BREW", "/nowhere")
    app.state.parts.telemetry.fetched(1000, 0.5)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        'gateway_requests_total{method="POST",route="/api/v2/{role}/predict_upload",status="200"} 2.0',
        'gateway_requests_total{method="GET",route="/files/{path:path}",status="404"} 1.0',
        'gateway_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        'gateway_requests_total{method="other",route="/health",status="405"} 1.0',
        'gateway_requests_total{method="other",route="unmatched",status="404"} 1.0',
        'gateway_request_seconds_count{route="/api/v2/{role}/predict_upload"} 2.0',
        'gateway_results_total{origin="made",pipeline="cutout_step"} 1.0',
        'gateway_results_total{origin="stored",pipeline="cutout_step"} 1.0',
        'gateway_inference_seconds_count{pipeline="cutout_step"} 1.0',
        'gateway_store_seconds_count{operation="put"} 2.0',
        "gateway_fetch_bytes_total 1000.0",
        'gateway_canary_age_seconds{pipeline="cutout_step"} 1.5',
        'gateway_pipeline_up{pipeline="cutout_step"} 1.0',
        'gateway_pipeline_up{pipeline="alpha_step"} 0.0',
        "gateway_requests_in_flight 1.0",
    ):
        assert line in answer.text.splitlines()


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/nowhere", "/openapi.json"])
async def test_every_answer_has_the_security_headers_and_none_opens_it_to_other_origins(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path, headers={"Origin": "https://other.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in answer.headers


async def test_each_application_has_its_own_metrics(app: FastAPI, client: httpx.AsyncClient) -> None:
    before = app.state.parts.telemetry.exposition()
    assert b"gateway_requests_in_flight 0.0" in before
    await client.get("/health")
    assert b'route="/health"' in app.state.parts.telemetry.exposition()

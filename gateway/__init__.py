"""The REST gateway: takes URLs and uploads, calls one Triton pipeline, keeps the result in an object store."""

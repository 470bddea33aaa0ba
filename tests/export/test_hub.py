"""The command line with a checkpoint from a hub, which is a real HTTP server on the loopback."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.export.checkpoints import make_ready, make_remote, make_repository, tree
from tests.export.hub import COMMIT, serve_hub

NAME = "somebody/matte"


def run(repository: Path, endpoint: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "export", *words, "--repository", str(repository)]
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)


def test_a_ready_made_file_from_a_hub_becomes_a_version(tmp_path: Path) -> None:
    repository, files = make_repository(tmp_path / "repository", 1024), tmp_path / "files"
    (files / "onnx").mkdir(parents=True)
    make_ready(files / "onnx" / "model.onnx", 1024, batch=1)
    make_ready(files / "onnx" / "model_fp16.onnx", 1024, half=True)
    (files / "README.md").write_text("---\nlicense: mit\n---\n# A matte\n")
    with serve_hub(files, NAME) as (endpoint, asked):
        words = ["product_matte", "--checkpoint", NAME, "--revision", "v1", "--commercial-only"]
        ran = run(repository, endpoint, tmp_path / "home", *words)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert ran.stdout.splitlines()[-1] == f"wrote {repository / 'product_matte' / '1'}"
    card = json.loads((repository / "product_matte" / "1" / "model.json").read_text())
    assert (card["source"], card["revision"], card["licence"]) == (NAME, COMMIT, "mit")
    assert not any("fp16" in path for path in asked)


def test_code_is_not_even_downloaded_unless_it_may_run(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", 1024)
    before = tree(repository)
    files = make_remote(tmp_path / "files", tmp_path / "ran")
    with serve_hub(files, NAME) as (endpoint, asked):
        ran = run(repository, endpoint, tmp_path / "home", "main_matte", "--checkpoint", NAME)
        assert not any(path.endswith((".py", ".safetensors")) for path in asked)
        lost = run(repository, endpoint, tmp_path / "home", "main_matte", "--checkpoint", NAME, "--revision", "v2")
        other = run(repository, endpoint, tmp_path / "home", "main_matte", "--checkpoint", "somebody/else")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "--trust-remote-code" in ran.stderr
    assert lost.stderr == f"error: {NAME} has no revision v2\n"
    assert other.stderr.startswith("error: no folder somebody/else here, and the hub has no model of that name")
    assert tree(repository) == before

"""A model hub on the loopback: one repository, one commit, the routes that the hub's client uses."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    name: str
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        self.asked.append(path)
        if path.startswith(f"/{self.name}/resolve/{COMMIT}/"):
            file = self.folder / path.split(COMMIT + "/")[1]
            return self._send(200, file.read_bytes(), body=body, etag=sha256(file.read_bytes()).hexdigest())
        if path in (f"/api/models/{self.name}", f"/api/models/{self.name}/revision/v1"):
            return self._send(200, self._info(), body=body)
        if path == f"/api/models/{self.name}/revision/{COMMIT}":
            return self._send(200, self._info(), body=body)
        if path == f"/api/models/{self.name}/tree/{COMMIT}":
            return self._send(200, self._tree(), body=body)
        code = "RevisionNotFound" if f"/{self.name}/" in path else "RepoNotFound"
        return self._send(404, b"{}", body=body, code=code)

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def _info(self) -> bytes:
        names = [{"rfilename": path.relative_to(self.folder).as_posix()} for path in self._files()]
        return json.dumps({"id": self.name, "sha": COMMIT, "siblings": names, "private": False, "tags": []}).encode()

    def _tree(self) -> bytes:
        entries = [
            {"type": "file", "path": p.relative_to(self.folder).as_posix(), "size": p.stat().st_size, "oid": "0" * 40}
            for p in self._files()
        ]
        return json.dumps(entries).encode()

    def _send(self, status: int, content: bytes, *, body: bool, etag: str = "", code: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        if etag:
            self.send_header("ETag", f'"{etag}"')
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if body:
            self.wfile.write(content)


@contextmanager
def serve_hub(folder: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """Serves a folder as the repository `name`; gives the endpoint and the list of paths asked for so far."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"folder": folder, "name": name, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

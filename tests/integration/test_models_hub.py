"""Models from a hub: a server on this machine that speaks as much of the hub's HTTP as the client needs."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from models_samples import model_file

from models import ModelSource, Role, SentenceTransformerEncoder, SourceError, prepare
from models.packaged import write_folder

NAME = "tiny/e5"
COMMIT = "c" * 40


def digest(content: bytes) -> str:
    """What stands for git's object id and for the ETag."""
    return hashlib.sha256(content).hexdigest()[:40]


class Hub(ThreadingHTTPServer):
    """Serves one repository. ``asked`` notes the files that were fetched."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        self.asked: set[str] = set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """The three kinds of request."""

    server: Hub

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path in {
            f"/api/models/{NAME}",
            f"/api/models/{NAME}/revision/main",
            f"/api/models/{NAME}/revision/{COMMIT}",
        }:
            siblings = [{"rfilename": name} for name in self.server.files]
            self._send(
                json.dumps({"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": siblings, "tags": []}).encode()
            )
        elif path.startswith(f"/api/models/{NAME}/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": digest(content)}
                for name, content in self.server.files.items()
            ]
            self._send(json.dumps(tree).encode())
        elif path.startswith(f"/{NAME}/resolve/") and path.split("/", 5)[5] in self.server.files:
            name = path.split("/", 5)[5]
            self.server.asked.add(name)
            self._send(self.server.files[name])
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{digest(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with the tiny model, which also has files for other runtimes and the same weights in an old format."""
    folder = tmp_path / "repository"
    folder.mkdir()
    write_folder(model_file(), folder)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"onnx")
    (folder / "pytorch_model.bin").write_bytes(b"old")
    with Hub(folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_models_hub_model_is_fetched_checked_and_used(hub, tmp_path):
    """A hub name gives a working folder without files for other runtimes; a second call asks the hub for nothing."""
    source = ModelSource.parse(f"hub:{NAME}")
    prepared = prepare(source, tmp_path / "models", hub_endpoint=hub.endpoint)
    assert prepared.created
    assert "model.safetensors" in hub.asked
    assert not {"onnx/model.onnx", "pytorch_model.bin"} & hub.asked
    assert not (prepared.folder / ".cache").exists()
    assert SentenceTransformerEncoder(prepared.folder).encode(["电池"], Role.QUERY).vectors.shape == (1, 32)
    hub.asked.clear()
    again = prepare(source, tmp_path / "models", hub_endpoint=hub.endpoint)
    assert (again.created, again.folder, hub.asked) == (False, prepared.folder, set())


def test_models_hub_without_the_model_is_named(hub, tmp_path):
    """A name that the hub does not have is said to be that, and leaves no folder."""
    with pytest.raises(SourceError, match="no public model tiny/none") as caught:
        prepare(ModelSource.parse("hub:tiny/none"), tmp_path / "models", hub_endpoint=hub.endpoint)
    assert "没有" in caught.value.message_zh
    assert [path for path in (tmp_path / "models").iterdir() if path.is_dir()] == []


def test_models_hub_that_cannot_be_reached_says_what_to_do(tmp_path):
    """Without network the message names the two sources that need none, in both languages."""
    with pytest.raises(SourceError, match=r"Use package.*dir:PATH") as caught:
        prepare(ModelSource.parse(f"hub:{NAME}"), tmp_path / "models", hub_endpoint="http://127.0.0.1:9")
    assert "package" in caught.value.message_zh
    assert "dir:" in caught.value.message_zh
    assert [path for path in (tmp_path / "models").iterdir() if path.is_dir()] == []


def test_models_hub_repository_that_is_no_model_is_refused(hub, tmp_path):
    """What was fetched is checked before it counts: damaged weights are refused and leave no folder."""
    hub.files["model.safetensors"] = b"not weights"
    with pytest.raises(SourceError, match="cannot be loaded"):
        prepare(ModelSource.parse(f"hub:{NAME}"), tmp_path / "models", hub_endpoint=hub.endpoint)
    assert [path for path in (tmp_path / "models").iterdir() if path.is_dir()] == []

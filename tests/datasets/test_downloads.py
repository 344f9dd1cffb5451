"""Downloads against a local server that breaks off, forgets, lies and resumes."""

import hashlib
import http.server
import threading
from dataclasses import dataclass, field

import pytest

from kseg.datasets import download as module
from kseg.datasets.download import download
from kseg.datasets.facts import RemoteFile
from kseg.errors import Failure

CONTENT = bytes(range(256)) * 4000
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behavior:
    """What the server does; `ranges` records what it was asked for."""

    content: bytes = CONTENT
    break_after: list[int] = field(default_factory=list)
    resumes: bool = True
    status: int = 200
    etag: str = '"one"'
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def server():
    behavior = Behavior()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            behavior.ranges.append(asked)
            if behavior.status != 200:
                self.send_error(behavior.status)
                return
            start = 0
            same = self.headers.get("If-Range") == behavior.etag
            if asked and same and behavior.resumes:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(behavior.content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(behavior.content)}")
                    self.end_headers()
                    return
                self.send_response(206)
                end = len(behavior.content)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
            else:
                self.send_response(200)
            body = behavior.content[start:]
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", behavior.etag)
            self.end_headers()
            if behavior.break_after:
                body = body[: behavior.break_after.pop(0)]
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        behavior.url = f"http://127.0.0.1:{running.server_port}/data.bin"
        yield behavior
        running.shutdown()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def get(file: RemoteFile, folder, notes: list[str] | None = None):
    return download(file, folder, progress=False, note=(notes if notes is not None else []).append)


def test_a_plain_download(server, tmp_path):
    path = get(RemoteFile("data.bin", (server.url,), SHA256), tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["data.bin"]


def test_what_is_there_is_not_downloaded(server, tmp_path):
    (tmp_path / "data.bin").write_text("mine")
    assert get(RemoteFile("data.bin", (server.url,), SHA256), tmp_path).read_text() == "mine"
    assert server.ranges == []


def test_a_broken_connection_goes_on_where_it_stopped(server, tmp_path):
    server.break_after = [300_000]
    assert get(RemoteFile("data.bin", (server.url,), SHA256), tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-"]


def test_a_later_call_goes_on_too(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    server.break_after = [500_000]
    file = RemoteFile("data.bin", (server.url,), SHA256)
    with pytest.raises(Failure, match="broke off after 500000 of 1024000 bytes"):
        get(file, tmp_path)
    assert not (tmp_path / "data.bin").exists()
    assert get(file, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=500000-"]


def test_a_server_that_cannot_resume_starts_over(server, tmp_path):
    server.break_after, server.resumes = [300_000], False
    assert get(RemoteFile("data.bin", (server.url,), SHA256), tmp_path).read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_not_patched_together(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    server.break_after = [300_000]
    file = RemoteFile("data.bin", (server.url,))  # no checksum would tell
    with pytest.raises(Failure):
        get(file, tmp_path)
    server.content, server.etag = CONTENT[::-1], '"two"'
    assert get(file, tmp_path).read_bytes() == CONTENT[::-1]


def test_a_part_that_is_complete_is_only_named(server, tmp_path, monkeypatch):
    file = RemoteFile("data.bin", (server.url,), SHA256)
    path = get(file, tmp_path)
    part = tmp_path / f".data.bin.{hashlib.sha256(server.url.encode()).hexdigest()[:8]}.part"
    path.rename(part)
    part.with_suffix(".tag").write_text(server.etag)
    assert get(file, tmp_path).read_bytes() == CONTENT
    assert server.ranges[-1] == f"bytes={len(CONTENT)}-"


def test_a_wrong_checksum_is_refused_and_the_next_source_asked(server, tmp_path):
    wrong = RemoteFile("data.bin", (server.url,), "sha256:" + "0" * 64)
    with pytest.raises(Failure, match="expected 0000.*get it by hand.*sha256 is 0000.*put it at"):
        get(wrong, tmp_path)
    assert list(tmp_path.iterdir()) == []
    right = RemoteFile("data.bin", ("http://127.0.0.1:9/nobody", server.url), SHA256)
    assert get(right, tmp_path).read_bytes() == CONTENT


def test_a_checksum_only_met_before_is_only_reported(server, tmp_path):
    notes: list[str] = []
    get(RemoteFile("data.bin", (server.url,), seen="sha256:" + "0" * 64), tmp_path, notes)
    assert len(notes) == 1 and "differs from the one seen before" in notes[0]


@pytest.mark.parametrize("name", ["data.tgz", "list.txt"])
def test_a_web_page_is_no_data(server, tmp_path, name):
    server.content = b"<!DOCTYPE html><html>We moved</html>"
    with pytest.raises(Failure, match="sent something other"):
        get(RemoteFile(name, (server.url,)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_when_nobody_answers_the_way_by_hand_is_told(server, tmp_path):
    server.status = 404
    file = RemoteFile("data.bin", (server.url, "http://127.0.0.1:9/x"), SHA256)
    with pytest.raises(Failure) as caught:
        get(file, tmp_path)
    text = str(caught.value)
    assert "HTTP 404" in text and "refused" in text and SHA256[7:] in text and str(tmp_path / "data.bin") in text

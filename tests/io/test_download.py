"""Downloads from a server on loopback that cuts, stalls, redirects and serves wrong files."""

import os
import re
import threading
import time
import urllib.request
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.download import Download, Pace, _SafeRedirects, download
from tests.refusals import refused_data

BODY = bytes(range(256)) * 400
QUICK = Pace(timeout=0.5, stall=0.3, crawl=2_000.0, backoff=0.01)


TEXTS = {"/cut.csv": b"a,b\n1,2\n3,", "/whole.csv": b"a,b\n1,2\n", "/whole.json": b'{"a": [1]}'}  # of unstated length


class Files(ThreadingHTTPServer):
    """Serves BODY with ranges; `plan` says what is wrong with each request, then nothing is."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url, self.plan, self.ranges, self.etag = f"http://127.0.0.1:{self.server_port}", [], [], '"1"'


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        how = server.plan.pop(0) if server.plan else "well"
        server.ranges.append(self.headers.get("Range"))
        if how == "busy":
            self.send_error(503)
        elif how == "preparing":
            self.send_response(202)
            self.end_headers()
            self.wfile.write(b"preparing")
        elif self.path == "/away":
            self.redirect(f"{server.url}/data.parquet")
        elif self.path == "/ftp":
            self.redirect("ftp://127.0.0.1/data.parquet")
        elif self.path == "/other":
            self.redirect(f"http://localhost:{server.server_port}/data.parquet")
        elif self.path == "/elsewhere":
            self.redirect("https://localhost/data.parquet")
        elif self.path == "/unmeasured":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(BODY)
        elif self.path in TEXTS:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(TEXTS[self.path])
        elif self.path == "/loop":
            self.redirect(f"{server.url}/loop")
        elif self.path == "/page":
            self.whole(b"<!doctype html><html>Sign in</html>", "text/html")
        elif self.path == "/disguised":
            self.whole(b"<html>Sign in</html>", "application/octet-stream")
        elif self.path == "/pointer":
            self.whole(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        elif self.path == "/annex":
            self.whole(b"/annex/objects/SHA256E-s1--0.parquet\n")
        elif self.path in ("/cut.parquet", "/cut.zip"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write((b"PAR1" if "parquet" in self.path else b"PK\x03\x04") + BODY)
        elif self.path == "/refused":
            self.whole(b'{"error": "rate limit"}')
        elif self.path == "/empty":
            self.whole(b"")
        elif self.path != "/data.parquet":
            self.send_error(404)
        else:
            self.file(how)

    def redirect(self, where):
        self.send_response(302)
        self.send_header("Location", where)
        self.end_headers()

    def whole(self, body, kind="application/octet-stream"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def file(self, how):
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        is_same = self.headers.get("If-Range") == self.server.etag
        start = int(asked[1]) if asked and is_same else 0
        start = 1000 if how == "part" else start
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        body = BODY[start:]
        if how == "cut":
            self.wfile.write(body[: len(body) // 2])
        elif how == "silent":
            self.wfile.write(body[:1000])
            self.wfile.flush()
            time.sleep(1.0)
        elif how == "slow":
            for byte in body[:20]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.05)
        else:
            self.wfile.write(body)


@pytest.fixture
def files():
    with Files() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_a_file_comes_whole(files, tmp_path):
    seen = []
    address, target = f"{files.url}/data.parquet", tmp_path / "a/data.parquet"
    assert download(address, target, lambda *sizes: seen.append(sizes), QUICK) == Download(target, has_length=True)
    assert target.read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY))
    assert [file.name for file in target.parent.iterdir()] == ["data.parquet"]


@pytest.mark.parametrize("how", ["cut", "silent", "slow"])
def test_what_broke_off_is_continued(files, tmp_path, how):
    files.plan = [how]
    assert download(f"{files.url}/data.parquet", tmp_path / "data", None, QUICK).path.read_bytes() == BODY
    assert files.ranges[0] is None
    assert re.fullmatch(r"bytes=[1-9]\d*-", files.ranges[1])


def test_a_second_run_resumes_the_first(files, tmp_path):
    files.plan = ["cut"] * 4
    with refused_data("data.parquet", "", "102,400 bytes", "4 attempts"):
        download(f"{files.url}/data.parquet", tmp_path / "data", None, QUICK)
    assert not (tmp_path / "data").exists()
    held = (tmp_path / "data.part").stat().st_size
    assert held > 0.9 * len(BODY)
    download(f"{files.url}/data.parquet", tmp_path / "data", None, QUICK)
    assert files.ranges[-1] == f"bytes={held}-"
    assert (tmp_path / "data").read_bytes() == BODY


def test_another_version_is_fetched_from_its_beginning(files, tmp_path):
    files.plan = ["cut"] * 4
    with pytest.raises(DataError):
        download(f"{files.url}/data.parquet", tmp_path / "data", None, QUICK)
    files.etag = '"2"'
    assert download(f"{files.url}/data.parquet", tmp_path / "data", None, QUICK).path.read_bytes() == BODY


def test_a_busy_server_is_asked_again(files, tmp_path):
    files.plan = ["busy", "preparing"]
    assert download(f"{files.url}/data.parquet", tmp_path / "data", None, QUICK).path.read_bytes() == BODY


def test_an_answer_that_is_never_the_file_is_named(files, tmp_path):
    files.plan = ["preparing"] * 4
    with refused_data("data.parquet", "", "HTTP 202", "0 bytes", "4 attempts"):
        download(f"{files.url}/data.parquet", tmp_path / "data", None, QUICK)
    assert not (tmp_path / "data").exists()


def test_a_part_that_was_not_asked_for_is_not_taken_for_the_file(files, tmp_path):
    files.plan = ["part"]
    assert download(f"{files.url}/data.parquet", tmp_path / "data", None, QUICK).path.read_bytes() == BODY


@pytest.mark.parametrize("path", ["/whole.csv", "/whole.json"])
def test_a_text_of_unstated_length_is_whole_where_it_ends_as_a_text_does(files, tmp_path, path):
    assert download(files.url + path, tmp_path / "data", None, QUICK) == Download(tmp_path / "data", has_length=False)
    assert (tmp_path / "data").read_bytes() == TEXTS[path]


def test_a_redirection_is_followed(files, tmp_path):
    assert download(f"{files.url}/away", tmp_path / "data", None, QUICK).path.read_bytes() == BODY


def test_a_redirection_to_https_on_the_host_is_followed():
    request = urllib.request.Request("http://example.com:8080/data")
    onward = _SafeRedirects().redirect_request(request, None, 301, "", Message(), "https://example.com/data")
    assert onward.full_url == "https://example.com/data"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/page", ("kind",)), ("/disguised", ("kind",)),
        ("/pointer", ("kind", "Git LFS")), ("/annex", ("kind", "git-annex")), ("/empty", ("size",)),
        ("/missing", ("status", "HTTP 404")), ("/cut.csv", ("content",)),
        ("/cut.parquet", ("content",)), ("/cut.zip", ("content",)),
        ("/refused", ("answer", "rate limit")),
        ("/ftp", ("redirect", "ftp://127.0.0.1/data.parquet")), ("/other", ("redirect", "http://localhost")),
        ("/loop", ("redirect", "HTTP 302")),
        ("/elsewhere", ("redirect", "https://localhost/data.parquet")),
    ],
)  # fmt: skip
def test_wrong_files_are_named_and_not_kept(files, tmp_path, path, words):
    with refused_data(path, *words):
        download(files.url + path, tmp_path / "data", None, QUICK)
    assert not [file for file in tmp_path.iterdir() if file.name in ("data", "data.part")]


@pytest.mark.parametrize("path", ["/data.parquet", "/unmeasured"])
def test_a_file_beyond_the_limit_is_refused_not_cut(files, tmp_path, monkeypatch, path):
    monkeypatch.setattr("iwm_opts.io.download.MAX_BYTES", 1000)
    with refused_data(path, "size"):
        download(files.url + path, tmp_path / "data", None, QUICK)
    assert not [file for file in tmp_path.iterdir() if file.name in ("data", "data.part")]


def test_a_server_that_is_away_is_named(tmp_path):
    with refused_data("data", "", "Errno 111", "0 bytes", "4 attempts"):
        download("http://127.0.0.1:9/data", tmp_path / "data", None, QUICK)


def test_a_kill_once_the_file_is_in_place_leaves_nothing_beside_it(files, tmp_path, monkeypatch):
    target, replace = tmp_path / "data", os.replace

    def killed(source, place):
        replace(source, place)
        if place == target:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        download(f"{files.url}/data.parquet", target, None, QUICK)
    assert target.read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [target]

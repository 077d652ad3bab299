"""A hostile server on loopback, through the commands that ask one; with IWM_OPTS_ATTACKS each meets all of it."""

import gzip
import os
import resource
import socket
import socketserver
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from iwm_opts.io import download, http
from iwm_opts.io.download import Pace
from iwm_opts.io.http import LiveSession

BODY_LIMIT = 4 << 20  # bytes, in place of 100 MiB and 32 GiB
MEMORY = 200 << 20  # bytes that a run may add
DIGEST = "0" * 64

Talk = Callable[[socket.socket, str], None]


def reply(*headers: str, body: bytes = b"", status: str = "200 OK") -> Talk:
    """Answer once."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""])
    return lambda connection, _: connection.sendall(head.encode("latin-1") + body)


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Talk:
    """Answer of a stated length."""
    return reply(*headers, f"Content-Length: {len(body)}", body=body, status=status)


def forever(first: bytes, block: bytes, seconds: float = 0.0) -> Talk:
    """Begin an answer and go on without an end."""

    def talk(connection: socket.socket, _: str) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(block)
            time.sleep(seconds)

    return talk


def redirect(where: str, body: bytes = b"", status: str = "302 Found") -> Talk:
    """Send elsewhere; OTHER is a second server."""
    return lambda connection, other: whole(body, f"Location: {where.replace('OTHER', other)}", status=status)(
        connection, ""
    )


BEGUN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = BEGUN + b"Transfer-Encoding: chunked\r\n\r\n"


@cache
def packed(kind: str) -> bytes:
    """200 MiB of spaces, packed block by block."""
    packer = zlib.compressobj(1, wbits=31 if kind == "gzip" else 15)
    return b"".join(packer.compress(b" " * (1 << 20)) for _ in range(200)) + packer.flush()


@pytest.fixture(scope="module", autouse=True)
def _packed_before_asked():
    """Bodies are there when a client asks: packing takes longer than it waits."""
    for kind in ("gzip", "deflate"):
        packed(kind)


def bomb(kind: str, times: int = 1) -> Talk:
    """Answer with 200 MiB packed so often."""

    def talk(connection: socket.socket, other: str) -> None:
        body = packed(kind)
        for _ in range(times - 1):
            body = gzip.compress(body)
        whole(body, f"Content-Encoding: {', '.join([kind] * times)}")(connection, other)

    return talk


TALKS: dict[str, Talk] = {
    "redirect to another host": redirect("http://OTHER/x"),
    "redirect to another host over https": redirect("https://OTHER/x"),
    "redirect to a file": redirect("file:///etc/passwd"),
    "redirect to ftp": redirect("ftp://OTHER/x"),
    "redirect to a script": redirect("javascript:alert(1)"),
    "redirect to no host": redirect("//OTHER"),
    "redirect to broken brackets": redirect("http://["),
    "redirect to broken brackets of the same scheme": redirect("//[::1"),
    "redirect to a port that is none": redirect("http://127.0.0.1:99999/x"),
    "redirect to a port of letters": redirect("http://127.0.0.1:x/x"),
    "redirect to a user": redirect("http://127.0.0.1@OTHER/x"),
    "redirect to a backslash": redirect("http:\\\\OTHER\\x"),
    "redirect to controls": redirect("/x\x01\x7f\x9b31m"),
    "redirect to a folded line": redirect("/x\r\n /y"),
    "redirect to long": redirect("/" + "x" * 60_000),
    "redirect to nothing": redirect(""),
    "redirect without a place": whole(b"", status="302 Found"),
    "redirect in a circle": redirect("/x"),
    "redirect with an endless body": forever(
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    ),
    "300": whole(b"", "Location: http://OTHER/", status="300 Multiple Choices"),
    "304": reply(status="304 Not Modified"),
    "endless body": forever(BEGUN + b"\r\n{", b" " * 0x10000),
    "endless chunks": forever(CHUNKED + b"1\r\n{\r\n", b"10000\r\n" + b" " * 0x10000 + b"\r\n"),
    "endless body of a stated length": forever(BEGUN + b"Content-Length: 99999999999\r\n\r\n{", b" " * 0x10000),
    "endless error": forever(b"HTTP/1.1 500 Oh\r\n\r\n{", b" " * 0x10000),
    "endless head": forever(b"HTTP/1.1 200 OK\r\n", b"A: " + b"x" * 60_000 + b"\r\n"),
    "endless line of a head": forever(b"HTTP/1.1 200 OK\r\nA: ", b"x" * 0x10000),
    "endless status": forever(b"HTTP/1.1 200 ", b"x" * 0x10000),
    "endless go on": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "endless trailer": forever(CHUNKED + b"2\r\n{}\r\n0\r\n", b"A: x\r\n" * 1_000),
    "endless length of a chunk": forever(CHUNKED, b"0" * 0x10000),
    "slow head": forever(b"", b"H", 0.05),
    "slow line of a head": forever(b"HTTP/1.1 200 OK\r\nA: ", b"x", 0.05),
    "slow body": forever(BEGUN + b"\r\n{", b" ", 0.05),
    "slow chunks": forever(CHUNKED + b"1\r\n{\r\n", b"1\r\n \r\n", 0.05),
    "slow length of a chunk": forever(CHUNKED, b"0", 0.05),
    "slow trailer": forever(CHUNKED + b"2\r\n{}\r\n0\r\nA: ", b"x", 0.05),
    "silence": forever(b"", b"", 0.05),
    "page": whole(b"<!doctype html><html>Sign in</html>", "Content-Type: text/html"),
    "page that says it is data": whole(b"<!doctype html><html>Sign in</html>", "Content-Type: application/json"),
    "picture": whole(b"\x89PNG\r\n\x1a\n" + bytes(1_000), "Content-Type: image/png"),
    "type of 60,000 characters": whole(b"{}", "Content-Type: text/html" + "x" * 60_000),
    "cut": reply("Content-Length: 1000", body=b"{}"),
    "longer than stated": reply("Content-Length: 1", body=b"{}" * 1_000),
    "length below 0": reply("Content-Length: -1", body=b"{}"),
    "length of letters": reply("Content-Length: abc", body=b"{}"),
    "length of 5,000 digits": reply("Content-Length: " + "9" * 5_000, body=b"{}"),
    "length of 300 digits": reply("Content-Length: " + "9" * 300, body=b"{}"),
    "two lengths": reply("Content-Length: 2", "Content-Length: 9", body=b"{}"),
    "length and chunks": reply("Content-Length: 9", "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    "chunks that are none": reply("Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n"),
    "chunk below 0": reply("Transfer-Encoding: chunked", body=b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunk of 2**64 bytes": reply("Transfer-Encoding: chunked", body=b"FFFFFFFFFFFFFFFFF\r\n{}\r\n"),
    "gzip bomb": bomb("gzip"),
    "gzip bomb in gzip": bomb("gzip", 2),
    "deflate bomb": bomb("deflate"),
    "gzip that is none": whole(b"{}", "Content-Encoding: gzip"),
    "unknown coding": whole(b"{}", "Content-Encoding: sdch"),
    "cookies": whole(b"{}", *(f"Set-Cookie: a{place}=b; Domain=.com; Path=/" for place in range(2_000))),
    "cookie of 60,000 characters": whole(b"{}", "Set-Cookie: a=" + "b" * 60_000),
    "cookie of controls": whole(b"{}", "Set-Cookie: a=\x01\x1b[31m; Path=/\x00"),
    "heads": whole(b"{}", *(f"A{place}: {'x' * 100}" for place in range(20_000))),
    "head of a megabyte": whole(b"{}", "A: " + "x" * (1 << 20)),
    "head without a colon": whole(b"{}", "nothing"),
    "head of controls": whole(b"{}", "A\x00: \x01\x1b[31m"),
    "head of a folded line": whole(b"{}", "ETag: a\r\n b\r\n\tc"),
    "time that is none": whole(b"{}", "Date: x"),
    "time without a zone": whole(b"{}", "Date: Mon, 02 Mar 2026 16:00:00 -0000"),
    "time of the year 99999999999": whole(b"{}", "Date: Mon, 02 Mar 99999999999 16:00:00 GMT"),
    "time of a zone of weeks": whole(b"{}", "Date: Mon, 02 Mar 2026 16:00:00 +999999"),
    "wait of 5,000 digits": whole(b"{}", "Retry-After: " + "9" * 5_000, status="429 Too Many Requests"),
    "wait below 0": whole(b"{}", "Retry-After: -1", status="503 Busy"),
    "status 0": whole(b"{}", status="000 x"),
    "status 99": whole(b"{}", status="99 x"),
    "status 999": whole(b"{}", status="999 x"),
    "status of letters": whole(b"{}", status="abc x"),
    "204": reply(status="204 No Content"),
    "206 unasked": whole(b"{}", "Content-Range: bytes 0-1/99999999999999999999", status="206 Partial Content"),
    "416": whole(b"", status="416 Range Not Satisfiable"),
    "401": whole(b"{}", status="401 Unauthorized"),
    "407": whole(b"{}", "Proxy-Authenticate: Basic", status="407 Proxy"),
    "version 9": lambda connection, _: connection.sendall(b"HTTP/9.9 200 OK\r\n\r\n{}"),
    "no HTTP": lambda connection, _: connection.sendall(bytes(range(256)) * 100),
    "nothing": lambda connection, _: None,
    "empty": whole(b""),
    "blank": whole(b" \r\n" * 1_000),
    "nested JSON": whole(b"[" * 200_000),
    "long number": whole(b'{"data": {"options": [], "current_price": ' + b"9" * 5_001 + b"}}"),
    "number beyond all": whole(b'{"chart": {"result": [{"timestamp": [1e400], "indicators": {}}], "error": null}}'),
    "null": whole(b"null"),
    "list": whole(b"[]"),
    "text": whole(b'"x"'),
    "error of markup": whole(b'{"chart": {"error": {"description": "[red]x[/red]\\u001b[31m' + b"x" * 5_000 + b'"}}}',
    status="404 x"),
    "error that is none": whole(b'{"chart": {"error": [1]}}', status="404 x"),
    "NUL": whole(bytes(10_000)),
    "list of files above": whole(f"{DIGEST}  ../../x.csv\n{DIGEST}  //[\n{DIGEST}  http://[::1\n".encode()),
    "list of many files": whole(b"".join(f"{DIGEST}  {place}.csv\n".encode() for place in range(3))),
}  # fmt: skip


class Hostile(socketserver.ThreadingTCPServer):
    """Talks as it is told to whoever connects."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, place: str, talk: Talk | None = None, other: str = "") -> None:
        super().__init__((place, 0), _Handler)
        self.talk, self.other, self.asked, self.is_over = talk, other, 0, False
        self.place = f"{place}:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that gave up is no news."""


class _Handler(socketserver.BaseRequestHandler):
    server: Hostile

    def handle(self) -> None:
        self.server.asked += 1
        self.request.settimeout(5.0)
        head = b""
        while b"\r\n\r\n" not in head and (part := self.request.recv(65_536)):
            head += part
        if self.server.talk is not None and head:
            self.server.talk(self.request, self.server.other)


@pytest.fixture
def servers() -> Iterator[Callable[[Talk], tuple[Hostile, Hostile]]]:
    """A server that talks, and another one to which no request may come."""
    running: list[Hostile] = []

    def start(talk: Talk) -> tuple[Hostile, Hostile]:
        other = Hostile("127.0.0.2")
        hostile = Hostile("127.0.0.1", talk, other.place)
        for server in (hostile, other):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            running.append(server)
        return hostile, other

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def _quick(monkeypatch):
    """Limits of seconds in place of minutes, and of megabytes in place of gigabytes."""
    pace = {"timeout": 0.5, "stall": 0.4, "crawl": 2_000.0, "backoff": 0.01}
    monkeypatch.setattr(Pace.__init__, "__defaults__", tuple(pace.values()))
    monkeypatch.setattr(download, "MAX_BYTES", BODY_LIMIT)
    limits = {"timeout": 1.0, "patience": 1.0, "deadline": 4.0, "backoff": 0.01}
    monkeypatch.setattr(LiveSession.__init__, "__kwdefaults__", LiveSession.__init__.__kwdefaults__ | limits)
    monkeypatch.setattr(http, "MAX_BODY", BODY_LIMIT)


COMMANDS = {
    "chains": ("fetch", "chains", "--from", "URL/2026.csv"),
    "list": ("fetch", "chains", "--from", "URL/SHA256SUMS"),
    "index": ("fetch", "--feed", "cboe", "--symbols", "IWM", "--indices", "RVX"),
    "bars": ("fetch", "--feed", "yahoo", "--symbols", "IWM", "--indices", "RVX"),
    "cboe": ("snapshot", "--source", "cboe", "--force"),
    "yahoo": ("snapshot", "--source", "yahoo", "--force"),
    "doctor": ("doctor",),
}


EVERY = 1 if "IWM_OPTS_ATTACKS" in os.environ else len(COMMANDS)  # each talk then meets one command


@pytest.fixture
def attack(judged, servers, tmp_path, monkeypatch, _quick):
    """Run a command against a server that talks so; say what must not be."""
    monkeypatch.chdir(tmp_path)
    yfinance = pytest.importorskip("yfinance")
    yfinance.set_tz_cache_location(str(tmp_path / "yfinance"))
    for variable in ("DATA", "CACHE"):
        monkeypatch.setenv(f"IWM_OPTS_{variable}", str(tmp_path / variable))

    def run(name: str, arguments: tuple[str, ...]) -> list[str]:
        from yfinance.data import SingletonMeta

        SingletonMeta._instances.clear()
        hostile, other = servers(TALKS[name])
        for variable in ("IWM_OPTS_YAHOO_URL", "IWM_OPTS_CBOE_URL"):
            monkeypatch.setenv(variable, f"http://{hostile.place}")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        _, found = judged([each.replace("URL", f"http://{hostile.place}") for each in arguments], [tmp_path])
        if other.asked and "over https" not in name:
            found.append(f"asks another host: {arguments}")
        if (grown := (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - before) > MEMORY:
            found.append(f"takes {grown >> 20} MiB more: {arguments}")
        return [f"{name}: {each}" for each in found]

    return run


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_hostile_server_ends_in_one_line(attack, kind):
    some = [*TALKS][[*COMMANDS].index(kind) % EVERY :: EVERY]
    findings = [each for name in some for each in attack(name, COMMANDS[kind])]
    assert not findings, "\n".join([f"{len(findings)} findings", *findings[:40]])

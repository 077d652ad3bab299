"""Downloads of large files from an address that the user gives: resumed, checked, whole or absent.

An unfinished file lies beside its target as NAME.part with NAME.part.json, which holds its address and version: the
server is asked for the rest, and only continues where its version is the same.
"""

import errno
import http.client
import json
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from iwm_opts.documents import parse_json
from iwm_opts.errors import DataError
from iwm_opts.io.addresses import as_address, joined
from iwm_opts.io.answers import REMEDY, refusal
from iwm_opts.io.atomic import write_durably
from iwm_opts.io.opening import read_object

ATTEMPTS: Final = 4
CHUNK: Final = 1 << 18
MAX_BYTES: Final = 1 << 35
REDIRECTS: Final = range(300, 400)
BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"
GZIP: Final = b"\x1f\x8b"
CUT_SHORT: Final = "cut short, and the server does not say how long it is"
LFS_POINTER: Final = b"version https://git-lfs"
ANNEX_POINTER: Final = b"/annex/objects/"
FILE_NAME: Final = re.compile(r"\w[\w.,+=@() -]{0,149}", re.ASCII)
DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})
AGAIN: Final = "run it again: what came is kept and resumed"
OnBytes = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits of a download, seconds and bytes."""

    timeout: float = 30.0  # of silence that ends an attempt
    stall: float = 30.0  # over which a pace is measured
    crawl: float = 1024.0  # bytes a second below which an attempt ends
    backoff: float = 0.5  # before the second attempt, doubled before each further one


def name_of(address: str) -> str:
    """File name of an address; empty where it has none that is fit for a disk."""
    name = unquote(urlsplit(address).path).rpartition("/")[2]
    return name if FILE_NAME.fullmatch(name) else ""


def is_file_name(text: str) -> bool:
    """Whether a text names a file in a folder or below: no way up, out, or to another host."""
    return all(FILE_NAME.fullmatch(part) for part in text.split("/"))


@dataclass(frozen=True, slots=True)
class Download:
    """A file that came."""

    path: Path
    has_length: bool  # the server stated it: the file is whole


def download(address: str, target: Path, on_bytes: OnBytes | None = None, pace: Pace | None = None) -> Download:
    """Fetch a file of http or https whole; the target is replaced once it is.

    `on_bytes` is called with (bytes so far, bytes in all; 0 where the server does not say).

    Raises DataError that names a refusal, an address that is none, a redirection to another host, a web page in place
    of data, a transfer that breaks off or stalls in every attempt, or a text of unstated length whose last line has no
    end.
    """
    address, pace = as_address(address), pace or Pace()
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritten(target, error) from None
    reason, has_length = "", False
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pace.backoff * 2 ** (attempt - 1))
        try:
            reason, has_length = _attempt(address, part, on_bytes, pace)
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code}"
            if error.code in REDIRECTS:
                rule = f"{reason}: redirects in a loop, or to what is not http"
                raise DataError(address, rule, "give the address of the file itself", "redirect") from None
            if error.code not in BUSY:
                raise DataError(address, reason, "check the address", "status") from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            if isinstance(error, OSError) and error.errno in DISK:
                raise _unwritten(part, error) from None
            words = " ".join(str(getattr(error, "reason", None) or error).split())
            reason = f"broke off ({words[:120] or type(error).__name__})"
        if not reason:
            _check_content(address, part, has_length)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            _about(part).unlink(missing_ok=True)  # first: a kill between the two leaves nothing beside a whole file
            os.replace(part, target)
            return Download(target, has_length)
    size = part.stat().st_size if part.exists() else 0
    raise DataError(address, f"{reason}, {size:,} bytes came in {ATTEMPTS} attempts", AGAIN)


def _too_long(address: str, size: int) -> DataError:
    return DataError(address, f"holds {size:,} bytes or more", f"give a file of at most {MAX_BYTES >> 30} GB", "size")


def _unwritten(path: Path, error: OSError) -> DataError:
    return DataError(path, f"cannot be written: {error.strerror}", "free some space or check its permissions")


def _about(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _attempt(address: str, part: Path, on_bytes: OnBytes | None, pace: Pace) -> tuple[str, bool]:
    """One request; the reason that the file is not whole, empty where it is, and whether the server states its end."""
    about: dict[str, Any] = {}
    held = 0  # bytes that an earlier attempt left of the same version
    with suppress(OSError, DataError):
        about = read_object(_about(part), "delete it") or {}
        held = part.stat().st_size if about.get("address") == address and about.get("version") else 0
    headers = {"User-Agent": "iwm-opts", "Accept-Encoding": "identity"}
    if held:
        headers |= {"Range": f"bytes={held}-", "If-Range": str(about["version"])}
    request = urllib.request.Request(address, headers=headers)
    with _Watchdog(pace) as watchdog:
        opener = urllib.request.build_opener(_SafeRedirects(), _Http(watchdog), _Https(watchdog))
        try:
            answer = opener.open(request, timeout=pace.timeout)
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and held:
                part.unlink(missing_ok=True)
                return "its length changed", False
            raise
        with answer:
            return _written(answer, address, part, held, on_bytes, watchdog)


def _written(
    answer: Any, address: str, part: Path, held: int, on_bytes: OnBytes | None, watchdog: "_Watchdog"
) -> tuple[str, bool]:
    """Write what an answer holds; see `_attempt`."""
    if "text/html" in (answer.headers.get("Content-Type") or ""):
        raise DataError(address, "a web page in place of data", "give the address of the file itself", "kind")
    continued = re.match(rf"bytes {held}-\d+/(\d+)", answer.headers.get("Content-Range") or "")
    is_part = answer.status == http.HTTPStatus.PARTIAL_CONTENT
    is_continued = bool(held and is_part and continued)
    if is_part and not is_continued:
        part.unlink(missing_ok=True)
        return "answered with another part than asked for", False
    if not is_part and answer.status != http.HTTPStatus.OK:
        return f"HTTP {answer.status}", False  # such as 202: the file is not ready
    start = held if is_continued else 0
    total = start + answer.length if answer.length else 0  # None where it is not stated, or is no number
    if total > MAX_BYTES:
        raise _too_long(address, total)
    if not is_continued:
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        weak = version.startswith("W/")  # cannot be continued: RFC 9110, 13.1.5
        about = {"address": address, "version": "" if weak else version}
        write_durably(_about(part), json.dumps(about).encode())
    size = _received(answer, part, start, total, on_bytes, watchdog)
    if size < 0:
        return f"sends less than {watchdog.pace.crawl:g} bytes a second", False
    if total and size < total:
        return f"broke off after {size:,} of {total:,} bytes", False
    return "", bool(total) or answer.chunked


def _received(answer: Any, part: Path, start: int, total: int, on_bytes: OnBytes | None, watchdog: "_Watchdog") -> int:
    """Write the body behind what is held; bytes now held, -1 where the server crawls."""
    size, pace = start, watchdog.pace
    began, before = time.monotonic(), size

    def no_link(path: str, flags: int) -> int:
        return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)

    with open(part, "ab" if start else "wb", opener=no_link) as file:
        while chunk := answer.read1(CHUNK):
            file.write(chunk)
            size += len(chunk)
            if size > MAX_BYTES:
                part.unlink()
                raise _too_long(answer.url, size)
            if on_bytes:
                on_bytes(size, total)
            now = time.monotonic()
            if now - began >= pace.stall:
                if size - before < pace.crawl * (now - began):
                    return -1
                began, before = now, size
                watchdog.feed()
    return -1 if watchdog.has_barked else size


def _check_content(address: str, part: Path, has_length: bool) -> None:
    """Refuse what is surely not the file, or not the whole of it."""
    with part.open("rb") as file:
        head = file.read(CHUNK)
        file.seek(-min(len(PARQUET), part.stat().st_size), os.SEEK_END)
        tail = file.read()
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    is_text = b"\0" not in head and not head.startswith(GZIP) and start not in b"{["  # JSON proves its own end
    said = ""
    with suppress(ValueError):  # longer than an error, or other text
        said = refusal(parse_json(head)) if head.lstrip().startswith(b"{") else ""
    rule, remedy, field = "", "give the address of the file itself", "kind"
    if not head.strip():
        rule, field = "an empty answer", "size"
    elif head.lstrip()[:1] == b"<" and b"<html" in head[:1024].lower():
        rule = "a web page in place of data"
    elif head.startswith(LFS_POINTER):
        rule = "a Git LFS pointer in place of the file"
    elif head.startswith(ANNEX_POINTER):
        rule = "a git-annex pointer in place of the file"
    elif (head.startswith(PARQUET) and tail != PARQUET) or (head.startswith(ZIP) and not zipfile.is_zipfile(part)):
        rule, remedy, field = CUT_SHORT, "run it again", "content"
    elif not has_length and is_text and not tail.endswith((b"\n", b"\r")):
        rule, field = f"{CUT_SHORT}: its last line has no end", "content"
        remedy = "run it again, or download it in another way and give its path"
    elif said:
        rule, remedy, field = f"an answer without data; {said}", REMEDY, "answer"
    if rule:
        part.unlink()
        _about(part).unlink(missing_ok=True)
        raise DataError(address, rule, remedy, field)


class _Watchdog:
    """Shuts the connections of an attempt that is too slow: the time-out of a socket begins anew with every byte.

    The head of an answer, and each stretch of its body, may take twice the time over which a pace is measured.
    """

    def __init__(self, pace: Pace) -> None:
        self.pace, self.has_barked = pace, False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(0.0, self._bark)

    def feed(self) -> None:
        """Begin a new stretch."""
        self._timer.cancel()
        self._timer = threading.Timer(2.0 * self.pace.stall, self._bark)
        self._timer.daemon = True
        self._timer.start()

    def watched(self, kind: Callable[..., Any]) -> Callable[..., Any]:
        """Maker of connections of a kind, which are shut."""

        def make(*arguments: Any, **options: Any) -> Any:
            connection = kind(*arguments, **options)
            connect = connection.connect

            def noted() -> None:
                connect()
                self._sockets.append(connection.sock)

            connection.connect = noted
            return connection

        return make

    def _bark(self) -> None:
        self.has_barked = True
        for item in self._sockets:
            with suppress(OSError):  # closed by now
                item.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self.feed()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self.has_barked and isinstance(error, OSError | http.client.HTTPException):
            raise TimeoutError(f"sends less than {self.pace.crawl:g} bytes a second") from None


class _Watched(urllib.request.AbstractHTTPHandler):
    def __init__(self, watchdog: _Watchdog) -> None:
        super().__init__()
        self._watchdog = watchdog

    def do_open(self, http_class: Callable[..., Any], req: urllib.request.Request, **options: Any) -> Any:
        """Open a connection that the watchdog can shut."""
        return super().do_open(self._watchdog.watched(http_class), req, **options)


class _Http(_Watched, urllib.request.HTTPHandler):
    pass


class _Https(_Watched, urllib.request.HTTPSHandler):
    pass


def _away(request: urllib.request.Request, onward: str) -> DataError:
    remedy = "give that address if you trust it, or the file that a browser gets there"
    return DataError(request.full_url, f"redirects to {onward[:120]}", remedy, "redirect")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Redirections on a host, or from http to https there."""

    max_redirections = 5

    def http_error_302(self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Follow a redirection to what is an address."""
        onward = headers.get("Location") or headers.get("URI") or ""
        try:
            joined(req.full_url, onward)
        except DataError:
            raise _away(req, onward) from None
        fp.close()  # its body may have no end, and would be read
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that follows, with the range of the first."""
        here, there = urlsplit(req.full_url), urlsplit(newurl)
        is_same = (here.scheme, here.netloc) == (there.scheme, there.netloc)
        if not is_same and (here.hostname, "https") != (there.hostname, there.scheme):
            raise _away(req, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

"""One HTTP session for every live source: base address, time-outs, retries, and answers that are none said plainly.

It is a curl_cffi session, because Yahoo turns away what does not look like a browser, and because yfinance takes one:
its own calls then run through the same time-outs and status errors (its option calls take no time-out, and 404 and 500
are alike to it).
"""

import threading
import time
from contextlib import suppress
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from curl_cffi import CurlOpt
from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import ConnectionError as Unreachable
from curl_cffi.requests.exceptions import DNSError, RequestException, SSLError, Timeout

from iwm_opts.documents import parse_json
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.addresses import as_address, joined

TIMEOUT: Final = 10.0  # seconds a request may take
PATIENCE: Final = 3.0  # seconds in all until a source has answered anything: the longest wait without a network
HURRIED: Final = 1.5  # the same once another source has kept silent: the network is down, more likely than both
COOKIES: Final = 1.0  # seconds that it gets on top where cookies come: no data, and some sources hang after them
STALL: Final = 3  # seconds below `CRAWL` that end a request, however long it might take at a fair pace
CRAWL: Final = 200  # bytes a second
STALLS: Final = 2  # requests without an answer in time, after which a source is asked for nothing more
DEADLINE: Final = 90.0  # seconds that everything asked of a source may take
ATTEMPTS: Final = 3
BACKOFF: Final = 0.5  # seconds before the second attempt, doubled before each further one
MAX_WAIT: Final = 5.0  # a longer requested pause counts as a refusal
MAX_BODY: Final = 100 << 20  # bytes of an answer; a chain of SPX has 12 MB
REDIRECTS: Final = 3
MOVED: Final = frozenset({301, 302, 303, 307, 308})
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
BUSY: Final = frozenset({429, 500, 502, 503, 504})
REFUSED: Final = frozenset({401, 403})
REMEDIES: Final = {
    401: "it turns this machine away: try another source",
    403: "check `symbol`; else it turns this machine away: try another source",
    404: "check `symbol`",
    429: "too many requests: wait some minutes, or try another source",
}
OFFLINE: Final = "check the network, or name a chain file with `source` PATH"
LATER: Final = "try again later, or try another source"


_silence = threading.Event()  # the latest source that was asked has not answered at all


class LiveSession(Session[Response]):
    """Session with one live source, `name` in messages; `base` takes the place of scheme and host in every request.

    Paths that begin with `data_paths` carry data: those are retried and checked. Other requests (yfinance's cookies and
    consent pages) only get their time-out. A `renewable` session lets the first 401 or 403 pass: yfinance answers it
    with a new cookie and asks once more. Seconds: see the constants of this module.
    """

    def __init__(
        self,
        name: str,
        base: str | None = None,
        *,
        data_paths: tuple[str, ...] = ("/",),
        renewable: bool = False,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        deadline: float = DEADLINE,
        backoff: float = BACKOFF,
    ) -> None:
        limits = {CurlOpt.LOW_SPEED_LIMIT: CRAWL, CurlOpt.LOW_SPEED_TIME: STALL, CurlOpt.MAXFILESIZE_LARGE: MAX_BODY}
        super().__init__(impersonate="chrome", curl_options=limits, allow_redirects=False, verify=True)
        self.name, self.base = name, None
        if base:  # a test server on this machine: no variable sends requests elsewhere
            try:
                self.base = as_address(base).rstrip("/")
            except DataError:
                self.base = ""
            if urlsplit(self.base).hostname not in LOOPBACK:
                rule = "is not an address of this machine"
                raise InputError("base", base[:100], rule, "give http://127.0.0.1:PORT")
        self.data_paths, self.renewable, self.backoff = data_paths, renewable, backoff
        self.limits = timeout, patience, deadline
        self.server_time: str | None = None  # Date header of the latest answer
        self._started: float | None = None
        self._answered = False  # anything, cookies too
        self._gave_data = False
        self._stalls = 0
        self.is_hurried = _silence.is_set()
        self._refusals = threading.local()  # yfinance asks again in the thread that was refused

    def request(self, method: Any, url: str, *arguments: Any, **options: Any) -> Response:
        """Send a request.

        Raises DataError when a request for data has no answer in time, an error status after the retries, or a body
        that is none.
        """
        parts = urlsplit(url)
        path = parts.path
        address = url if self.base is None else self.base + parts.path + (f"?{parts.query}" if parts.query else "")
        if not path.startswith(self.data_paths):
            return self._send(method, address, options, is_data=False)
        for attempt in range(ATTEMPTS):
            is_last = attempt == ATTEMPTS - 1
            try:
                response = self._send(method, address, options, is_data=True)
            except RequestException as error:
                if isinstance(error, Timeout):
                    self._stalls += 1
                if is_last or not self._gave_data or self._stalls >= STALLS:
                    words = " ".join(str(error).partition("See https")[0].split())
                    rule, remedy = f"the answer broke off or cannot be had ({path}): {words}", LATER
                    if isinstance(error, DNSError):
                        rule, remedy = "its address cannot be resolved", OFFLINE
                    elif isinstance(error, Timeout):
                        self._note_silence()
                        rule, remedy = f"no answer in time ({path})", OFFLINE
                    elif isinstance(error, Unreachable) and not isinstance(error, SSLError):
                        rule, remedy = f"cannot be reached ({path})", OFFLINE
                    raise DataError(self.name, rule, remedy, "content") from None
                wait = self.backoff * 2**attempt
            else:
                asked = response.headers.get("Retry-After") or ""
                wait = float(asked) if asked.isdecimal() else self.backoff * 2**attempt
                if response.status_code not in BUSY or is_last or wait > MAX_WAIT:
                    return self._checked(response, path)
            time.sleep(wait)
        raise AssertionError("unreachable")

    def _send(self, method: Any, address: str, options: dict[str, Any], *, is_data: bool) -> Response:
        allowed = self._time_left(address, is_data)
        asked = options.get("timeout")
        timeout = min(allowed, asked) if isinstance(asked, int | float) else allowed
        for _ in range(REDIRECTS + 1):
            sent = {**options, "timeout": timeout, "allow_redirects": False}
            response = super().request(method, address, **sent)
            onward = response.headers.get("Location") if response.status_code in MOVED else None
            if onward is None:
                break
            address = self._followed(address, onward, is_data=is_data)
        else:
            raise DataError(self.name, f"more than {REDIRECTS} redirects", LATER, "redirect")
        self._answered = True
        self._gave_data |= is_data
        _silence.clear()
        self.server_time = response.headers.get("Date")
        return response

    def _followed(self, address: str, onward: str, *, is_data: bool) -> str:
        """Address of a redirect: over https, to the same host; without data, to the same domain."""
        try:
            target = joined(address, onward)
        except DataError:
            raise DataError(self.name, f"redirects to {onward[:100]}", LATER, "redirect") from None
        here, there = urlsplit(address), urlsplit(target)
        is_same = here.netloc == there.netloc if is_data else _domain(here) == _domain(there)
        is_test = self.base is not None and there.netloc == here.netloc
        if not is_same or not (there.scheme == "https" or is_test):
            raise DataError(self.name, f"redirects to {_shown(target)[:100]}", LATER, "redirect")
        return target

    def _time_left(self, address: str, is_data: bool) -> float:
        """Seconds that the next request may take."""
        timeout, patience, deadline = self.limits
        if self.is_hurried:
            patience = min(patience, HURRIED)
        if self._answered:
            patience += COOKIES
        now = time.monotonic()
        self._started = self._started if self._started is not None else now
        elapsed = now - self._started
        if not self._gave_data and elapsed >= patience:
            self._note_silence()
            raise DataError(self.name, f"no answer within {patience:g} s", OFFLINE, "time")
        if self._stalls >= STALLS:
            rule = f"kept silent {self._stalls} times, last asked for {_shown(address)}"
            raise DataError(self.name, rule, LATER, "time")
        if elapsed >= deadline:
            raise DataError(self.name, f"took more than {deadline:g} s ({_shown(address)} was next)", LATER, "time")
        if self._stalls:
            timeout = min(timeout, HURRIED)
        if self._gave_data:
            return min(timeout, deadline - elapsed)
        left = patience - elapsed
        return min(timeout, left if is_data else 0.5 * left)  # yfinance can do without a cookie that does not come

    def _note_silence(self) -> None:
        """Let the next source wait less, unless cookies or earlier answers show that the network is there."""
        if not self._answered or self._gave_data:
            _silence.set()

    def _checked(self, response: Response, path: str) -> Response:
        status = response.status_code
        if status in REFUSED and self.renewable and getattr(self._refusals, "path", None) != path:
            self._refusals.path = path
            return response
        if status >= 400:
            detail = ""  # of Yahoo: `{"chart": {"error": {"description": …}}}`
            with suppress(ValueError, AttributeError):
                levels = [level for level in parse_json(response.content).values() if isinstance(level, dict)]
                errors = [level.get("error") for level in levels]
                detail = next((str(error.get("description")) for error in errors if isinstance(error, dict)), "")
            rule = f"HTTP {status} for {path}" + (f" ({detail})" if detail else "")
            raise DataError(self.name, rule, REMEDIES.get(status, LATER), "status")
        self._refusals.path = None
        body, kind = response.content, response.headers.get("Content-Type") or ""
        if "html" in kind.lower():
            raise DataError(self.name, f"{kind[:40]} in place of data for {path}", LATER, "kind")
        if not body.strip():
            raise DataError(self.name, f"an empty answer for {path}", LATER, "size")
        if body.lstrip()[:1] == b"<":
            raise DataError(self.name, f"a web page in place of data for {path}", LATER, "kind")
        if not path.endswith(".csv"):
            try:
                parse_json(body)
            except ValueError:
                raise DataError(self.name, f"the answer for {path} is incomplete JSON", LATER, "content") from None
        return response


def _domain(parts: SplitResult) -> str:
    return ".".join((parts.hostname or "").split(".")[-2:])


def _shown(address: str) -> str:
    """Address in messages: host and path; a cookie page may have no path."""
    parts = urlsplit(address)
    return parts.netloc + parts.path

"""[io] Models brought from the vendor or a mirror into <data_dir>/speech/models. What is under way lies in a hidden folder
there and gets its place by one rename, whole and opened once by Vosk, so nothing half-fetched is ever found."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from ivr.speech.archive import BadArchive, unpack, unpacked_bytes
from ivr.speech.folder import NotAModel, look, try_loading
from ivr.speech.modellist import LIST_URL, MAX_LIST_BYTES, BadList, Listed, parse

UNDER_WAY = ".fetching"
"""Beside the models."""
TIMES = 5
"""A connection that breaks so often in a row without a byte is given up."""
RESERVE_BYTES = 256 << 20
"""What stays free on the disk: recordings need it."""
_SLACK = 1 << 20
_TIMEOUT = httpx.Timeout(30.0, connect=15.0)

Progress = Callable[[int, int], None]
"""Bytes so far, and of all."""


class FetchFailed(Exception):
    """The model is not there; the text says why, and what can be done."""


def client() -> httpx.Client:
    """Goes through the proxy of the environment, follows redirects."""
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=True, headers={"Accept-Encoding": "identity"})


def fetch_list(http: httpx.Client, url: str = LIST_URL) -> tuple[Listed, ...]:
    """The models there are. Raises FetchFailed."""
    data = bytearray()
    try:
        with http.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise FetchFailed(f"{url}: the server says {response.status_code} {response.reason_phrase}")
            for piece in response.iter_bytes():
                data += piece
                if len(data) > MAX_LIST_BYTES:
                    raise FetchFailed(f"{url}: it is larger than {MAX_LIST_BYTES >> 20} MB, and so no list of models")
        return parse(bytes(data))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchFailed(
            f"{url}: {_why(error)}. Without a network: copy the zip here by other ways and fetch that file"
        ) from error
    except BadList as error:
        raise FetchFailed(f"{url}: {error}") from error


def zip_url(model: Listed, list_url: str) -> str:
    """Where its zip is: as the vendor's list says, and on a mirror beside the mirror's list."""
    if list_url == LIST_URL:
        return urljoin(list_url, model.url)
    return urljoin(list_url, urlsplit(model.url).path.rpartition("/")[2])


def fetch(
    http: httpx.Client,
    model: Listed,
    url: str,
    models: Path,
    *,
    progress: Progress,
    pause_s: float = 2.0,
    reserve: int = RESERVE_BYTES,
) -> Path:
    """Bring a model; what an earlier fetch left is gone on with. Returns its folder. Raises FetchFailed."""
    with _under_way(models, model.name) as hidden:
        _must_be_new(models / model.name)
        part = hidden / f"{model.name}.{model.md5.lower()[:12]}.zip"
        for resumed in (part.exists(), False):
            _download(http, model, url, part, progress=progress, pause_s=pause_s, reserve=reserve)
            if _checksum(part) == model.md5.lower():
                break
            part.unlink()  # one that was gone on with may have begun as another file: once more from the beginning
            if not resumed:
                raise FetchFailed(
                    f"{model.name}: what came from {url} has another checksum than the list says; nothing is kept"
                )
        try:
            folder = _install(part, models / model.name, hidden, reserve)
        except (BadArchive, NotAModel):
            part.unlink()
            raise
        part.unlink()
        return folder


def take(archive: Path, models: Path, *, reserve: int = RESERVE_BYTES) -> Path:
    """Install a zip that lies on this machine, under the zip's name. Returns its folder. Raises FetchFailed."""
    name = archive.name.removesuffix(".zip")
    with _under_way(models, name) as hidden:
        return _install(archive, models / name, hidden, reserve)


def _download(
    http: httpx.Client, model: Listed, url: str, part: Path, *, progress: Progress, pause_s: float, reserve: int
) -> None:
    failures = 0
    while _length(part) < model.size:
        begun = _length(part)
        try:
            _stream(http, model, url, part, progress, reserve)
            return
        except httpx.TransportError as error:
            failures = 1 if _length(part) > begun else failures + 1
            if failures >= TIMES:
                raise FetchFailed(
                    f"{url}: {_why(error)}; {_length(part)} of {model.size} bytes are here, the same command goes on from there"
                ) from error
        time.sleep(pause_s * failures)


def _stream(http: httpx.Client, model: Listed, url: str, part: Path, progress: Progress, reserve: int) -> None:
    """One request, from where the part ends. Raises httpx.TransportError for what may be better the next time."""
    have = _length(part)
    with http.stream("GET", url, headers={"Range": f"bytes={have}-"} if have else {}) as response:
        status, said = response.status_code, f"the server says {response.status_code} {response.reason_phrase}"
        goes_on = status == httpx.codes.PARTIAL_CONTENT and response.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        if have and not goes_on and status in {httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE}:
            part.unlink()
            raise httpx.ReadError(said)  # it has another file, or can't count: from the beginning
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise httpx.ReadError(said)
        if not response.is_success:
            raise FetchFailed(f"{url}: {said}")
        have = have if goes_on else 0  # a server that knows no Range begins at the beginning
        _room_for(part.parent, model.size - have, reserve)
        with part.open("ab" if have else "wb") as file:
            for piece in response.iter_raw():
                have += len(piece)
                if have > model.size + _SLACK:
                    raise FetchFailed(f"{url}: it is larger than the {model.size} bytes that the list says")
                file.write(piece)
                progress(have, model.size)
        if have < model.size and "Content-Length" not in response.headers:
            raise httpx.ReadError("the connection ended early")


def _install(archive: Path, place: Path, hidden: Path, reserve: int) -> Path:
    _must_be_new(place)
    unpacked = hidden / f"{place.name}.unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)  # of a fetch that was killed
    try:
        _room_for(hidden, unpacked_bytes(archive), reserve)
        unpack(archive, unpacked)
        if not look(unpacked).grammars:
            raise NotAModel(f"{unpacked}: its graph is fixed: it can't be told a menu's words")
        try_loading(unpacked)
        unpacked.rename(place)
    except NotAModel as error:
        raise NotAModel(str(error).replace(str(unpacked), place.name)) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    return place


def _must_be_new(place: Path) -> None:
    if place.exists():
        raise FetchFailed(f"{place} is there already; to fetch it anew remove that folder first")


@contextlib.contextmanager
def _under_way(models: Path, name: str) -> Iterator[Path]:
    """The hidden folder, and this model held against a second fetch; what the disk says becomes FetchFailed."""
    try:
        hidden = models / UNDER_WAY
        hidden.mkdir(parents=True, exist_ok=True)
        with (hidden / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FetchFailed(f"{name} is being fetched by another process") from None
            yield hidden
    except BadArchive as error:
        raise FetchFailed(f"{name}: {error}") from error
    except NotAModel as error:
        raise FetchFailed(str(error)) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise FetchFailed(
                f"{models}: the disk is full ({error.strerror}); what came is kept, the same command goes on"
            ) from error
        raise FetchFailed(f"{error.filename or models}: {error.strerror or error}") from error


def _room_for(folder: Path, size: int, reserve: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + reserve:
        raise FetchFailed(
            f"{folder}: the disk is too full: {size >> 20} MB are needed and {reserve >> 20} MB must stay free; "
            f"{free >> 20} MB are free"
        )


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _why(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"no connection ({error})"
    return str(error) or type(error).__name__

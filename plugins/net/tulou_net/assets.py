"""Files of an installed package, over HTTP: ETag, content type, and never a step outside."""

from __future__ import annotations

import hashlib
import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import trio

from tulou_contracts.network import Request, Response

_TYPES = {
    # fixed here, because the system's table may say otherwise and browsers are strict about modules
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
}
_KEPT = 1 << 20
_MISSING = Response(status=404, body="There is no such file here.\n")


def content_type(name: str) -> str:
    """The content type that a file's name promises."""
    suffix = name[name.rfind("."):].lower() if "." in name else ""
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def safe_parts(path: str) -> tuple[str, ...] | None:
    """The steps of a relative path, or None if one of them could lead anywhere but down."""
    parts = tuple(path.split("/"))
    for part in parts:
        if part in ("", ".", "..") or any(sign in part for sign in "\\:\0"):
            return None
    return parts


class Assets:
    """The files below `folder` of `package`. Raises `ValueError` when there is no such folder."""

    def __init__(self, prefix: str, package: str, folder: str) -> None:
        self._skip = len(prefix.rstrip("/")) + 1
        try:
            self._root = files(package).joinpath(*folder.split("/"))
        except ModuleNotFoundError as error:
            raise ValueError(f"assets for {prefix}: there is no package {package!r}") from error
        if not self._root.is_dir():
            raise ValueError(f"assets for {prefix}: the package {package!r} has no folder {folder!r}")
        self._read_before: dict[tuple[str, ...], tuple[object, bytes, str]] = {}

    async def __call__(self, request: Request) -> Response:
        """Answer GET and HEAD; a path that ends in a slash stands for its index.html."""
        path = request.path[self._skip:]
        parts = safe_parts(path + "index.html" if path.endswith("/") or not path else path)
        found = await trio.to_thread.run_sync(self._read, parts) if parts else None
        if parts is None or found is None:
            return _MISSING
        body, etag = found
        headers = {"etag": etag, "cache-control": "no-cache", "x-content-type-options": "nosniff"}
        if _matches(request.headers.get("if-none-match", ""), etag):
            return Response(status=304, content_type="", headers=headers)
        return Response(body=body, content_type=content_type(parts[-1]), headers=headers)

    def _read(self, parts: tuple[str, ...]) -> tuple[bytes, str] | None:
        file = self._root.joinpath(*parts)
        try:
            if not file.is_file() or not self._is_inside(file):
                return None
            stamp = _stamp(file)
            kept = self._read_before.get(parts)
            if kept is not None and kept[0] == stamp:
                return kept[1], kept[2]
            body = file.read_bytes()
        except (OSError, ValueError):
            return None
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if stamp is not None and len(body) <= _KEPT:
            self._read_before[parts] = (stamp, body, etag)
        return body, etag

    def _is_inside(self, file: Traversable) -> bool:
        """Whether a symbolic link leads out of the folder."""
        if not isinstance(file, Path) or not isinstance(self._root, Path):
            return True
        return file.resolve().is_relative_to(self._root.resolve())


def _stamp(file: Traversable) -> object:
    if not isinstance(file, Path):
        return None
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def _matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison with each of the listed tags (RFC 9110, section 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]

"""Files that the service sends to browsers: read once at start, sent with an ETag and a strict policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response

from app.errors import NotFoundError

# A page needs nothing but its own files; `default-src` covers scripts, styles, images and requests alike.
STRICT_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

# Named here and not taken from the `mimetypes` module: that one reads the machine's registry, and a browser refuses a
# script of any other type once `nosniff` is sent.
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, whole in memory, with the headers that it is sent with."""

    body: bytes
    headers: Mapping[str, str]

    @classmethod
    def read(cls, file: Traversable, policy: str = STRICT_POLICY) -> Asset:
        """``file`` with a strong ETag of its content, so that every replica of the service gives the same one.

        Raises:
            KeyError: a file of a type that is not in ``MEDIA_TYPES``.
            FileNotFoundError: no such file in the installed package.
        """
        body = file.read_bytes()
        headers = {
            "Content-Type": MEDIA_TYPES[file.name.rpartition(".")[2]],
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
            # The names carry no version: a browser asks each time, and an unchanged file costs a 304.
            "Cache-Control": "no-cache",
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return cls(body, headers)

    def answer(self, request: Request) -> Response:
        """The file, or 304 where the browser has it already (RFC 9110, 13.1.2: weak comparison)."""
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
        if known & {self.headers["ETag"], "*"}:
            kept = {name: value for name, value in self.headers.items() if name != "Content-Type"}
            return Response(status_code=304, headers=kept)
        return Response(self.body, headers=dict(self.headers))


def add_page(router: APIRouter, path: str, page: Asset) -> None:
    """Serve ``page`` at ``path``."""

    async def show_page(request: Request) -> Response:
        return page.answer(request)

    router.add_api_route(path, show_page, methods=["GET", "HEAD"], include_in_schema=False)


def add_folder(router: APIRouter, path: str, assets: Mapping[str, Asset]) -> None:
    """Serve ``assets`` by name below ``path``. Nothing else can be asked for, so no path can lead outside.

    Raises (while serving):
        NotFoundError: no asset of that name.
    """

    async def show_asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise NotFoundError("There is no such file.", "没有这个文件。")
        return assets[name].answer(request)

    router.add_api_route(f"{path}/{{name}}", show_asset, methods=["GET", "HEAD"], include_in_schema=False)

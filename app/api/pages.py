"""The evaluators' page at ``/`` and its files under ``/static``, from package data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response

from app.errors import NotFoundError

# The page needs nothing but its own files; `default-src` covers scripts, styles, images and requests alike.
CONTENT_SECURITY_POLICY = "; ".join(
    ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'")
)

# Named here and not taken from the `mimetypes` module: that one reads the machine's registry, and a browser refuses a
# module script of any other type once `nosniff` is sent.
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, whole in memory, with the headers that it is sent with."""

    body: bytes
    headers: Mapping[str, str]

    @classmethod
    def read(cls, file: Traversable, policy: str = CONTENT_SECURITY_POLICY) -> Asset:
        """``file`` with a strong ETag of its content, so that every replica of the service gives the same one.

        Raises:
            KeyError: a file of a type that this site does not serve.
        """
        body = file.read_bytes()
        headers = {
            "Content-Type": MEDIA_TYPES[file.name[file.name.rindex(".") :]],
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
        if self.headers["ETag"] in known or "*" in known:
            kept = {name: value for name, value in self.headers.items() if name != "Content-Type"}
            return Response(status_code=304, headers=kept)
        return Response(self.body, headers=dict(self.headers))


def read_assets(folder: Traversable) -> dict[str, Asset]:
    """Every file directly in ``folder``, by its name. Nothing else can be asked for, so no path can lead outside."""
    return {file.name: Asset.read(file) for file in folder.iterdir() if file.is_file()}


def pages_router() -> APIRouter:
    """Routes of the page: ``/`` and ``/static/{name}``, outside the OpenAPI schema."""
    web = files("app.web")
    page = Asset.read(web / "index.html")
    assets = read_assets(web / "static")
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def show_page(request: Request) -> Response:
        return page.answer(request)

    @router.api_route("/static/{name}", methods=["GET", "HEAD"])
    async def show_asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise NotFoundError("there is no such file", "没有这个文件")
        return assets[name].answer(request)

    return router

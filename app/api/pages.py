"""The evaluators' page at ``/`` and the documentation at ``/docs``: files read once at start, sent with an ETag.

``/docs`` is Swagger UI without any other host and without inline scripts. The viewer is the one that
``fastapi-offline`` carries (Swagger UI 5, which reads OpenAPI 3.1). Its own factory is not used: it writes an inline
script into its page, which the policy sent here forbids, and it leaves Swagger UI's default validator on, which calls a
public site. ReDoc is left out: its logo is loaded from its maker's host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, FastAPI, Request, Response

from app.errors import NotFoundError

# A page needs nothing but its own files; `default-src` covers scripts, styles, images and requests alike.
STRICT_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

# Swagger UI writes style elements and attributes, and draws with data: images.
VIEWER_POLICY = f"{STRICT_POLICY}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"

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
            unchanged = {name: value for name, value in self.headers.items() if name != "Content-Type"}
            return Response(status_code=304, headers=unchanged)
        return Response(self.body, headers=dict(self.headers))


def add_page(router: APIRouter, path: str, page: Asset) -> None:
    """Serve ``page`` at ``path``."""

    async def show_page(request: Request) -> Response:
        return page.answer(request)

    router.add_api_route(path, show_page, methods=["GET", "HEAD"], include_in_schema=False)


def add_folder(router: APIRouter, path: str, assets: Mapping[str, Asset]) -> None:
    """Serve ``assets`` by name below ``path``. Nothing else can be requested, so no path can lead outside.

    Raises (while serving):
        NotFoundError: no asset of that name.
    """

    async def show_asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise NotFoundError("There is no such file.", "没有这个文件。")
        return assets[name].answer(request)

    router.add_api_route(f"{path}/{{name}}", show_asset, methods=["GET", "HEAD"], include_in_schema=False)


def mount_pages(app: FastAPI) -> None:
    """Serve the page, outside the OpenAPI schema."""
    web = files("app.web")
    router = APIRouter()
    add_page(router, "/", Asset.read(web / "index.html"))
    add_folder(router, "/static", {file.name: Asset.read(file) for file in (web / "static").iterdir()})
    app.include_router(router)


def mount_docs(app: FastAPI) -> None:
    """Serve the documentation page; ``app`` is made with ``docs_url=None`` and ``redoc_url=None``."""
    own, vendored = files("app.web") / "docs", files("fastapi_offline") / "static"
    router = APIRouter()
    add_page(router, "/docs", Asset.read(own / "swagger.html", VIEWER_POLICY))
    assets = [own / "swagger-init.js", *(vendored / name for name in ("swagger-ui-bundle.js", "swagger-ui.css"))]
    add_folder(router, "/docs/assets", {file.name: Asset.read(file) for file in assets})
    app.include_router(router)

"""``/docs``: Swagger UI without any other host and without inline scripts.

The viewer is the one that ``fastapi-offline`` carries (Swagger UI 5, which reads OpenAPI 3.1). Its own factory is not
used: it writes an inline script into its page, which the policy sent here forbids, and it leaves Swagger UI's default
validator on, which calls a public site. ReDoc is left out: its logo is loaded from its maker's host.
"""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, FastAPI

from app.api.assets import STRICT_POLICY, Asset, add_folder, add_page

VENDORED = ("swagger-ui-bundle.js", "swagger-ui.css")

# Swagger UI writes style elements and attributes, and draws with data: images.
VIEWER_POLICY = f"{STRICT_POLICY}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


def mount_docs(app: FastAPI) -> None:
    """Serve the documentation page; ``app`` is made with ``docs_url=None`` and ``redoc_url=None``."""
    own, vendored = files("app.web") / "docs", files("fastapi_offline") / "static"
    router = APIRouter()
    add_page(router, "/docs", Asset.read(own / "swagger.html", VIEWER_POLICY))
    assets = [own / "swagger-init.js", *(vendored / name for name in VENDORED)]
    add_folder(router, "/docs/assets", {file.name: Asset.read(file) for file in assets})
    app.include_router(router)

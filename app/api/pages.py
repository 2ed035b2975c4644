"""The evaluators' page at ``/`` and its files under ``/static``, from package data."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, FastAPI

from app.api.assets import Asset, add_folder, add_page


def mount_pages(app: FastAPI) -> None:
    """Serve the page, outside the OpenAPI schema."""
    web = files("app.web")
    router = APIRouter()
    add_page(router, "/", Asset.read(web / "index.html"))
    add_folder(router, "/static", {file.name: Asset.read(file) for file in (web / "static").iterdir()})
    app.include_router(router)

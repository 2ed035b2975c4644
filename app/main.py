"""The application: lifespan, handlers, routers. Nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.api import alerts, feedback, files, health, indexes, match, pools, push, records
from app.api.middleware import BodyLimit, Measured, RequestId
from app.api.pages import mount_docs, mount_pages
from app.api.problems import install_problem_handlers
from app.api.state import ApiState, Workers
from app.settings import Settings
from app.wiring import Services

_EXPORT_WORKERS, _EXPORT_QUEUE = 2, 8
DESCRIPTION = """
Matches transferable patents with what enterprises need, in any language, by one multilingual model.

Send a need as text, or the id of a stored need, firm or patent, to `POST /v1/match`; the answer lists the nearest
records with a score, a level and the record itself, and says by `nothing_fits` where none of them will do. Errors are
`application/problem+json` with `detail` in English and `detail_zh` in Chinese.
"""


def create_app(settings: Settings | None = None, *, services: Services | None = None) -> FastAPI:
    """The ASGI application.

    Args:
        settings: read from the environment when left out.
        services: ready-made services; they are closed with the application.
    """
    made = services or Services(settings or Settings())
    limits = made.settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        workers = Workers(limits.match_workers, limits.match_queue)
        made.metrics.watch("patmatch_requests_waiting", "Requests that wait for a worker.", lambda: workers.waiting)
        app.state.patmatch = ApiState(
            services=made,
            workers=workers,
            side_workers=Workers(limits.record_workers, limits.match_queue),
            write_workers=Workers(limits.write_workers, limits.write_queue),
            export_workers=Workers(_EXPORT_WORKERS, _EXPORT_QUEUE),
            max_filter_values=limits.max_filter_values,
            admin_token=limits.admin_token.get_secret_value() if limits.admin_token else None,
        )
        made.serving.start()
        made.watcher.start()
        made.webhooks.start()
        yield
        made.close()

    app = FastAPI(
        title="patmatch", version="0.1.0", description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    install_problem_handlers(app)
    app.add_middleware(Measured, metrics=made.metrics)
    app.add_middleware(BodyLimit, max_bytes=limits.max_body_bytes, streamed=("/v1/files",))
    app.add_middleware(RequestId)
    # Records come behind those whose paths go on behind an id: ids may have slashes.
    for module in (match, push, alerts, records, files, feedback, pools, indexes, health):
        app.include_router(module.router)
    mount_docs(app)
    mount_pages(app)
    return app

"""Every setting of the service, read from ``PATMATCH_*`` variables; only ``app.wiring`` and the commands read it."""

from __future__ import annotations

import base64
import binascii
import json
import os
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_KEY_PREFIX = "whsec_"
_FEWEST_KEY_BYTES, _MOST_KEY_BYTES = 24, 64
"""What the Standard Webhooks specification asks of a secret."""


def _key_of(secret: SecretStr) -> bytes:
    """The bytes of a secret; none where it is not written as one."""
    prefix, _, text = secret.get_secret_value().partition(_KEY_PREFIX)
    try:
        return b"" if prefix else base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


class Settings(BaseSettings):
    """Where things are and how much is allowed. Each field is one ``PATMATCH_<NAME>`` variable."""

    model_config = SettingsConfigDict(env_prefix="PATMATCH_", extra="ignore", hide_input_in_errors=True)

    home: Path = Field(
        Path("var"), description="Folder of everything made at run time: catalogue, vectors, snapshots, rejects."
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the catalogue; SQLite inside the home folder when unset, PostgreSQL by its URL.",
    )

    model: str = Field(
        "package", description="The model: `package` (adapted to patents), `package:base`, `hub:NAME` or `dir:PATH`."
    )
    query_prefix: str | None = Field(None, description="Replaces the query prefix that the model folder declares.")
    passage_prefix: str | None = Field(None, description="Replaces the passage prefix that the model folder declares.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Arithmetic of the encoder. bfloat16 is faster on CPUs that have it; it is another fingerprint.",
    )
    encoder_threads: int | None = Field(None, ge=1, description="CPU threads of the encoder; all cores when unset.")
    encoder_batch_texts: int = Field(
        64,
        ge=1,
        description="Texts that concurrent requests share in one encoder batch; more delays the first of them.",
    )
    encoder_queue_texts: int = Field(
        4096, ge=1, description="Texts that may wait for the encoder before requests are refused with 429."
    )

    timezone: str = Field(
        "Asia/Shanghai",
        description="Of dates and times in files and requests that say none, by its name in the IANA database; moments "
        "with a zone of their own become the day there. Workbooks that go out say their times in it.",
    )

    recall_floor: float = Field(
        0.95, ge=0, le=1, description="A snapshot whose measured recall@20 is below this is not published."
    )
    recall_target: float = Field(
        0.98, ge=0, le=1, description="The probe count of a large index is raised until recall@20 reaches this."
    )
    flat_below: int = Field(
        50_000, ge=0, description="Below this many records the index is exact: it answers within a few milliseconds."
    )
    centre_from: int = Field(
        100,
        ge=1,
        description="From this many records on, vectors are compared relative to the mean of their language.",
    )
    neighbours_from: int = Field(
        1_000,
        ge=2,
        description="From this many records on, each is ranked by its own vector and, half as much, by the mean of its "
        "ten nearest neighbours.",
    )
    index_poll_seconds: float = Field(
        0.5, gt=0, description="How often a running service looks for a newly published snapshot and for changes."
    )
    delta_limit: int = Field(
        50_000,
        ge=0,
        description="New and changed records of a target that are searchable before a build; each takes 2 kB.",
    )

    candidates: int = Field(
        200,
        ge=10,
        description="Records of each language, and as many that share terms, that are ordered for a query. Lists of up "
        "to nearly half as many are of the same candidates; longer ones look deeper.",
    )
    shared_terms: bool = Field(
        True, description="Whether terms that query and record share find and order matches, beside the vectors."
    )
    synonyms: Path | None = Field(
        None,
        description="A file with the names of one thing a line, separated by tabs (`LFP`, `LiFePO4`): added to the "
        "built-in table, or in its place where the first line is `#replace`.",
    )
    alert_level: Literal["strong", "fairly_strong", "weak", "off"] = Field(
        "fairly_strong",
        description="From which level on open needs are alerted of new patents, where they have no level of their own; "
        "`off`: only needs that have one.",
    )
    max_queries: int = Field(100, ge=1, description="Queries of one request.")
    max_k: int = Field(1000, ge=1, description="Matches of one query.")
    max_text_chars: int = Field(
        100_000, ge=1, description="Characters of one query text; a need of 3,000 characters is long."
    )
    max_body_bytes: int = Field(
        8_000_000, ge=1, description="Bytes of one request body; a batch of 1,000 patents fits."
    )
    max_file_bytes: int = Field(
        2_000_000_000,
        ge=1,
        description="Bytes of a file that `POST /v1/files` takes; it is stored before it is read.",
    )
    max_batch_records: int = Field(1000, ge=1, description="Records of one batch of writes and deletions.")
    max_filter_values: int = Field(10_000, ge=1, description="Values of one list in a filter.")
    match_workers: int = Field(
        8, ge=1, description="Requests that are encoded and searched at once; their texts share batches."
    )
    match_queue: int = Field(
        256, ge=0, description="Requests that may wait for a worker before they are refused with 429."
    )

    record_workers: int = Field(
        2, ge=1, description="Threads of records and readiness, which do not wait behind matches."
    )

    write_workers: int = Field(
        2, ge=1, description="Threads that write records; more of them only wait for the same encoder and disk."
    )
    write_queue: int = Field(
        32, ge=0, description="Writes that may wait for a thread before they are refused with 429; each holds its body."
    )
    admin_token: SecretStr | None = Field(
        None,
        min_length=1,
        description="Writes, changes of the index and reading feedback need it as `Authorization: Bearer TOKEN`; "
        "unset, everybody who reaches the service may do all that.",
    )

    webhook_url: str | None = Field(
        None, description="Where push lists and other events are sent as they happen; unset, nothing is sent."
    )
    webhook_secret: SecretStr | None = Field(
        None,
        validate_default=True,
        description="Signs what is sent there: `whsec_` and the Base64 of 24 to 64 random bytes, as the receiver has "
        "it; needed where there is a URL.",
    )
    webhook_timeout_s: float = Field(
        15.0, gt=0, le=120, description="How long the receiver may take to connect, and again to answer."
    )
    webhook_attempts: int = Field(
        10,
        ge=1,
        description="How often a message is tried before it counts as failed; ten take three days, each further one a "
        "day.",
    )
    webhook_lists: int = Field(
        25,
        ge=1,
        description="Firms whose push lists are in one message. With lists of 20 a message has some 650 kB: many "
        "servers take no more than 1 MB.",
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What the service writes to its log."
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"should be the name of a time zone as Asia/Shanghai or UTC, not {value[:40]!r}") from None
        return value

    @field_validator("webhook_url")
    @classmethod
    def _is_a_url(cls, value: str | None) -> str | None:
        try:
            parsed = httpx.URL(value or "http://none")
        except httpx.InvalidURL:
            raise ValueError("should be a URL as https://example.org/hook") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError("should begin with https:// or http:// and name a host")
        if parsed.userinfo:
            raise ValueError("should have no password in it; the signature says who sends")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _has_a_key(cls, value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if value is None and others.data.get("webhook_url") is not None:
            raise ValueError("is needed where PATMATCH_WEBHOOK_URL is set; docs/webhooks.md says how to make one")
        if value is not None and not _FEWEST_KEY_BYTES <= len(_key_of(value)) <= _MOST_KEY_BYTES:
            raise ValueError("should be whsec_ and the Base64 of 24 to 64 random bytes")
        return value

    @property
    def webhook_key(self) -> bytes:
        """The bytes that sign messages to the webhook; none where it is off."""
        return b"" if self.webhook_secret is None else _key_of(self.webhook_secret)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in force."""
        return ZoneInfo(self.timezone)

    @property
    def catalogue_url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'catalogue.sqlite3'}"

    @property
    def models_dir(self) -> Path:
        """Prepared model folders."""
        return self.home / "models"

    @property
    def index_dir(self) -> Path:
        """Snapshots, one folder a target."""
        return self.home / "index"

    @property
    def vectors_dir(self) -> Path:
        """Vectors that were ever computed, one store a fingerprint."""
        return self.home / "vectors"

    @property
    def push_dir(self) -> Path:
        """What push runs have done, one folder a run."""
        return self.home / "push"

    @property
    def rejects_dir(self) -> Path:
        """Rows that could not be used."""
        return self.home / "rejects"

    @property
    def files_dir(self) -> Path:
        """Files that came over HTTP, until they are loaded."""
        return self.home / "files"

    def environment(self) -> dict[str, str]:
        """This process's environment with every setting as it is in force; the home folder by its whole path."""
        others = {name: value for name, value in os.environ.items() if not name.upper().startswith("PATMATCH_")}
        chosen = {name: getattr(self, name) for name in Settings.model_fields} | {"home": self.home.resolve()}
        return others | {
            f"PATMATCH_{name.upper()}": _as_variable(value) for name, value in chosen.items() if value is not None
        }


def _as_variable(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, str | int | float | Path) else json.dumps(value, default=_as_variable)

"""What an operator can set: variables of the environment that begin with MLA_, each with its reason and default."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mla_tracker.outbound.fetching import is_safe
from mla_tracker.storage.data_folder import default_folder
from mla_tracker.storage.errors import CannotRun

HOLD_PASSWORDS = frozenset({"MLA_DATABASE_URL", "MLA_OIDC_ISSUER", "MLA_CHECKPOINT_URL"})
"""Addresses in which somebody may have written a password: a wrong one is not repeated."""


class Settings(BaseSettings):
    """The settings of one process. Read once, by the entry points, and passed on as an argument."""

    model_config = SettingsConfigDict(env_prefix="MLA_", env_ignore_empty=True, frozen=True, extra="ignore")

    database_url: str | None = Field(
        None,
        description="Address of a PostgreSQL, 15 or newer: postgresql://user:password@host:5432/database. "
        "Without it a private PostgreSQL runs in the data folder.",
    )
    data_dir: Path = Field(
        default_factory=default_folder,
        description="Folder of the private database and of local files. Its path may be 90 bytes long.",
    )
    keys_dir: Path | None = Field(
        None,
        description="Folder of the keys that seal texts and prove the audit: text.key, audit.key, checkpoint.key. "
        "Without it `keys` in the data folder. Every node needs the same; back it up apart from the database.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address that the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the API listens on.")
    sweep_seconds: int = Field(60, ge=1, le=86_400, description="How often what has come due is flagged.")
    pool_size: int = Field(10, ge=1, le=500, description="Most connections to the database, per process.")
    statement_cache: bool = Field(
        True,
        description="Keep prepared statements. Set to false behind a pooler in transaction mode, such as PgBouncer.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="One line for people, or JSON, per event."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )
    oidc_issuer: str | None = Field(
        None,
        max_length=500,
        description="Issuer of the identity provider whose access tokens are taken, exactly as it names itself, e.g. "
        "https://login.example.org/realms/justice. Without it only tokens made here are.",
    )
    oidc_audience: str | None = Field(
        None,
        max_length=500,
        validate_default=True,
        description="The `aud` that such a token must have: the name of this installation.",
    )
    oidc_algorithm: Literal[
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"
    ] = Field("RS256", description="The one algorithm by which such a token may be signed.")

    checkpoint_file: Path | None = Field(
        None,
        description="File to which each signed checkpoint of the audit is appended; keep it where whoever owns the "
        "database cannot write.",
    )
    checkpoint_url: str | None = Field(
        None,
        description="Address to which each signed checkpoint of the audit is sent (POST, text); https, or http on "
        "this machine.",
    )

    @field_validator("oidc_issuer", "checkpoint_url")
    @classmethod
    def _is_trustworthy(cls, url: str | None) -> str | None:
        if url is not None and not is_safe(url):
            raise ValueError("give an https address without user, password or fragment")
        return url

    @field_validator("oidc_audience", mode="after")
    @classmethod
    def _goes_with_an_issuer(cls, audience: str | None, info: ValidationInfo) -> str | None:
        if "oidc_issuer" in info.data and (info.data["oidc_issuer"] is None) is not (audience is None):
            raise ValueError("MLA_OIDC_ISSUER and MLA_OIDC_AUDIENCE go together; set both or neither")
        return audience

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("give an address of the form postgresql://user:password@host:5432/database")
        return url


def load_settings(**given: Any) -> Settings:
    """The settings of the environment, over which what is `given` prevails. Raises CannotRun naming all wrong ones."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise CannotRun("\n".join(_sentence(fault) for fault in error.errors())) from None


def misspelt(names: Iterable[str]) -> list[str]:
    """A sentence for each variable that looks like one of ours and is none: it changes nothing, silently."""
    known = [f"MLA_{name.upper()}" for name in Settings.model_fields]
    strange = sorted(name for name in names if name.startswith("MLA_") and name not in known)
    return [
        f"There is no setting {name}"
        + "".join(f"; perhaps {near} is meant" for near in get_close_matches(name, known, 1))
        for name in strange
    ]


def _sentence(fault: Any) -> str:
    name = f"MLA_{str(fault['loc'][0]).upper()}"
    what = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    entered = "" if name in HOLD_PASSWORDS else f" {str(fault['input'])[:100]!r}"
    return f"The setting {name}{entered} is not possible: {what}."

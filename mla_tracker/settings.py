"""What an operator can set: variables of the environment that begin with MLA_, or files; each with its reason."""

import os
import re
import stat
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from mla_tracker.domain.telling import is_address
from mla_tracker.outbound.fetching import is_loopback, is_safe
from mla_tracker.storage.data_folder import default_folder
from mla_tracker.storage.errors import CannotRun

PREFIX: Final = "MLA_"
SECRET: Final[JsonDict] = {"secret": True}
"""Marks a setting whose value is shown nowhere: `Field(..., repr=False, json_schema_extra=SECRET)`."""

_HOST: Final = re.compile(r"\*|(\*\.)?[a-z0-9][a-z0-9._-]*|\[[0-9a-f:.]+\]", re.IGNORECASE)

Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """The settings of one process. Read once, by the entry points, and passed on as an argument."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    database_url: str | None = Field(
        None,
        repr=False,
        json_schema_extra=SECRET,
        description="Address of a PostgreSQL, 15 or newer: postgresql://user:password@host:5432/database. "
        "Without it a private PostgreSQL runs in the data folder.",
    )
    replica_url: str | None = Field(
        None,
        repr=False,
        validate_default=True,
        json_schema_extra=SECRET,
        description="Address of a streaming replica of that database, from which reports are read. Without it, and "
        "while it is too far behind or cannot be reached, they are read from the database itself.",
    )
    replica_lag_seconds: float = Field(
        10,
        ge=1,
        le=3600,
        description="How far the replica may be behind at most.",
    )
    data_dir: Path = Field(
        default_factory=default_folder,
        description="Folder of the private database and of local files. Its path may be 90 bytes long.",
    )
    secrets_dir: Path | None = Field(
        None,
        description="Folder of files named like settings in small letters (mla_database_url), each holding its value, "
        "as secrets are mounted into containers. A variable of the environment prevails.",
    )
    keys_dir: Path | None = Field(
        None,
        description="Folder of the keys that seal texts and prove the audit: text.key, audit.key, checkpoint.key. "
        "Without it `keys` in the data folder. Every node needs the same; back it up apart from the database.",
    )
    record_keys_file: Path | None = Field(
        None,
        description="File in which each backup keeps the wrapped keys of records and what was erased, in place of the "
        "copy before. Without it `record-keys` in the folder of keys. Keep it apart from backups, and no older copies.",
    )
    postgres_programs: Path | None = Field(
        None,
        description="Folder of pg_dump and pg_restore for backups. Without it those that come along, of PostgreSQL 18 "
        "and without TLS.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address that the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the API listens on.")
    allowed_hosts: Words = Field(
        (),
        description="Names by which the API may be called, separated by commas; *.example.org for all below, * for "
        "any. By default MLA_HOST, localhost, 127.0.0.1 and [::1].",
    )
    trusted_proxies: Words = Field(
        (),
        description="Addresses or networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, "
        "separated by commas. By default none.",
    )
    calls_per_minute: int = Field(
        6000,
        ge=0,
        le=10_000_000,
        description="Most calls of one account per minute, on all nodes; 0 for no limit.",
    )
    failures_per_minute: int = Field(
        120,
        ge=0,
        le=10_000_000,
        description="Most calls of one address per minute, on all nodes, that fail to authenticate or need no token; "
        "0 for no limit.",
    )
    max_connections: int = Field(
        500, ge=1, le=100_000, description="Most connections of clients that one process holds open."
    )
    stop_pause_seconds: float = Field(
        0,
        ge=0,
        le=600,
        description="How long a node that is asked to stop serves on while /health/ready answers 503, so that a "
        "balancer takes it out first; a little more than the interval at which the balancer asks.",
    )
    sweep_seconds: int = Field(60, ge=1, le=86_400, description="How often what has come due is flagged.")
    feed_days: int = Field(
        90,
        ge=7,
        le=3650,
        description="For how many days the feed keeps changes for those who come back late.",
    )
    webhook_networks: Words = Field(
        (),
        description="Networks inside the house to which webhooks may call, separated by commas. By default none: only "
        "addresses of the public internet.",
    )
    webhook_http: bool = Field(
        False, description="Let webhooks call http addresses too, which anybody may read."
    )
    pool_size: int = Field(10, ge=1, le=500, description="Most connections to the database, per process.")
    statement_cache: bool = Field(
        True,
        description="Keep prepared statements. Set to false behind a pooler in transaction mode, such as PgBouncer.",
    )
    import_bytes: int = Field(
        1024**3,
        ge=1024,
        le=1024**4,
        description="Most bytes of a file of records that is handed in through the API; 1 GiB by default. "
        "`mla-tracker import` takes any.",
    )
    metrics_token: str | None = Field(
        None,
        min_length=16,
        max_length=200,
        pattern=r"^[!-~]+$",
        repr=False,
        json_schema_extra=SECRET,
        description="Token that /metrics asks for (Authorization: Bearer ...). Figures of the installation, such as "
        "overdue duties by country, are given with it alone.",
    )
    traces_url: str | None = Field(
        None,
        repr=False,
        json_schema_extra=SECRET,
        description="Address that takes traces by OTLP over HTTP, e.g. http://127.0.0.1:4318/v1/traces; https, or http "
        "on this machine. Without it nothing is traced.",
    )
    traces_share: float = Field(
        1.0, ge=0, le=1, description="Which share of all traces is sent; 0.01 is one in a hundred."
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
        repr=False,
        json_schema_extra=SECRET,
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
        repr=False,
        json_schema_extra=SECRET,
        description="Address to which each signed checkpoint of the audit is sent (POST, text); https, or http on "
        "this machine.",
    )

    public_url: str | None = Field(
        None,
        max_length=500,
        description="Address at which people reach this installation, e.g. https://mla.example.org; mails link to it.",
    )
    smtp_host: str | None = Field(
        None, max_length=253, description="Server that takes mail. Without it no mail is sent."
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port; 465 goes with `tls`.")
    smtp_security: Literal["starttls", "tls", "plain"] = Field(
        "starttls",
        description="How the way to it is kept from listeners; its certificate is always checked. `plain` only to this "
        "machine itself, unless MLA_SMTP_PLAIN_ALLOWED says otherwise.",
    )
    smtp_plain_allowed: bool = Field(
        False, description="Allow `plain` to another machine: whoever listens there reads every mail."
    )
    smtp_ca_file: Path | None = Field(
        None,
        description="Certificates (PEM) of the authorities that may vouch for it, instead of the machine's.",
    )
    smtp_user: str | None = Field(
        None, max_length=320, description="Name to log in with.", repr=False, json_schema_extra=SECRET
    )
    smtp_password: str | None = Field(
        None, max_length=500, description="Password to log in with.", repr=False, json_schema_extra=SECRET
    )
    mail_from: str | None = Field(
        None, max_length=254, description="Address in whose name mail is sent; goes with MLA_SMTP_HOST."
    )
    mail_domains: Words = Field(
        (),
        description="Domains to which mail may be sent, separated by commas: those of the authorities. By default all.",
    )

    @field_validator("oidc_issuer", "checkpoint_url", "public_url", "traces_url")
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

    @field_validator("replica_url")
    @classmethod
    def _goes_with_a_primary(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is not None and "database_url" in info.data and info.data["database_url"] is None:
            raise ValueError("a replica is one of the database that MLA_DATABASE_URL names; set that too")
        return url

    @field_validator("mail_from")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None and not is_address(address):
            raise ValueError("give a plain address such as deadlines@example.org")
        return address

    @model_validator(mode="after")
    def _can_send_mail(self) -> Self:
        if self.smtp_host is None:
            return self
        if self.mail_from is None:
            raise ValueError("MLA_SMTP_HOST and MLA_MAIL_FROM go together; set both or neither")
        if (self.smtp_user is None) is not (self.smtp_password is None):
            raise ValueError("MLA_SMTP_USER and MLA_SMTP_PASSWORD go together; set both or neither")
        if self.smtp_security == "plain" and not is_loopback(f"//{self.smtp_host}"):
            if not self.smtp_plain_allowed:
                raise ValueError(
                    "MLA_SMTP_SECURITY plain is for a server on this machine; use starttls or tls, or set "
                    "MLA_SMTP_PLAIN_ALLOWED"
                )
            if self.smtp_password is not None:
                raise ValueError(
                    "a password is not sent over a plain connection; leave MLA_SMTP_PASSWORD out"
                )
        return self

    @field_validator("database_url", "replica_url")
    @classmethod
    def _is_postgresql(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("give an address of the form postgresql://user:password@host:5432/database")
        return url

    @field_validator("allowed_hosts", "trusted_proxies", "webhook_networks", "mail_domains", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return tuple(given.replace(",", " ").split()) if isinstance(given, str) else given

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(f"{name} is not the name of a host; leave out scheme, port and path")
        return names

    @field_validator("trusted_proxies", "webhook_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(
                    f"{error}; give addresses such as 10.0.0.7 or networks such as 10.0.0.0/24"
                ) from None
        return networks

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which the API may be called."""
        own = f"[{self.host}]" if ":" in self.host else self.host
        return self.allowed_hosts or (own, "localhost", "127.0.0.1", "[::1]")


def load_settings(**given: Any) -> Settings:
    """The settings of environment and files, over which what is `given` prevails. Raises CannotRun naming all wrong."""
    chosen = {name: value for name, value in given.items() if value is not None}
    folder = secrets_folder()
    try:
        return Settings(_secrets_dir=folder, **chosen)
    except ValidationError as error:
        raise CannotRun("\n".join(_sentence(fault) for fault in error.errors())) from None
    except SettingsError as error:
        raise CannotRun(
            f"A setting cannot be read ({error}): {type(error.__cause__).__name__}. In the folder MLA_SECRETS_DIR each "
            "must be a file of text in UTF-8 that this program may read."
        ) from None


def secrets_folder() -> Path | None:
    """The folder of secrets, if one is set. Raises CannotRun unless it is a folder that can be read."""
    named = os.environ.get("MLA_SECRETS_DIR")
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        raise CannotRun(
            f"MLA_SECRETS_DIR {folder} is not a folder that can be read. Mount it, or correct the setting."
        )
    return folder


def exposed(folder: Path | None) -> list[str]:
    """A sentence for each file of secrets that every user of the machine may read, or that is no setting of ours."""
    if folder is None:
        return []
    known = {f"{PREFIX}{name}".lower() for name in Settings.model_fields}
    files = sorted(file for file in folder.iterdir() if file.name.lower().startswith(PREFIX.lower()))
    open_to_all = [
        f"Every user of this machine may read the secret {file}; take that right away (chmod o-rwx) or mount the "
        "folder for this program alone"
        for file in files
        if file.stat().st_mode & stat.S_IROTH
    ]
    strange = [
        f"The file {file} is named like no setting and changes nothing"
        for file in files
        if file.name.lower() not in known
    ]
    return open_to_all + strange


def misspelt(names: Iterable[str]) -> list[str]:
    """A sentence for each variable that looks like one of ours and is none: it changes nothing, silently."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    strange = sorted(name for name in names if name.startswith(PREFIX) and name not in known)
    return [
        f"There is no setting {name}"
        + "".join(f"; perhaps {near} is meant" for near in get_close_matches(name, known, 1))
        for name in strange
    ]


def secret_names() -> frozenset[str]:
    """The settings whose values are shown nowhere."""
    return frozenset(
        name for name, field in Settings.model_fields.items() if field.json_schema_extra == SECRET
    )


def _sentence(fault: Any) -> str:
    if not fault["loc"]:  # of several settings together
        return f"The settings are not possible: {str(fault['msg']).removeprefix('Value error, ')}."
    field = str(fault["loc"][0])
    what = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    entered = "" if field in secret_names() else f" {str(fault['input'])[:100]!r}"
    return f"The setting {PREFIX}{field.upper()}{entered} is not possible: {what}."

"""The settings: every name, its meaning and default. Only the processes read the environment."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from app.errors import BadSettings
from app.guard import Allow, literal
from app.pace import Limit
from app.vault import Vault

KEYED_PROVIDERS = {"peopledatalabs": "PDL", "hunter": "HUNTER", "datalegion": "DATALEGION"}
"""Provider name -> prefix of its `_API_KEY` and `_API_URL`."""

KEYLESS_PROVIDERS = ("sandbox", "website", "dns")
"""Providers that are always on; with the keyed ones, the names WARMCALL_PROVIDERS may hold."""

SHORTEST_SECRET = 16
"""Characters of a secret that others sign with."""

LONGEST_LEAD_WAIT = timedelta(seconds=25)
"""Whoever sends a form gives up not much later."""

_SPAN = re.compile(r"([0-9]{1,6})\s*(s|m|h|d)")
_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*"
)
_PLACE = re.compile(r"[CG][A-Z0-9]{1,31}|[^\s:@]{1,64}@[^\s:@+]{1,255}", re.ASCII)
_REDIS = ("redis", "rediss", "unix")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: str) -> timedelta:
    """Read a length of time: a whole number and s, m, h or d.

    >>> span("7d").days
    7

    Raises ValueError when it is anything else.
    """
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise ValueError("expected a number and s, m, h or d, such as 12h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Settings(BaseModel):
    """What the processes run with. Frozen; secrets do not show in `repr`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str = Field(
        "sqlite:///warmcall.db",
        alias="DATABASE_URL",
        repr=False,
        description="Job store and cache: sqlite:///PATH, one file, or "
        "postgresql://USER:PASSWORD@HOST/NAME, shared by many machines.",
    )
    queue_url: str | None = Field(
        None,
        alias="QUEUE_URL",
        repr=False,
        description="Where messages wait. Default: in the database, in one commit with their job. "
        "redis://HOST/0 or postgresql://USER:PASSWORD@HOST/NAME: elsewhere.",
    )
    port: int = Field(8000, ge=1, le=65535, alias="PORT", description="Port of the web process.")
    public_url: str = Field(
        "",
        alias="WARMCALL_PUBLIC_URL",
        description="How others reach this service: links in cards. Default http://127.0.0.1:PORT.",
    )
    providers: tuple[str, ...] = Field(
        (),
        alias="WARMCALL_PROVIDERS",
        description="Comma list of providers = the waterfall's order. Default: all configured.",
    )
    pace: tuple[Limit, ...] = Field(
        (),
        alias="WARMCALL_PACE",
        description="What your plans with providers allow, as a comma list of "
        "PROVIDER=CALLS/min:AT_ONCE, such as hunter=300/min:8; `:AT_ONCE` may be left out. "
        "Default: a usual plan.",
    )
    positioning: Path | None = Field(
        None,
        alias="WARMCALL_POSITIONING",
        description="TOML file: what we sell, to whom, value points, competitors. See "
        "app/positioning.example.toml.",
    )
    egress_proxy: str | None = Field(
        None,
        alias="WARMCALL_EGRESS_PROXY",
        description="HTTP proxy for all fetches of hosts that a user or record named; it then "
        "resolves the names and must filter private addresses.",
    )
    callback_allow: str = Field(
        "",
        alias="WARMCALL_CALLBACK_ALLOW",
        description="Comma list of CIDRs, hosts and host:port that callbacks may reach although "
        "private. A host, and a CIDR, allows any port.",
    )
    fresh_person: timedelta = Field(
        timedelta(days=1),
        alias="WARMCALL_FRESH_PERSON",
        description="How long a person is fresh: answered at once (such as 12h, 1d).",
    )
    stale_person: timedelta = Field(
        timedelta(days=7),
        alias="WARMCALL_STALE_PERSON",
        description="How long a person may be shown while a refresh runs in the background.",
    )
    fresh_company: timedelta = Field(
        timedelta(days=7),
        alias="WARMCALL_FRESH_COMPANY",
        description="The same for company, decision makers and signals: fresh.",
    )
    stale_company: timedelta = Field(
        timedelta(days=30),
        alias="WARMCALL_STALE_COMPANY",
        description="The same for company, decision makers and signals: stale.",
    )
    keep_people: timedelta = Field(
        timedelta(days=30),
        alias="WARMCALL_KEEP_PEOPLE",
        description="What is known of people, and the cards that show it, goes after this time.",
    )
    keep_jobs: timedelta = Field(
        timedelta(days=90),
        alias="WARMCALL_KEEP_JOBS",
        description="Ended jobs, their deliveries and facts about companies go after this time.",
    )
    keep_events: timedelta = Field(
        timedelta(days=7),
        alias="WARMCALL_KEEP_EVENTS",
        description="The single changes of ended jobs go after this time.",
    )
    free_quota: int = Field(
        100,
        ge=0,
        alias="WARMCALL_FREE_QUOTA",
        description="Monthly enrichments of an API key that has no quota of its own.",
    )
    ask_above: float = Field(
        10,
        ge=0,
        alias="WARMCALL_ASK_ABOVE",
        description="An agent asks its user before a refresh or batch that may cost more credits.",
    )
    oauth_issuer: str | None = Field(
        None,
        alias="WARMCALL_OAUTH_ISSUER",
        description="URL of an OAuth issuer whose tokens /mcp takes beside API keys. A private "
        "address has to be in WARMCALL_CALLBACK_ALLOW.",
    )
    oauth_audience: str | None = Field(
        None,
        alias="WARMCALL_OAUTH_AUDIENCE",
        description="The `aud` of those tokens. Default: WARMCALL_PUBLIC_URL with /mcp.",
    )
    server_url: str | None = Field(
        None,
        alias="WARMCALL_URL",
        description="A deployed server that `warmcall mcp` speaks for, with WARMCALL_API_KEY.",
    )
    server_key: SecretStr | None = Field(
        None, alias="WARMCALL_API_KEY", description="API key for the server at WARMCALL_URL."
    )
    slots: int = Field(
        64,
        ge=1,
        le=1000,
        alias="WARMCALL_SLOTS",
        description="Jobs one worker runs at once. A job mostly waits, so this is cheap.",
    )
    lease: timedelta = Field(
        timedelta(seconds=8),
        alias="WARMCALL_LEASE",
        description="A job whose worker was silent for this long is given to another worker.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        alias="WARMCALL_LOG_LEVEL",
        description="DEBUG, INFO, WARNING or ERROR. DEBUG may show personal data.",
    )
    pdl_api_key: SecretStr | None = Field(
        None, alias="PDL_API_KEY", description="Switches People Data Labs on."
    )
    pdl_api_url: str = Field(
        "https://api.peopledatalabs.com/v5",
        alias="PDL_API_URL",
        description="Base URL of People Data Labs.",
    )
    hunter_api_key: SecretStr | None = Field(
        None, alias="HUNTER_API_KEY", description="Switches Hunter on."
    )
    hunter_api_url: str = Field(
        "https://api.hunter.io/v2", alias="HUNTER_API_URL", description="Base URL of Hunter."
    )
    datalegion_api_key: SecretStr | None = Field(
        None, alias="DATALEGION_API_KEY", description="Switches Data Legion on."
    )
    datalegion_api_url: str = Field(
        "https://api.datalegion.ai",
        alias="DATALEGION_API_URL",
        description="Base URL of Data Legion.",
    )

    encryption_keys: SecretStr | None = Field(
        None,
        alias="WARMCALL_ENCRYPTION_KEYS",
        description="Seal the tokens that others give us: what `warmcall encryption-key` prints. "
        "A comma list, the newest first, so that a key can be replaced.",
    )
    crm: Path | None = Field(
        None,
        alias="WARMCALL_CRM",
        description="TOML file: which of our fields goes into which property of a CRM, and when; "
        "connections of signed webhooks.",
    )
    crm_cool_down: timedelta = Field(
        timedelta(days=7),
        alias="WARMCALL_CRM_COOL_DOWN",
        description="A record of a CRM is not enriched again on its own for this time.",
    )
    crm_refresh: float = Field(
        0,
        ge=0,
        alias="WARMCALL_CRM_REFRESH",
        description="Credits a month for enriching a CRM's oldest and incomplete records again; "
        "0 = none. One record costs 5 at most.",
    )
    slack_bot_token: SecretStr | None = Field(
        None,
        alias="SLACK_BOT_TOKEN",
        description="Switches Slack on for one workspace: the app's bot token (xoxb-...), with "
        "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN.",
    )
    slack_signing_secret: SecretStr | None = Field(
        None,
        alias="SLACK_SIGNING_SECRET",
        description="Proves that what comes to /slack/events is from Slack.",
    )
    slack_app_token: SecretStr | None = Field(
        None,
        alias="SLACK_APP_TOKEN",
        description="App-level token (xapp-...): Slack is reached by its Socket Mode and need not "
        "reach us.",
    )
    slack_client_id: str | None = Field(
        None,
        alias="SLACK_CLIENT_ID",
        description="Switches Slack on for many workspaces, which install the app at "
        "/slack/install, with SLACK_CLIENT_SECRET and WARMCALL_ENCRYPTION_KEYS.",
    )
    slack_client_secret: SecretStr | None = Field(
        None, alias="SLACK_CLIENT_SECRET", description="The app's client secret."
    )
    slack_api_url: str = Field(
        "https://slack.com/api", alias="SLACK_API_URL", description="Base URL of Slack's Web API."
    )
    alerts: str | None = Field(
        None,
        alias="WARMCALL_ALERTS",
        description="Where operators hear of trouble, by Slack: a channel's id (C...) or the "
        "e-mail address of a colleague.",
    )

    crm_webhook_secret: SecretStr | None = Field(
        None,
        alias="CRM_WEBHOOK_SECRET",
        description="Secret of the connection `default` at /webhooks/crm/default and "
        "/webhooks/lead; a comma list while it is being changed, the newest first.",
    )
    lead_wait: timedelta = Field(
        timedelta(seconds=2),
        alias="WARMCALL_LEAD_WAIT",
        description="How long a form at /webhooks/lead is held for what is found; 0s: not at all.",
    )

    hubspot_access_token: SecretStr | None = Field(
        None,
        alias="HUBSPOT_ACCESS_TOKEN",
        description="Switches HubSpot on: the access token of your app, or a service key with "
        "HUBSPOT_POLL.",
    )
    hubspot_client_secret: SecretStr | None = Field(
        None,
        alias="HUBSPOT_CLIENT_SECRET",
        description="Proves that what comes to /webhooks/hubspot is from HubSpot. While it is "
        "rotated: both, as a comma list.",
    )
    hubspot_app_id: str = Field(
        "",
        alias="HUBSPOT_APP_ID",
        description="Number of your app: events of other apps are ignored, values that it wrote "
        "last are ours.",
    )
    hubspot_portal_id: str = Field(
        "",
        alias="HUBSPOT_PORTAL_ID",
        description="Number of your account: events of other accounts are ignored.",
    )
    hubspot_client_id: str = Field(
        "",
        alias="HUBSPOT_CLIENT_ID",
        description="Client id of an app with OAuth, in place of an access token.",
    )
    hubspot_refresh_token: SecretStr | None = Field(
        None,
        alias="HUBSPOT_REFRESH_TOKEN",
        description="Refresh token of an app with OAuth: access tokens are then renewed.",
    )
    hubspot_poll: timedelta | None = Field(
        None,
        alias="HUBSPOT_POLL",
        description="Look for new records this often (such as 60s), where HubSpot cannot reach "
        "this service. Default: only its webhooks bring them.",
    )
    hubspot_pace: int = Field(
        100,
        ge=10,
        le=100_000,
        alias="HUBSPOT_PACE",
        description="Calls that HubSpot allows your app in 10 s: 100 with Free and Starter, 190 "
        "with Professional and Enterprise.",
    )
    hubspot_api_url: str = Field(
        "https://api.hubapi.com", alias="HUBSPOT_API_URL", description="Base URL of HubSpot's API."
    )
    hubspot_api_version: str = Field(
        "2026-09",
        alias="HUBSPOT_API_VERSION",
        pattern=r"^20[0-9]{2}-[0-9]{2}(-beta)?$",
        description="Version of HubSpot's API: its month.",
    )

    @field_validator(
        "fresh_person",
        "stale_person",
        "fresh_company",
        "stale_company",
        "keep_people",
        "keep_jobs",
        "keep_events",
        "crm_cool_down",
        "lease",
        "lead_wait",
        "hubspot_poll",
        mode="before",
    )
    @classmethod
    def _span(cls, value: object) -> object:
        return span(value) if isinstance(value, str) else value

    @field_validator("keep_people", "keep_jobs", "keep_events", "lease")
    @classmethod
    def _lasting(cls, value: timedelta) -> timedelta:
        if not value:
            raise ValueError("expected more than zero")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _level(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("providers", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return _listed(value) if isinstance(value, str) else value

    @field_validator("providers")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = (*KEYLESS_PROVIDERS, *KEYED_PROVIDERS)
        if strange := [name for name in value if name not in known]:
            raise ValueError(f"no provider {', '.join(strange)}; there are {', '.join(known)}")
        return tuple(dict.fromkeys(value))

    @field_validator("pace", mode="before")
    @classmethod
    def _limits(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        limits = tuple(Limit.parse(part) for part in _listed(value))
        names = [limit.provider for limit in limits]
        if strange := [name for name in names if name not in KEYED_PROVIDERS]:
            keyed = ", ".join(KEYED_PROVIDERS)
            raise ValueError(f"no provider {', '.join(strange)} with a key; there are {keyed}")
        if len(set(names)) < len(names):
            raise ValueError("a provider is named twice")
        return limits

    @field_validator("callback_allow")
    @classmethod
    def _allowed(cls, value: str) -> str:
        if strange := [part for part in _listed(value) if not _is_allowance(part)]:
            raise ValueError(f"neither a host, host:port nor a CIDR: {', '.join(strange)}")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if not (_is_file(value) or _is_server(value, "postgresql")):
            raise ValueError("expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")
        return value

    @field_validator("queue_url")
    @classmethod
    def _queue(cls, value: str | None) -> str | None:
        if value and not (_is_file(value) or _is_server(value, "postgresql", *_REDIS)):
            raise ValueError("expected redis://HOST/0 or postgresql://USER:PASSWORD@HOST/NAME")
        return value

    @field_validator("positioning", "crm")
    @classmethod
    def _file(cls, value: Path | None) -> Path | None:
        if value and not value.is_file():
            raise ValueError("no such file")
        return value

    @field_validator(
        "egress_proxy",
        "public_url",
        "server_url",
        "pdl_api_url",
        "hunter_api_url",
        "datalegion_api_url",
        "slack_api_url",
        "hubspot_api_url",
    )
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value and not _is_http_url(value):
            raise ValueError("expected an http:// or https:// URL")
        return value.rstrip("/") if value else value

    @field_validator("oauth_issuer")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        if value and not _is_http_url(value):
            raise ValueError("expected an http:// or https:// URL")
        return value  # to the letter what its tokens say

    @field_validator("alerts")
    @classmethod
    def _alerts(cls, value: str | None) -> str | None:
        if value and not _PLACE.fullmatch(value):
            raise ValueError("expected a Slack channel's id, such as C0123ABCD, or an address")
        return value

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _slack_token(cls, value: SecretStr | None, told: ValidationInfo) -> SecretStr | None:
        begins = "xoxb-" if told.field_name == "slack_bot_token" else "xapp-"
        if value and not value.get_secret_value().startswith(begins):
            raise ValueError(f"expected a token that begins with {begins}")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            Vault.parse(value.get_secret_value())
        return value

    @field_validator("crm_webhook_secret")
    @classmethod
    def _long_secrets(cls, value: SecretStr | None) -> SecretStr | None:
        texts = _listed(value.get_secret_value()) if value else ()
        if any(len(text) < SHORTEST_SECRET for text in texts):
            raise ValueError(f"expected a secret of at least {SHORTEST_SECRET} characters")
        return value

    @field_validator("lead_wait")
    @classmethod
    def _short(cls, value: timedelta) -> timedelta:
        if value > LONGEST_LEAD_WAIT:
            raise ValueError(f"expected at most {LONGEST_LEAD_WAIT.seconds}s")
        return value

    @model_validator(mode="after")
    def _all_of_slack(self) -> "Settings":
        by_oauth, is_called = self.slack_client_id, self.slack_signing_secret
        if bool(by_oauth) != bool(self.slack_client_secret):
            raise ValueError("SLACK_CLIENT_ID and SLACK_CLIENT_SECRET: set both or neither")
        if by_oauth and not self.encryption_keys:
            raise ValueError("WARMCALL_ENCRYPTION_KEYS: missing beside SLACK_CLIENT_ID")
        if self.has_slack and not (is_called or self.slack_app_token):
            beside = "SLACK_CLIENT_ID" if by_oauth else "SLACK_BOT_TOKEN"
            other = "SLACK_APP_TOKEN does as well"
            raise ValueError(f"SLACK_SIGNING_SECRET: missing beside {beside}; {other}")
        if not self.has_slack and (is_called or self.slack_app_token):
            other = "SLACK_CLIENT_ID does as well"
            raise ValueError(
                f"SLACK_BOT_TOKEN: missing beside the other settings of Slack; {other}"
            )
        return self

    @field_validator("hubspot_app_id", "hubspot_portal_id")
    @classmethod
    def _number(cls, value: str) -> str:
        if value and not (value.isascii() and value.isdigit()):
            raise ValueError("expected a number")
        return value

    @field_validator("hubspot_poll")
    @classmethod
    def _seldom(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < timedelta(seconds=1):
            raise ValueError("expected 1s or more")
        return value

    @model_validator(mode="after")
    def _all_of_hubspot(self) -> "Settings":
        oauth = (self.hubspot_client_id, self.hubspot_refresh_token)
        if any(oauth) and not (all(oauth) and self.hubspot_client_secret):
            missing = "HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and HUBSPOT_REFRESH_TOKEN"
            raise ValueError(f"{missing}: OAuth needs all of them")
        if any(oauth) and self.hubspot_access_token:
            raise ValueError("HUBSPOT_ACCESS_TOKEN and HUBSPOT_REFRESH_TOKEN: set one of them")
        is_asked = self.hubspot_client_secret or self.hubspot_poll
        if is_asked and not (self.hubspot_access_token or all(oauth)):
            raise ValueError("HUBSPOT_ACCESS_TOKEN: missing beside the other settings of HubSpot")
        return self

    @model_validator(mode="after")
    def _fresh_before_stale(self) -> "Settings":
        for name in ("person", "company"):
            if getattr(self, f"stale_{name}") < getattr(self, f"fresh_{name}"):
                kind = name.upper()
                raise ValueError(f"WARMCALL_STALE_{kind}: shorter than WARMCALL_FRESH_{kind}")
        return self

    @model_validator(mode="after")
    def _server_and_key(self) -> "Settings":
        if bool(self.server_url) != bool(self.server_key):
            raise ValueError("WARMCALL_URL and WARMCALL_API_KEY: set both or neither")
        return self

    @model_validator(mode="after")
    def _queue_file(self) -> "Settings":
        if self.queue_url and _is_file(self.queue_url) and self.queue_url != self.database_url:
            raise ValueError("QUEUE_URL: an SQLite file other than DATABASE_URL; leave it out")
        return self

    @property
    def has_slack(self) -> bool:
        """Tell whether Slack is on: for one workspace, or for those that install it."""
        return bool(self.slack_bot_token or self.slack_client_id)

    @property
    def vault(self) -> Vault | None:
        """Return what seals the tokens of others, None without a key."""
        keys = self.encryption_keys
        return Vault.parse(keys.get_secret_value()) if keys else None

    @property
    def queue_elsewhere(self) -> str | None:
        """Return the URL of the queue, None when it is in the database (in the same commit)."""
        return self.queue_url if self.queue_url and not _is_file(self.queue_url) else None

    @property
    def hubspot_secrets(self) -> tuple[str, ...]:
        """Return the secrets that HubSpot may sign with: two while one is rotated."""
        secrets = self.hubspot_client_secret
        return _listed(secrets.get_secret_value()) if secrets else ()

    @property
    def base_url(self) -> str:
        """Return how others reach this service, without a slash at the end."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @staticmethod
    def from_env(env: Mapping[str, str]) -> "Settings":
        """Read the settings. Space around a value is dropped, empty values count as not set.

        Raises BadSettings that lists every unknown `WARMCALL_*` name and every bad value; no
        secret is ever part of the message.
        """
        known = [str(field.alias) for field in Settings.model_fields.values()]
        given = {name: value.strip() for name, value in env.items() if value.strip()}
        problems = [
            f"{name}: no such setting{_meant(name, known)}"
            for name in sorted(given)
            if name.startswith("WARMCALL_") and name not in known
        ]
        try:
            settings = Settings.model_validate({n: v for n, v in given.items() if n in known})
        except ValidationError as exc:
            problems += map(_problem, exc.errors(include_input=False))
        if problems:
            raise BadSettings(f"The settings are not usable: {'; '.join(problems)}.")
        return settings


def without_secrets(url: str) -> str:
    """Return the URL of a database or queue as it may be printed.

    >>> without_secrets("postgresql://ann:s3cret@db.example:5432/cards?password=s3cret")
    'postgresql://ann:***@db.example:5432/cards'
    """
    bare = url.partition("?")[0]
    head, at, host = bare.rpartition("@")
    scheme, colon, login = head.partition("://")
    user, has_secret, _ = login.partition(":")
    return f"{scheme}{colon}{user}{':***' if has_secret else ''}{at}{host}"


def _is_file(url: str) -> bool:
    return url.startswith("sqlite:///") and url != "sqlite:///"


def _is_server(url: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(url)
        known = bool(parts.hostname or parts.query or parts.scheme == "unix")
        return parts.scheme in schemes and known and len(parts.path) > 1 and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is no number
        return False


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _is_allowance(text: str) -> bool:
    try:
        hosts = Allow.parse(text).hosts
    except ValueError:
        return False
    return all((_HOST.fullmatch(host) or literal(host)) and port != 0 for host, port in hosts)


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is no number
        return False


def _meant(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return f" (did you mean {near[0]}?)" if near else ""


def _problem(error: ErrorDetails) -> str:
    where = f"{error['loc'][0]}: " if error["loc"] else ""
    return where + error["msg"].removeprefix("Value error, ").rstrip(".")


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as the README and `.env.example` show it."""

    name: str
    default: str
    meaning: str


def rows() -> list[SettingRow]:
    """List all settings, for documentation and for the test that compares it."""
    return [
        SettingRow(str(field.alias), _shown(field.default), str(field.description))
        for field in Settings.model_fields.values()
    ]


def env_example() -> str:
    """Return the text of `.env.example`: every setting, commented out, with its meaning."""
    head = "# Every setting of Warmcall. Copy to .env and uncomment; the environment wins.\n"
    return head + "".join(
        f"\n{textwrap.fill(row.meaning, 98, initial_indent='# ', subsequent_indent='# ')}\n"
        f"#{row.name}={row.default}\n"
        for row in rows()
    )


def _shown(default: object) -> str:
    if isinstance(default, timedelta):
        return f"{default.days}d" if default.days else f"{default.seconds}s"
    return "" if default is None or default == () else str(default)

"""Settings: one frozen object, the only reader of the environment. Documented in docs/settings.md."""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import re
import secrets
import socket
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from app.errors import SettingsError
from app.proxies import Network, TrustedProxies
from geofences.datum import VerticalReference

PARTITIONS = 64
SECRET_FILE = "secret.key"  # noqa: S105 -- a file's name, not a secret
_MINIMUM_SECRET_CHARACTERS = 32
#: A year at least (工信部联通装〔2021〕97号), and longer than a sample may come late (telemetry.decoding: 400 days).
SHORTEST_KEPT_DAYS = 402
_BROKER_SCHEMES = {"mqtt": 1883, "mqtts": 8883}
_SMTP_SCHEMES = {"smtp": 587, "smtps": 465}
_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_MOST_PROXIES = 10
_LOG_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})

_T = TypeVar("_T")


class Locale(StrEnum):
    """Languages of the product."""

    CHINESE = "zh_CN"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """Who else may log users in, and the platform's account there. `name` stands on the button."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed in, and from whom it comes. `tls`: encrypted from the first byte."""

    host: str
    port: int
    tls: bool
    username: str
    password: str = field(repr=False)
    sender: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that may differ between installations. Secrets never show in `repr`."""

    home: Path
    database_url: str = field(repr=False)  # may carry a password
    host: str
    port: int
    mqtt_host: str
    mqtt_port: int
    broker_url: str
    outside_broker: bool
    secret_key: str = field(repr=False)
    broker_username: str
    broker_password: str = field(repr=False)
    broker_dynsec: bool
    broker_admin_username: str
    broker_admin_password: str = field(repr=False)
    partitions: tuple[int, ...]
    worker_name: str
    flush_messages: int
    flush_ms: int
    coverage_factor: float
    separation_horizontal_m: float
    separation_vertical_m: float
    separation_look_ahead_s: float
    approach_reach_m: float
    approach_height_m: float
    approach_road_active_s: float
    ground_elevation_m: float | None
    geoid_undulation_m: float | None
    public_delay_s: float
    public_snap_m: float
    public_rest_s: float
    tile_url: str | None
    tile_attribution: str
    map_approval_number: str
    public_url: str | None
    locale: Locale
    alert_escalation_s: float
    keep_samples_days: int
    archive_directory: Path
    link_lost_after_s: float
    log_level: str
    web_threads: int
    demo: bool
    demo_disobedient: tuple[str, ...]
    demo_silent: tuple[str, ...]
    second_factor_required: bool
    trusted_proxies: TrustedProxies
    openid: OpenIdProvider | None
    mail: MailServer | None
    webhook_networks: tuple[Network, ...]

    @property
    def vertical(self) -> VerticalReference:
        """What ties the three datums of altitudes together here."""
        return VerticalReference(ground_elevation_m=self.ground_elevation_m, geoid_undulation_m=self.geoid_undulation_m)

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read every setting, or raise SettingsError with all problems at once.

        The secret comes from PILOTAGE_SECRET_KEY or from the file that `ensure_secret` wrote.
        """
        reader = _Reader(env)
        home = home_of(env)
        secret = reader.secret(home)
        mqtt_host = reader.text("PILOTAGE_MQTT_HOST", "127.0.0.1")
        mqtt_port = reader.port("PILOTAGE_MQTT_PORT", 1883)
        host = reader.text("PILOTAGE_HOST", "127.0.0.1")
        trusted_proxies = reader.proxies("PILOTAGE_TRUSTED_PROXIES")
        settings = cls(
            home=home,
            database_url=reader.database_url(home),
            host=host,
            port=reader.port("PILOTAGE_PORT", 8000),
            mqtt_host=mqtt_host,
            mqtt_port=mqtt_port,
            broker_url=reader.broker_url(f"mqtt://{_bracketed(mqtt_host)}:{mqtt_port}"),
            outside_broker=bool(env.get("PILOTAGE_BROKER_URL")),
            secret_key=secret,
            broker_username=reader.text("PILOTAGE_BROKER_USERNAME", "pilotage-service"),
            broker_password=reader.text("PILOTAGE_BROKER_PASSWORD", derived_key(secret, "broker").hex()),
            broker_dynsec=reader.dynsec("PILOTAGE_BROKER_DYNSEC"),
            broker_admin_username=reader.text("PILOTAGE_BROKER_ADMIN_USERNAME", ""),
            broker_admin_password=reader.text("PILOTAGE_BROKER_ADMIN_PASSWORD", ""),
            partitions=reader.partitions("PILOTAGE_PARTITIONS", f"0-{PARTITIONS - 1}"),
            worker_name=reader.topic_level("PILOTAGE_WORKER_NAME", _host_name()),
            flush_messages=reader.whole("PILOTAGE_FLUSH_MESSAGES", 500, at_least=1),
            flush_ms=reader.whole("PILOTAGE_FLUSH_MS", 50, at_least=1),
            coverage_factor=reader.real("PILOTAGE_COVERAGE_FACTOR", 2.0, above=0.0),
            separation_horizontal_m=reader.real("PILOTAGE_SEPARATION_HORIZONTAL_M", 150.0, at_least=0.0),
            separation_vertical_m=reader.real("PILOTAGE_SEPARATION_VERTICAL_M", 30.0, at_least=0.0),
            separation_look_ahead_s=reader.real("PILOTAGE_SEPARATION_LOOK_AHEAD_S", 30.0, at_least=0.0),
            approach_reach_m=reader.real("PILOTAGE_APPROACH_REACH_M", 300.0, at_least=0.0),
            approach_height_m=reader.real("PILOTAGE_APPROACH_HEIGHT_M", 50.0, at_least=0.0),
            approach_road_active_s=reader.real("PILOTAGE_APPROACH_ROAD_ACTIVE_S", 30.0, at_least=0.0),
            ground_elevation_m=reader.optional_real("PILOTAGE_GROUND_ELEVATION_M"),
            geoid_undulation_m=reader.optional_real("PILOTAGE_GEOID_UNDULATION_M"),
            public_delay_s=reader.real("PILOTAGE_PUBLIC_DELAY_S", 30.0, at_least=0.0),
            public_snap_m=reader.real("PILOTAGE_PUBLIC_SNAP_M", 50.0, above=0.0),
            public_rest_s=reader.real("PILOTAGE_PUBLIC_REST_S", 1_800.0, at_least=0.0),
            tile_url=env.get("PILOTAGE_TILE_URL") or None,
            tile_attribution=reader.text("PILOTAGE_TILE_ATTRIBUTION", ""),
            map_approval_number=reader.text("PILOTAGE_MAP_APPROVAL_NUMBER", ""),
            public_url=reader.public_url("PILOTAGE_PUBLIC_URL", host, trusted_proxies),
            locale=reader.choice("PILOTAGE_LOCALE", Locale.CHINESE, Locale),
            alert_escalation_s=reader.real("PILOTAGE_ALERT_ESCALATION_S", 300.0, above=0.0),
            link_lost_after_s=reader.real("PILOTAGE_LINK_LOST_AFTER_S", 30.0, at_least=5.0),
            keep_samples_days=reader.whole("PILOTAGE_KEEP_SAMPLES_DAYS", 430, at_least=SHORTEST_KEPT_DAYS),
            archive_directory=reader.directory("PILOTAGE_ARCHIVE", home / "archive"),
            log_level=reader.log_level("PILOTAGE_LOG_LEVEL", "INFO"),
            web_threads=reader.whole("PILOTAGE_WEB_THREADS", 64, at_least=2),
            demo=reader.flag("PILOTAGE_DEMO", default=False),
            demo_disobedient=reader.names("PILOTAGE_DEMO_DISOBEDIENT"),
            demo_silent=reader.names("PILOTAGE_DEMO_SILENT"),
            second_factor_required=reader.flag("PILOTAGE_SECOND_FACTOR_REQUIRED", default=True),
            trusted_proxies=trusted_proxies,
            openid=reader.openid("PILOTAGE_OIDC_ISSUER"),
            mail=reader.mail("PILOTAGE_SMTP_URL"),
            webhook_networks=reader.networks("PILOTAGE_WEBHOOK_NETWORKS"),
        )
        reader.finish()
        return settings

    @property
    def broker_host(self) -> str:
        """Host of `broker_url`."""
        return urlsplit(self.broker_url).hostname or ""

    @property
    def broker_port(self) -> int:
        """Port of `broker_url`; 1883, or 8883 with TLS, when it names none."""
        parts = urlsplit(self.broker_url)
        return parts.port or _BROKER_SCHEMES[parts.scheme]

    @property
    def broker_tls(self) -> bool:
        """Whether the broker is spoken to over TLS (`mqtts`)."""
        return urlsplit(self.broker_url).scheme == "mqtts"

    @property
    def local_url(self) -> str:
        """The web server's address for a browser on this machine."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104  compared, not bound
        return f"http://{_bracketed(host)}:{self.port}"

    def key_for(self, purpose: str) -> bytes:
        """A 256-bit key of its own for one purpose, e.g. `session` or `pseudonym`."""
        return derived_key(self.secret_key, purpose)


def home_of(env: Mapping[str, str]) -> Path:
    """The directory of everything that this installation keeps (PILOTAGE_HOME)."""
    return Path(env.get("PILOTAGE_HOME") or ".pilotage").expanduser().absolute()


def is_this_machine(host: str) -> bool:
    """Whether a host name or address is this machine's own: plain HTTP to it crosses no network."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def derived_key(secret: str, purpose: str) -> bytes:
    """HMAC-SHA256 of the purpose: knowing one derived key tells nothing of another or of the secret."""
    return hmac.digest(secret.encode(), f"pilotage:{purpose}".encode(), hashlib.sha256)


def ensure_secret(home: Path) -> Path:
    """Create `home`/secret.key (mode 0600) unless it exists; safe against a second process doing the same."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / SECRET_FILE
    if path.exists():
        return path
    # mkstemp creates with mode 0600; the hard link makes the whole file appear at once, or fails.
    descriptor, name = tempfile.mkstemp(dir=home, prefix=SECRET_FILE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(name)
    except FileExistsError:
        pass  # the other process won: its secret is the one that counts
    finally:
        Path(name).unlink()
    return path


def _host_name() -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in socket.gethostname()) or "worker"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Reader:
    """Reads single settings and remembers what is wrong with them; a bad one reads as its default."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._problems: list[str] = []

    def finish(self) -> None:
        """Raise SettingsError if anything was wrong."""
        if self._problems:
            raise SettingsError(self._problems)

    def text(self, name: str, default: str) -> str:
        return self._env.get(name) or default

    def names(self, name: str) -> tuple[str, ...]:
        """Names with commas between them."""
        return tuple(part.strip() for part in self._env.get(name, "").split(",") if part.strip())

    def whole(self, name: str, default: int, *, at_least: int) -> int:
        return self._parsed(name, default, int, "a whole number", lambda n: n >= at_least, f"at least {at_least}")

    def directory(self, name: str, default: Path) -> Path:
        return Path(self._env.get(name) or default).expanduser().absolute()

    def port(self, name: str, default: int) -> int:
        return self._parsed(name, default, int, "a whole number", lambda n: 0 < n < 2**16, "between 1 and 65535")

    def real(self, name: str, default: float, *, above: float | None = None, at_least: float | None = None) -> float:
        def fits(value: float) -> bool:
            return math.isfinite(value) and (above is None or value > above) and (at_least is None or value >= at_least)

        bound = f"above {above:g}" if above is not None else f"at least {at_least:g}"
        return self._parsed(name, default, float, "a number", fits, bound)

    def optional_real(self, name: str) -> float | None:
        if not self._env.get(name):
            return None
        return self._parsed(name, math.nan, float, "a number", math.isfinite, "finite")

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._env.get(name, "").lower()
        if value and value not in _TRUE | _FALSE:
            self._problem(name, "must be true or false")
        return value in _TRUE if value else default

    def choice(self, name: str, default: Locale, kind: type[Locale]) -> Locale:
        listed = ", ".join(kind)
        return self._parsed(name, default, kind, f"one of {listed}", lambda _: True, "")

    def log_level(self, name: str, default: str) -> str:
        levels = ", ".join(sorted(_LOG_LEVELS))
        return self._parsed(name, default, str.upper, "text", _LOG_LEVELS.__contains__, f"one of {levels}")

    def topic_level(self, name: str, default: str) -> str:
        def fits(value: str) -> bool:
            return value.isprintable() and not set(value) & set("/+#")

        return self._parsed(name, default, str, "text", fits, "printable, without /, + and #: it is part of topics")

    def partitions(self, name: str, default: str) -> tuple[int, ...]:
        def parse(text: str) -> tuple[int, ...]:
            found: set[int] = set()
            for part in text.split(","):
                first, dash, last = part.strip().partition("-")
                found.update(range(int(first), min(int(last if dash else first), PARTITIONS) + 1))
            return tuple(sorted(found))

        def fits(found: tuple[int, ...]) -> bool:
            return bool(found) and found[0] >= 0 and found[-1] < PARTITIONS

        meaning = "ranges such as 0-31,40"
        return self._parsed(name, parse(default), parse, meaning, fits, f"within 0-{PARTITIONS - 1} and not empty")

    def database_url(self, home: Path) -> str:
        url = self._env.get("PILOTAGE_DATABASE_URL") or f"sqlite:///{home / 'pilotage.sqlite3'}"
        scheme = url.partition(":")[0]
        if scheme in {"postgresql", "postgres"}:
            return f"postgresql+psycopg{url[len(scheme) :]}"
        if scheme not in {"sqlite", "postgresql+psycopg"}:
            self._problem("PILOTAGE_DATABASE_URL", "must begin with sqlite: or postgresql:")
        return url

    def public_url(self, name: str, host: str, proxies: TrustedProxies) -> str | None:
        """Needed by whoever can be reached from elsewhere: else a caller would say where QR codes lead."""
        if not self._env.get(name) and (proxies != TrustedProxies() or not is_this_machine(host)):
            self._problem(name, "is needed with PILOTAGE_TRUSTED_PROXIES, and unless PILOTAGE_HOST is this machine")
        return self.web_address(name)

    def web_address(self, name: str) -> str | None:
        text = self._env.get(name, "").rstrip("/")
        parts = urlsplit(text)
        if text and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
            self._problem(name, "must be http://host or https://host, with a path at most")
        return text or None

    def broker_url(self, default: str) -> str:
        name = "PILOTAGE_BROKER_URL"
        url = self._env.get(name) or default
        parts = urlsplit(url)
        if parts.scheme not in _BROKER_SCHEMES or not parts.hostname or not _has_valid_port(parts):
            self._problem(name, "must be mqtt://host:port or mqtts://host:port")
        elif parts.username or parts.password:
            self._problem(name, "must carry no user: set PILOTAGE_BROKER_USERNAME and PILOTAGE_BROKER_PASSWORD")
        return url

    def proxies(self, name: str) -> TrustedProxies:
        meaning, bound = "a number of proxies, or their addresses and networks", f"at most {_MOST_PROXIES}"
        parse = TrustedProxies.parse
        return self._parsed(name, TrustedProxies(), parse, meaning, lambda found: found.count <= _MOST_PROXIES, bound)

    def openid(self, name: str) -> OpenIdProvider | None:
        """The provider, when an issuer is named."""
        issuer = self._env.get(name, "").rstrip("/")
        if not issuer:
            return None
        parts = urlsplit(issuer)
        is_near = parts.scheme == "http" and is_this_machine(parts.hostname or "")
        if not parts.hostname or not (parts.scheme == "https" or is_near):
            self._problem(name, "must be the https address of the provider")
        needed = ("PILOTAGE_OIDC_CLIENT_ID", "PILOTAGE_OIDC_CLIENT_SECRET")
        for other in needed:
            if not self._env.get(other):
                self._problem(other, f"is needed with {name}")
        client_id, client_secret = (self._env.get(other, "") for other in needed)
        return OpenIdProvider(issuer, client_id, client_secret, self.text("PILOTAGE_OIDC_NAME", parts.hostname or ""))

    def mail(self, name: str) -> MailServer | None:
        """The mail server, when one is named."""
        parts = urlsplit(self._env.get(name, ""))
        if not parts.geturl():
            return None
        if (
            parts.scheme not in _SMTP_SCHEMES
            or not parts.hostname
            or parts.path.strip("/")
            or not _has_valid_port(parts)
        ):
            self._problem(name, "must be smtp://user:password@host:port or smtps://...")
            return None
        sender = self._env.get("PILOTAGE_MAIL_FROM", "")
        if not _MAIL_ADDRESS.fullmatch(sender):
            self._problem("PILOTAGE_MAIL_FROM", f"is needed with {name}: an e-mail address")
        return MailServer(
            host=parts.hostname,
            port=parts.port or _SMTP_SCHEMES[parts.scheme],
            tls=parts.scheme == "smtps",
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
        )

    def networks(self, name: str) -> tuple[Network, ...]:
        def parse(text: str) -> tuple[Network, ...]:
            return tuple(ip_network(part.strip()) for part in text.split(","))

        return self._parsed(name, (), parse, "networks such as 10.20.0.0/16,fd00::/8", lambda _: True, "")

    def dynsec(self, name: str) -> bool:
        wanted = self.flag(name, default=False)
        needed = ("PILOTAGE_BROKER_URL", "PILOTAGE_BROKER_ADMIN_USERNAME", "PILOTAGE_BROKER_ADMIN_PASSWORD")
        missing = [other for other in needed if not self._env.get(other)]
        if wanted and missing:
            self._problem(name, f"needs {', '.join(missing)}")
        return wanted

    def secret(self, home: Path) -> str:
        name = "PILOTAGE_SECRET_KEY"
        value, origin = self._env.get(name, ""), name
        if not value:
            value, origin = _read_secret(home / SECRET_FILE), str(home / SECRET_FILE)
        if not value:
            self._problem(name, f"is not set and {origin} does not exist")
        elif len(value) < _MINIMUM_SECRET_CHARACTERS:
            self._problem(origin, f"must have at least {_MINIMUM_SECRET_CHARACTERS} characters")
        return value

    def _parsed(  # noqa: PLR0917 -- private, and read as a sentence at each call
        self, name: str, default: _T, parse: Callable[[str], _T], meaning: str, fits: Callable[[_T], bool], bound: str
    ) -> _T:
        text = self._env.get(name)
        if not text:
            return default
        try:
            value = parse(text)
        except ValueError:
            self._problem(name, f"must be {meaning}, not {text!r}")
            return default
        if not fits(value):
            self._problem(name, f"must be {bound}, not {text!r}")
            return default
        return value

    def _problem(self, name: str, what: str) -> None:
        self._problems.append(f"{name} {what}")


def _read_secret(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def _has_valid_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False

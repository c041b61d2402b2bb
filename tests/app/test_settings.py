from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import Locale, Settings, ensure_secret, home_of

SECRET = "s" * 32
ROOT = Path(__file__).parents[2]


def read(**env: str) -> Settings:
    return Settings.from_environment({"PILOTAGE_SECRET_KEY": SECRET, **env})


def test_only_the_secret_is_needed() -> None:
    settings = read(PILOTAGE_HOME="/srv/pilotage")
    assert settings.database_url == "sqlite:////srv/pilotage/pilotage.sqlite3"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.broker_host, settings.broker_port, settings.broker_tls) == ("127.0.0.1", 1883, False)
    assert settings.partitions == tuple(range(64))
    assert settings.ground_elevation_m is None
    assert settings.locale is Locale.CHINESE
    assert not settings.outside_broker
    assert not settings.demo


def test_without_a_secret_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"PILOTAGE_SECRET_KEY is not set and .*secret\.key does not exist"):
        Settings.from_environment({"PILOTAGE_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "reachable",
    [
        {"PILOTAGE_HOST": "0.0.0.0"},  # noqa: S104 -- read, not bound
        {"PILOTAGE_HOST": "::"},
        {"PILOTAGE_HOST": "10.0.0.5"},
        {"PILOTAGE_HOST": "pilots.example.cn"},
        {"PILOTAGE_TRUSTED_PROXIES": "1"},
        {"PILOTAGE_TRUSTED_PROXIES": "10.0.0.0/8"},
    ],
)
def test_whoever_can_be_reached_says_under_which_address(reachable: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="PILOTAGE_PUBLIC_URL is needed"):
        read(**reachable)
    assert read(**reachable, PILOTAGE_PUBLIC_URL="https://pilots.example.cn").public_url == "https://pilots.example.cn"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_alone_needs_no_public_address(host: str) -> None:
    assert read(PILOTAGE_HOST=host).public_url is None


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(
            {
                "PILOTAGE_SECRET_KEY": "short",
                "PILOTAGE_PORT": "0",
                "PILOTAGE_FLUSH_MS": "soon",
                "PILOTAGE_PARTITIONS": "5-99999999999",
                "PILOTAGE_DATABASE_URL": "mysql://host",
                "PILOTAGE_BROKER_URL": "http://host",
                "PILOTAGE_LOCALE": "fr",
                "PILOTAGE_DEMO": "perhaps",
                "PILOTAGE_GROUND_ELEVATION_M": "nan",
                "PILOTAGE_WORKER_NAME": "a/b",
                "PILOTAGE_COVERAGE_FACTOR": "0",
                "PILOTAGE_LOG_LEVEL": "loud",
            }
        )
    named = {problem.split()[0] for problem in caught.value.problems}
    assert len(named) == len(caught.value.problems) == 12


def test_driving_the_brokers_accounts_needs_an_outside_broker_and_its_administrator() -> None:
    with pytest.raises(
        SettingsError, match=r"PILOTAGE_BROKER_DYNSEC needs PILOTAGE_BROKER_URL, .*_USERNAME, .*_PASSWORD"
    ):
        read(PILOTAGE_BROKER_DYNSEC="true")
    settings = read(
        PILOTAGE_BROKER_DYNSEC="true",
        PILOTAGE_BROKER_URL="mqtt://broker",
        PILOTAGE_BROKER_ADMIN_USERNAME="admin",
        PILOTAGE_BROKER_ADMIN_PASSWORD="root-secret",
    )
    assert settings.broker_dynsec
    assert "root-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "partitions"), [("3", (3,)), ("0-2,5", (0, 1, 2, 5)), ("63", (63,)), (" 1 , 1-2 ", (1, 2))]
)
def test_partitions(text: str, partitions: tuple[int, ...]) -> None:
    assert read(PILOTAGE_PARTITIONS=text).partitions == partitions


@pytest.mark.parametrize("text", ["64", "-1", "2-1", "a", "1-", "1,,2"])
def test_bad_partitions(text: str) -> None:
    with pytest.raises(SettingsError):
        read(PILOTAGE_PARTITIONS=text)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_with_psycopg(scheme: str) -> None:
    assert read(PILOTAGE_DATABASE_URL=f"{scheme}://u@h/d").database_url == "postgresql+psycopg://u@h/d"


def test_an_outside_broker() -> None:
    settings = read(PILOTAGE_BROKER_URL="mqtts://broker.example")
    assert (settings.broker_host, settings.broker_port, settings.broker_tls) == ("broker.example", 8883, True)
    assert settings.outside_broker


@pytest.mark.parametrize("url", ["mqtt://user:pw@host", "mqtt://host:99999", "host:1883", "mqtt://"])
def test_bad_broker_urls(url: str) -> None:
    with pytest.raises(SettingsError):
        read(PILOTAGE_BROKER_URL=url)


def test_the_broker_password_follows_from_the_secret() -> None:
    assert read().broker_password == read().broker_password
    assert read().broker_password != read(PILOTAGE_SECRET_KEY="t" * 32).broker_password
    assert read(PILOTAGE_BROKER_PASSWORD="pw").broker_password == "pw"
    assert read().key_for("session") != read().key_for("pseudonym")


def test_no_secret_shows() -> None:
    settings = read(PILOTAGE_DATABASE_URL="postgresql://u:dbpw@h/d", PILOTAGE_BROKER_PASSWORD="mqttpw")
    assert not re.search(f"dbpw|mqttpw|{SECRET}", repr(settings))


def test_the_secret_file_is_made_once_and_private(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: ensure_secret(home), range(16)))
    assert {path.read_text() for path in paths} == {paths[0].read_text()}
    assert paths[0].stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["secret.key"]
    assert Settings.from_environment({"PILOTAGE_HOME": str(home)}).secret_key == paths[0].read_text()


def test_home_is_absolute() -> None:
    assert home_of({}) == Path.cwd() / ".pilotage"


def test_every_setting_is_documented() -> None:
    in_code = set(re.findall(r"PILOTAGE_[A-Z_]+", (ROOT / "app/settings.py").read_text()))
    rows = re.findall(r"^\| `(PILOTAGE_[A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), flags=re.MULTILINE)
    assert sorted(rows) == sorted(in_code)


def test_a_mail_server_has_a_sender_and_shows_no_password() -> None:
    url = "smtp://duty%40city:p%3Ass@mail.example:2525"
    mail = read(PILOTAGE_SMTP_URL=url, PILOTAGE_MAIL_FROM="pilotage@city.example").mail
    assert mail is not None
    assert (mail.host, mail.port, mail.tls) == ("mail.example", 2525, False)
    assert (mail.username, mail.password, mail.sender) == ("duty@city", "p:ss", "pilotage@city.example")
    assert "p:ss" not in repr(mail)
    encrypted = read(PILOTAGE_SMTP_URL="smtps://mail.example", PILOTAGE_MAIL_FROM="pilotage@city.example").mail
    assert encrypted is not None
    assert (encrypted.port, encrypted.tls) == (465, True)
    assert read().mail is None


@pytest.mark.parametrize(
    "env",
    [
        {"PILOTAGE_SMTP_URL": "http://mail.example", "PILOTAGE_MAIL_FROM": "a@b.example"},
        {"PILOTAGE_SMTP_URL": "smtp://mail.example:99999", "PILOTAGE_MAIL_FROM": "a@b.example"},
        {"PILOTAGE_SMTP_URL": "smtp://", "PILOTAGE_MAIL_FROM": "a@b.example"},
        {"PILOTAGE_SMTP_URL": "smtp://mail.example"},
        {"PILOTAGE_SMTP_URL": "smtp://mail.example", "PILOTAGE_MAIL_FROM": "City <a@b.example>"},
        {"PILOTAGE_WEBHOOK_NETWORKS": "10.0.0.1/8"},
        {"PILOTAGE_WEBHOOK_NETWORKS": "everywhere"},
    ],
)
def test_bad_settings_of_notification(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        read(**env)


def test_networks_of_webhooks() -> None:
    networks = read(PILOTAGE_WEBHOOK_NETWORKS="10.20.0.0/16, fd00::/8").webhook_networks
    assert [str(network) for network in networks] == ["10.20.0.0/16", "fd00::/8"]
    assert read().webhook_networks == ()

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import telemetry.agent.run
from app.cli import main
from app.database import changing_session, migrate, open_engine, reading_session
from app.models import Role
from app.services.tokens import token_in_force
from app.services.users import authenticate
from app.showcase.seed import seed
from telemetry.agent.run import AgentOptions
from telemetry.agent.tracks import Declared
from telemetry.clock import system_clock
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer

COMMANDS = {
    "up",
    "broker",
    "ingest",
    "web",
    "demo",
    "simulate",
    "agent",
    "archive",
    "replay",
    "retain",
    "migrate",
    "token",
    "user",
    "verify",
}


def test_every_command_explains_itself() -> None:
    assert set(main.commands) == COMMANDS
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0
        assert len(result.output.splitlines()) >= 5


def test_the_agents_options_reach_the_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[AgentOptions] = []

    def remember(options: AgentOptions, **_: Any) -> int:
        seen.append(options)
        return 3

    monkeypatch.setattr(telemetry.agent.run, "run_agent", remember)
    track = tmp_path / "drive.gpx"
    track.touch()
    arguments = "--broker mqtt://b:1 --vehicle QH-1 --password p --speed inf --original-times --accuracy 2.5 "
    arguments += "--vertical-accuracy 3 --datum AMSL --mode minimal_risk --safety-officer remote --officer SO-1 "
    arguments += f"--passengers 2 --timeout 5 --track {track}"
    result = CliRunner().invoke(main, ["agent", *arguments.split()])
    assert result.exit_code == 3, result.output
    declared = Declared(2.5, 3.0, AltitudeDatum.AMSL, Mode.MINIMAL_RISK, SafetyOfficer.REMOTE, "SO-1", 2)
    assert seen == [
        AgentOptions(
            broker_url="mqtt://b:1",
            vehicle_id="QH-1",
            password="p",
            ring_path=Path("QH-1.ring"),
            track=track,
            speed=math.inf,
            original_times=True,
            declared=declared,
            timeout_s=5.0,
        )
    ]


def test_a_track_that_cannot_be_read_is_a_plain_message(tmp_path: Path) -> None:
    track = tmp_path / "broken.csv"
    track.write_text("time,lon,lat\nyesterday,1,2\n")
    ring = str(tmp_path / "ring")
    arguments = ["agent", "--vehicle", "QH-1", "--password", "p", "--ring", ring, "--track", str(track)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "broken.csv, line 2" in result.output


def test_all_problems_of_the_settings_are_told_at_once(tmp_path: Path) -> None:
    env = {"PILOTAGE_HOME": str(tmp_path), "PILOTAGE_PORT": "x", "PILOTAGE_FLUSH_MS": "0", "PILOTAGE_SECRET_KEY": None}
    result = CliRunner().invoke(main, ["migrate"], env=env)
    assert result.exit_code == 1
    assert "PILOTAGE_PORT" in result.output
    assert "PILOTAGE_FLUSH_MS" in result.output


def test_replaying_an_empty_installation_finds_no_difference(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'pilotage.sqlite3'}")
    migrate(engine)
    engine.dispose()
    result = CliRunner().invoke(main, ["replay", "--check"], env={"PILOTAGE_HOME": str(tmp_path)})
    assert result.exit_code == 0
    assert "0 samples judged again, 0 differences" in result.output


def test_replaying_an_unknown_vehicle_is_a_plain_message(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'pilotage.sqlite3'}")
    migrate(engine)
    engine.dispose()
    arguments = ["replay", "--check", "--vehicle", "NOBODY"]
    result = CliRunner().invoke(main, arguments, env={"PILOTAGE_HOME": str(tmp_path)})
    assert result.exit_code == 1
    assert "Error: no vehicle NOBODY" in result.output


def test_a_token_is_printed_once_and_belongs_to_its_user(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'pilotage.sqlite3'}")
    migrate(engine)
    with changing_session(engine) as session:
        seed(session, system_clock())
    env = {"PILOTAGE_HOME": str(tmp_path)}
    result = CliRunner().invoke(main, ["token", "regulator@pilotage.example"], env=env)
    assert result.exit_code == 0, result.output
    with reading_session(engine) as session:
        issued = token_in_force(session, result.output.strip(), now_ms=system_clock())
        assert issued is not None
        assert issued.user.email == "regulator@pilotage.example"
    engine.dispose()
    assert CliRunner().invoke(main, ["token", "nobody@pilotage.example"], env=env).exit_code == 1


@pytest.mark.parametrize(("arguments", "scopes"), [((), 4), (("--scope", "read"), 1)])
def test_a_token_has_the_scopes_that_were_asked_for(tmp_path: Path, arguments: tuple[str, ...], scopes: int) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'pilotage.sqlite3'}")
    migrate(engine)
    env = {"PILOTAGE_HOME": str(tmp_path)}
    assert CliRunner().invoke(main, ["user", "create", "--email", "a@city.example"], env=env).exit_code == 0
    result = CliRunner().invoke(main, ["token", "a@city.example", *arguments], env=env)
    with reading_session(engine) as session:
        issued = token_in_force(session, result.output.strip(), now_ms=system_clock())
        assert issued is not None
        assert len(issued.scopes) == scopes
    engine.dispose()


def test_the_first_administrator_is_made_on_the_command_line(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'pilotage.sqlite3'}")
    migrate(engine)
    env = {"PILOTAGE_HOME": str(tmp_path)}
    made = CliRunner().invoke(main, ["user", "create", "--email", "Admin@city.example"], env=env)
    assert made.exit_code == 0, made.output
    asked = ["user", "create", "--email", "b@city.example", "--ask-password"]
    assert CliRunner().invoke(main, asked, env=env, input="a good password\na good password\n").exit_code == 0
    with reading_session(engine) as session:
        first = authenticate(session, "admin@city.example", made.output.strip())
        second = authenticate(session, "b@city.example", "a good password")
        assert first is not None
        assert second is not None
        assert (first.role, first.must_change_password) == (Role.ADMINISTRATOR, True)
        assert not second.must_change_password
    engine.dispose()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--email", "nothing"),
        ("--email", "a@b", "--role", "regulator"),
        ("--email", "a@b", "--role", "regulator", "--jurisdiction", "MOON"),
        ("--email", "a@b", "--role", "operator_staff"),
        ("--email", "a@b", "--role", "operator_staff", "--organisation", "NOBODY"),
    ],
)
def test_a_user_that_does_not_fit_is_a_plain_message(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'pilotage.sqlite3'}")
    migrate(engine)
    engine.dispose()
    result = CliRunner().invoke(main, ["user", "create", *arguments], env={"PILOTAGE_HOME": str(tmp_path)})
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


@pytest.mark.parametrize(
    "command",
    [
        ["verify", "audit"],
        ["token", "a@b.example"],
        ["user", "create", "--email", "a@b.example"],
        ["replay", "--check"],
    ],
)
def test_a_database_without_tables_is_told_in_a_line(command: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(main, command, env={"PILOTAGE_HOME": str(tmp_path)})
    assert result.exit_code == 1
    assert "run `pilotage migrate` first" in result.output
    assert isinstance(result.exception, SystemExit)

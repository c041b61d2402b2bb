"""The command line. Each command reads the settings, wires one process and runs it.

What a command needs is imported inside it: `pilotage agent` on a vehicle's computer shall not wait
for the web server's libraries.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.errors import AppError, SettingsError
from app.settings import Settings, ensure_secret, home_of
from app.supervisor import die_with_supervisor
from telemetry.errors import TelemetryError

if TYPE_CHECKING:
    from datetime import datetime

    from telemetry.agent.run import AgentOptions


SCOPES = ("read", "write", "decide", "users")
ROLES = ("administrator", "regulator", "operator_manager", "operator_staff", "auditor")


class _Commands(click.Group):
    """Commands whose expected failures are told in a line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (AppError, TelemetryError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Pilotage runs the trials of self-driving vehicles and eVTOLs in a city."""
    die_with_supervisor()


@main.command()
def up() -> None:
    """Embedded broker, ingest worker and web server under one supervisor."""
    from app.installation import run_installation

    sys.exit(run_installation(_settings(), os.environ))


@main.command()
def demo() -> None:
    """The installation with the illustrative Qianhai showcase and a simulated fleet."""
    from app.demo import run_demo

    sys.exit(run_demo(os.environ))


@main.command()
def broker() -> None:
    """The embedded MQTT broker alone."""
    from app.processes import run_embedded_broker

    run_embedded_broker(_settings())


@main.command()
def ingest() -> None:
    """One ingest worker; any number may run, each with its own PILOTAGE_WORKER_NAME and PILOTAGE_PARTITIONS."""
    from app.processes import run_ingest

    run_ingest(_settings())


@main.command()
def web() -> None:
    """The web server alone."""
    from app.web.server import run_web

    run_web(_settings())


@main.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from app.processes import run_migration

    run_migration(_settings())


@main.command()
@click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The vehicles' credentials.  [default: PILOTAGE_HOME/fleet.json]",
)
@click.option(
    "--vehicles", type=click.IntRange(1, 10_000), help="A synthetic fleet of this size instead of the showcase's."
)
@click.option("--rate", "rate_hz", type=click.FloatRange(0.1, 50.0), help="Samples a second of each vehicle.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed drives the same way.")
def simulate(fleet: Path | None, vehicles: int | None, rate_hz: float | None, seed: int) -> None:
    """Drive and fly the showcase's fleet, with its scripted breaches."""
    from app.simulator.process import run_simulation

    settings = _settings()
    run_simulation(settings, fleet or settings.home / "fleet.json", vehicles=vehicles, rate_hz=rate_hz, seed=seed)


@main.command()
@click.argument("email")
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="How long it is good for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    help="What it may be used for; may be repeated.  [default: everything that EMAIL may]",
)
def token(email: str, name: str, days: int, scopes: tuple[str, ...]) -> None:
    """Print a new bearer token of the user EMAIL for the API. It is shown this once."""
    from app.processes import issue_api_token

    click.echo(issue_api_token(_settings(), email, name=name, days=days, scopes=scopes or SCOPES))


@main.group()
def user() -> None:
    """The people who log in.

    Everything else about them is done in the browser, by an administrator.
    """


@user.command("create")
@click.option("--email", required=True, help="The user logs in with it.")
@click.option("--role", type=click.Choice(ROLES), default="administrator", show_default=True)
@click.option("--name", help="As colleagues know them.  [default: the e-mail address]")
@click.option("--organisation", help="Code of the organisation; operators need one.")
@click.option("--jurisdiction", "jurisdictions", multiple=True, help="Code of one; regulators need one or more.")
@click.option("--ask-password", is_flag=True, help="Ask for the password instead of making a temporary one.")
def create_user(
    email: str,
    role: str,
    name: str | None,
    organisation: str | None,
    jurisdictions: tuple[str, ...],
    *,
    ask_password: bool,
) -> None:
    """Create a user: the first administrator of a new installation.

    Without --ask-password a temporary password is printed, this once; it is changed at the first login.
    """
    from app.administration import create_account

    password = click.prompt("Password", hide_input=True, confirmation_prompt=True) if ask_password else None
    made = create_account(
        _settings(),
        email=email,
        role=role,
        display_name=name or email,
        organisation=organisation,
        jurisdictions=jurisdictions,
        password=password,
    )
    if made is not None:
        click.echo(made)


@main.group(invoke_without_command=True)
@click.option(
    "--bundle", "bundles", type=click.Path(exists=True, path_type=Path), multiple=True, help="Check this bundle, too."
)
@click.pass_context
def verify(context: click.Context, bundles: tuple[Path, ...]) -> None:
    """Checks of what is stored: of everything, or of one part by the commands below.

    Exits with status 1 when something is wrong.
    """
    from app.seal_command import run_all_checks

    if context.invoked_subcommand is None:
        sys.exit(run_all_checks(_settings(), bundles, report=click.echo))


@verify.command("audit")
@click.option("--expect", metavar="NUMBER:HASH", help="An entry that was written down: it must be there, unchanged.")
def verify_audit(expect: str | None) -> None:
    """Say whether the audit log was altered, and where.

    Prints number and hash of its newest entry, to be kept elsewhere for --expect.
    """
    from app.administration import run_audit_check

    sys.exit(run_audit_check(_settings(), expect, report=click.echo))


@verify.command("samples")
@click.option("--since", metavar="TIME", help="Samples from here on, e.g. 2026-11-22T08:00+08:00 (no offset: UTC).")
@click.option("--until", metavar="TIME", help="Samples before this time.")
def verify_samples(since: str | None, until: str | None) -> None:
    """Say whether stored samples or their seals were altered, and which.

    Chains of seals are followed from end to end in any case.
    """
    from app.seal_command import run_seal_check

    sys.exit(run_seal_check(_settings(), since, until, report=click.echo))


@verify.command("archive")
def verify_archive() -> None:
    """Say whether the files of archived days are there and as they were written, and what in them was altered."""
    from app.seal_command import run_archive_check

    sys.exit(run_archive_check(_settings(), report=click.echo))


@main.command()
def retain() -> None:
    """Move days of samples that were kept long enough into the archive; the web server does it every day."""
    from app.seal_command import run_retention

    run_retention(_settings(), report=click.echo)


@main.group()
def archive() -> None:
    """Days of samples that have left the database."""


@archive.command("restore")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="How long it stays.")
def archive_restore(day: datetime, days: int) -> None:
    """Bring a day (UTC) back into the database for a time: for trails, replays and evidence bundles.

    It leaves again by itself; its files stay as they are. Asked for again, it stays longer.
    """
    from app.seal_command import run_restore

    run_restore(_settings(), day.date(), days, report=click.echo)


@verify.command("bundle")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--expect", metavar="NUMBER:HASH", help="An anchoring entry of the audit log that was written down.")
@click.option("--sha256", metavar="HASH", help="The bundle's, as the platform's record names it.")
def verify_bundle(file: Path, expect: str | None, sha256: str | None) -> None:
    """Say whether an evidence bundle was altered, and where.

    FILE is the ZIP archive, or the folder that it was unpacked to. Needs no database: the bundle's own
    verify.py does the same.
    """
    from app.evidence.verify import run

    sys.exit(run(str(file), expect, sha256, report=click.echo))


@main.command()
@click.option("--check", is_flag=True, required=True, help="Judge what is stored once more and compare.")
@click.option("--vehicle", "vehicle_ids", multiple=True, help="Only this vehicle; may be repeated.")
def replay(*, check: bool, vehicle_ids: tuple[str, ...]) -> None:
    """Judge stored samples again; exit status 1 when any verdict or alert differs."""
    from app.processes import run_replay_check

    assert check
    sys.exit(run_replay_check(_settings(), vehicle_ids, report=click.echo))


@main.command()
@click.option(
    "--broker", "broker_url", envvar="PILOTAGE_BROKER_URL", default="mqtt://127.0.0.1:1883", show_default=True
)
@click.option("--vehicle", "vehicle_id", envvar="PILOTAGE_VEHICLE", required=True, help="The vehicle's id.")
@click.option("--password", envvar="PILOTAGE_VEHICLE_PASSWORD", required=True, help="Better given in the environment.")
@click.option("--topic", help="As handed out at registration.  [default: made from the vehicle id]")
@click.option(
    "--ring", type=click.Path(dir_okay=False, path_type=Path), help="Ring buffer on disk.  [default: VEHICLE.ring]"
)
@click.option(
    "--track",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="GPX, CSV or GeoJSON; else standard input.",
)
@click.option("--speed", type=float, default=1.0, show_default=True, help="Times the recorded pace; inf for at once.")
@click.option("--original-times", is_flag=True, help="Keep the recording's times instead of shifting them to now.")
@click.option("--accuracy", type=float, help="Declared horizontal accuracy in metres (68 %).")
@click.option("--vertical-accuracy", type=float, help="Declared vertical accuracy in metres.")
@click.option("--datum", type=click.Choice(["AGL", "AMSL", "WGS84"]), help="What the recording's altitudes mean.")
@click.option("--mode", type=click.Choice(["autonomous", "manual", "remote", "takeover", "minimal_risk"]))
@click.option("--safety-officer", type=click.Choice(["onboard", "remote", "none"]))
@click.option("--officer", "officer_id", help="Who that is.")
@click.option("--passengers", type=click.IntRange(0))
@click.option(
    "--timeout",
    "timeout_s",
    type=float,
    default=60.0,
    show_default=True,
    help="Seconds to wait for the last confirmation.",
)
def agent(**options: Any) -> None:
    """Publish a vehicle's samples: one JSON a line from standard input, or a recorded track.

    What is not confirmed as stored stays in the ring buffer and is sent again.
    """
    from telemetry.agent.run import run_agent

    try:
        status = run_agent(_agent_options(options), lines=sys.stdin.buffer, write=_write, report=_report)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)


def _settings() -> Settings:
    """The settings, with a secret made for this home where none is given."""
    if not os.environ.get("PILOTAGE_SECRET_KEY"):
        ensure_secret(home_of(os.environ))
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise click.ClickException(f"the settings cannot be used:\n{lines}") from error


def _agent_options(options: dict[str, Any]) -> AgentOptions:
    from telemetry.agent.run import AgentOptions
    from telemetry.agent.tracks import Declared
    from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer

    datum, mode, officer = (options.pop(name) for name in ("datum", "mode", "safety_officer"))
    declared = Declared(
        horizontal_accuracy_m=options.pop("accuracy"),
        vertical_accuracy_m=options.pop("vertical_accuracy"),
        altitude_datum=AltitudeDatum[datum] if datum else None,
        mode=Mode[mode.upper()] if mode else None,
        safety_officer=SafetyOfficer[officer.upper()] if officer else None,
        officer_id=options.pop("officer_id"),
        passengers=options.pop("passengers"),
    )
    ring = options.pop("ring") or Path(f"{options['vehicle_id']}.ring")
    return AgentOptions(ring_path=ring, declared=declared, **options)


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _report(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()

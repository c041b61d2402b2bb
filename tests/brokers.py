"""Real brokers on free loopback ports, for tests and benchmarks: context managers, no fixtures."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from telemetry.broker import Identity, Role, run_broker
from telemetry.mqtt import BrokerAddress

SERVICE_USER = "pilotage-service"
SERVICE_PASSWORD = "service-secret"
_DEADLINE_S = 20.0

#: What a platform's mosquitto needs: nothing dropped, a flush never stalls.
PLATFORM_LINES = ("max_queued_messages 0", "max_inflight_messages 4096", "autosave_interval 1")


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Return once something accepts on the port; raise when its process ended or time is up."""
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"the broker ended with code {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


@dataclass
class Mosquitto:
    """A mosquitto process that can be killed and started again on the same port and directory."""

    directory: Path
    port: int
    config: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def address(self, username: str | None = None, password: str | None = None) -> BrokerAddress:
        """How to reach it as this user."""
        return BrokerAddress("127.0.0.1", self.port, username, password)

    def service(self) -> BrokerAddress:
        """How to reach it as the platform's own processes."""
        return self.address(SERVICE_USER, SERVICE_PASSWORD)

    def log(self) -> str:
        """What it has written so far."""
        return (self.directory / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        """Start and wait until it listens."""
        with (self.directory / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(
                [_mosquitto(), "-c", str(self.config)], stdout=log, stderr=subprocess.STDOUT
            )
        wait_for_port(self.port, self.process)

    def kill(self) -> None:
        """SIGKILL: what is not on disk is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """SIGTERM, as an operator stops it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None


@contextmanager
def mosquitto(
    directory: Path,
    *,
    users: Mapping[str, str] | None = None,
    acl: str | None = None,
    persistence: bool = False,
    extra_lines: Sequence[str] = PLATFORM_LINES,
    start: bool = True,
) -> Iterator[Mosquitto]:
    """A mosquitto of its own. With `users` nobody is anonymous; `acl` is an access file's text."""
    port = free_port()
    own_rules = users or any(line.startswith("plugin ") for line in extra_lines)
    lines = [f"listener {port} 127.0.0.1", f"allow_anonymous {'false' if own_rules else 'true'}", *extra_lines]
    lines.append(f"user {getpass.getuser()}")  # started as root, mosquitto becomes another user
    if users:
        lines.append(f"password_file {_password_file(directory, users)}")
    if acl is not None:
        (directory / "acl").write_text(acl)
        lines.append(f"acl_file {directory / 'acl'}")
    if persistence:
        lines += ["persistence true", f"persistence_location {directory}/"]
    config = directory / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n")
    broker = Mosquitto(directory, port, config)
    try:
        if start:
            broker.start()
        yield broker
    finally:
        broker.stop()


def platform_acl() -> str:
    """The rules of docs/architecture.md as a mosquitto access file."""
    return (
        f"user {SERVICE_USER}\n"
        "topic readwrite v1/#\n"
        "pattern write v1/+/%u/telemetry\n"
        "pattern write v1/+/%u/directive/ack\n"
        "pattern read v1/+/%u/committed\n"
        "pattern read v1/+/%u/directive\n"
    )


def dynamic_security_lines(directory: Path, admin: str, password: str) -> list[str]:
    """Configuration that loads mosquitto's dynamic-security plugin with one administrator."""
    state = directory / "dynamic-security.json"
    subprocess.run(["mosquitto_ctrl", "dynsec", "init", str(state), admin, password], check=True, capture_output=True)
    plugins = sorted(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    if not plugins:
        raise FileNotFoundError("mosquitto's dynamic-security plugin is not installed: apt-get install mosquitto")
    return [f"plugin {plugins[0]}", f"plugin_opt_config_file {state}"]


def _password_file(directory: Path, users: Mapping[str, str]) -> Path:
    path = directory / "passwords"
    path.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
    path.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-U", str(path)], check=True, capture_output=True)
    return path


def _mosquitto() -> str:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise FileNotFoundError("mosquitto is not installed: apt-get install mosquitto")
    return found


@dataclass(frozen=True)
class ListedCredentials:
    """Credentials from a table: everybody is a vehicle but the platform's service user."""

    passwords: Mapping[str, str]

    def verify(self, username: str, password: str) -> Identity | None:
        """The identity when the password is the listed one."""
        if self.passwords.get(username) != password:
            return None
        return Identity(username, Role.SERVICE if username == SERVICE_USER else Role.VEHICLE, password.encode())

    def marks(self, names: Collection[str]) -> Mapping[str, bytes]:
        """The passwords themselves."""
        return {name: self.passwords[name].encode() for name in names if name in self.passwords}


@contextmanager
def embedded(users: Mapping[str, str], port: int | None = None) -> Iterator[tuple[BrokerAddress, BaseProcess]]:
    """The embedded broker in a process of its own; gives the service's address and the process."""
    port = port or free_port()
    process = get_context("spawn").Process(target=run_broker, args=("127.0.0.1", port, ListedCredentials(dict(users))))
    process.start()
    try:
        wait_for_port(port)
        yield BrokerAddress("127.0.0.1", port, SERVICE_USER, SERVICE_PASSWORD), process
    finally:
        process.terminate()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()

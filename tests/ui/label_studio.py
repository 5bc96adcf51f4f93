"""A real Label Studio for one test session: its own folder, a free port of this machine, gone at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

EMAIL, PASSWORD, TOKEN = "anna@example.org", "a-test-password", "0123456789abcdef0123456789abcdef01234567"
_SETTINGS = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    # Our own server listens on this machine too, which Label Studio would not call.
    "ML_BLOCK_LOCAL_IP": "false",
    "SSRF_PROTECTION_ENABLED": "false",
}
_START = 300  # seconds until the server answers: it makes its database first


@dataclass(frozen=True)
class Process:
    """A server that was started, and where it answers."""

    url: str
    running: subprocess.Popen
    log: Path

    def stop(self) -> None:
        """End it with all that it started."""
        for kind, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            if self.running.poll() is None:
                os.killpg(self.running.pid, kind)
                try:
                    self.running.wait(seconds)
                except subprocess.TimeoutExpired:
                    continue

    def wait(self, path: str, seconds: int) -> None:
        """Until it answers; raises when it has ended or takes too long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.running.poll() is not None:
                break
            try:
                with urllib.request.urlopen(self.url + path, timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        self.stop()
        raise RuntimeError(f"no answer; the end of its log: {self.log.read_text(errors='replace')[-2000:]}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(command: list[str], *, port: int, folder: Path, path: str, settings: dict[str, str], seconds: int) -> Process:
    """Start a server in a process group of its own and wait until it answers."""
    log = folder / "server.log"
    with log.open("wb") as stream:
        running = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, **settings}, cwd=folder,
        )  # fmt: skip
    made = Process(f"http://127.0.0.1:{port}", running, log)
    made.wait(path, seconds)
    return made


def start_label_studio(environment: Path, folder: Path) -> Process:
    """Label Studio of a virtual environment, with SQLite in `folder`."""
    port = free_port()
    command = [str(environment / "bin" / "label-studio"), "start", "-b", "--data-dir", str(folder)]
    command += ["--internal-host", "127.0.0.1", "-p", str(port), "--enable-legacy-api-token"]
    command += ["--username", EMAIL, "--password", PASSWORD, "--user-token", TOKEN]
    return start(command, port=port, folder=folder, path="/health", settings=_SETTINGS, seconds=_START)

"""Real gateways, each run with the configuration that the command prints for it.

Envoy, Traefik and Caddy come from PyPI, into an environment of their own; NGINX and HAProxy from Debian, where they are
installed. What is not there is named.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest

from app.cli import main
from tests.gateways.house import House
from tests.keyed_http.parts import part, ports

PINS = Path(__file__).parent / "parts" / "gateways.txt"
PREFIX = "/data"
_START, _STOP = 30, 10
Command = Callable[[Path, Path], list[str]]


def python_part(name: str) -> str:
    return str(part("gateways", PINS).bin / name)


def _debian(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    if found is None:
        pytest.skip(f"{name} (Debian: {'nginx-light' if name == 'nginx' else name})")
    return found


def _envoy(config: Path, folder: Path) -> list[str]:
    return [python_part("envoy"), "-c", str(config), "--disable-hot-restart", "--concurrency", "1",
            "--log-level", "warning"]  # fmt: skip


def _nginx(config: Path, folder: Path) -> list[str]:
    binary = _debian("nginx")
    whole = folder / "nginx.conf"
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    user = "user root;\n" if os.geteuid() == 0 else ""
    whole.write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}"
        f"include {config};\n}}\n"
    )
    return [binary, "-c", str(whole), "-p", str(folder), "-e", str(folder / "nginx.log")]


def _haproxy(config: Path, folder: Path) -> list[str]:
    return [_debian("haproxy"), "-db", "-f", str(config)]


def _caddy(config: Path, folder: Path) -> list[str]:
    text = config.read_text()
    config.write_text(text.replace("{\n\tservers", "{\n\tadmin off\n\tservers", 1))
    return [python_part("caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]


def _traefik(config: Path, folder: Path) -> list[str]:
    """With the flags that the configuration itself tells."""
    told = [line[1:].strip() for line in config.read_text().splitlines() if line.startswith("#   --")]
    flags = [flag.replace("=customhouse.yaml", f"={config}") for flag in told]
    return [python_part("traefik"), *flags, "--global.checkNewVersion=false", "--global.sendAnonymousUsage=false"]


KINDS: dict[str, tuple[Command, str]] = {
    "envoy": (_envoy, "envoy.yaml"),
    "nginx": (_nginx, "customhouse.conf"),
    "haproxy": (_haproxy, "haproxy.cfg"),
    "caddy": (_caddy, "Caddyfile"),
    "traefik": (_traefik, "customhouse.yaml"),
}


def printed(house: House, kind: str, upstreams: Sequence[str], port: int, more: Sequence[str] = ()) -> str:
    """What the command prints; ``more`` are options of it."""
    command = ["gateway", kind, "--project", str(house.folder), "--zone", "front", "--port", str(port)]
    command += ["--prefix", PREFIX, *more]
    for url in upstreams:
        command += ["--upstream", url]
    command += ["--origin", "https://app.example", "--jwks", f"test={house.issuer.url}/jwks"]
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        assert main(command) == 0
    return out.getvalue()


@contextmanager
def gateway(
    house: House,
    kind: str,
    upstreams: Sequence[str],
    folder: Path,
    change: tuple[str, str] = ("", ""),
    more: Sequence[str] = (),
    trusting: ssl.SSLContext | None = None,
    ready: bool = True,
) -> Iterator[str]:
    """A gateway in front of processes; gives its address, prefix included. ``change`` replaces a text of what is
    printed for it, ``more`` are options of the command, ``trusting`` is of clients where it listens with TLS, ``ready``
    whether a process behind it is ready in the end; else it is waited for until it says that none is."""
    (port,) = ports(1)
    make, name = KINDS[kind]
    config = folder / name
    text = printed(house, kind, upstreams, port, more)
    assert change[0] in text
    config.write_text(text.replace(*change) if change[0] else text)
    command = make(config, folder)
    log = folder / "gateway.log"
    environ = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, env=environ, start_new_session=True)
    url = f"http://127.0.0.1:{port}{PREFIX}" if trusting is None else f"https://localhost:{port}{PREFIX}"
    try:
        _await(f"{url}/readyz", process, log, trusting, ready)
        yield url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_STOP)


def _await(
    health: str, process: subprocess.Popen[bytes], log: Path, trusting: ssl.SSLContext | None, ready: bool
) -> None:
    until = time.monotonic() + _START
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting))
    while time.monotonic() < until and process.poll() is None:
        try:
            opener.open(health, timeout=5).close()
            return
        except urllib.error.HTTPError as refused:
            refused.close()
            if not ready and refused.code >= 500:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the gateway does not answer: {log.read_text(errors='replace')[-3000:]}")

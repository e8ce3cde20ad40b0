"""Shared by the benchmarks and fault scripts: a database, users' tokens, a server, wrk, figures."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / sys.argv[1]
URL = os.environ["DATABASE_URL"]
SCRIPTS = ROOT / "target" / "bench"
SECRET = "secret of the benchmark"


def url(database: str) -> str:
    return re.sub(r"/winserve\b", f"/{database}", URL, count=1)


def psql(database_url: str, *commands: str) -> None:
    words = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database_url]
    for command in commands:
        words += ["-c", command]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def prepare(database: str, rows: str) -> None:
    """A database in phase 2 with these rows."""
    psql(URL, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database} TEMPLATE template0")
    environment = {"PATH": os.environ["PATH"], "WINSERVE__DATABASE__URL": url(database)}
    for step in ("baseline", "phase-1-expand", "phase-2-expand"):
        subprocess.run([BUILD / "backfill", "migrate", step], env=environment, check=True, stdout=subprocess.DEVNULL)
    psql(url(database), rows)
    psql(url(database), "VACUUM ANALYZE")


def drop(database: str) -> None:
    psql(URL, f"DROP DATABASE {database} WITH (FORCE)")


def signed(claims: dict, secret: str) -> str:
    def encoded(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    parts = b".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (parts + b"." + encoded(hmac.new(secret.encode(), parts, hashlib.sha256).digest())).decode()


def token(user: int) -> str:
    return signed({"sub": user, "exp": int(time.time()) + 3600}, SECRET)


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def wait_for(address: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(address).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{address} does not answer")


def serve(database: str, **variables: str) -> tuple[subprocess.Popen, str]:
    """Starts `api`; returns it and its address."""
    bind = free_address()
    environment = {"PATH": os.environ["PATH"], "WINSERVE__DATABASE__URL": url(database), "WINSERVE__SERVER__BIND": bind,
                   "WINSERVE__AUTH__LEGACY_SECRET": SECRET, "WINSERVE__LOG__FILTER": "warn", **variables}
    server = subprocess.Popen([BUILD / "api"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(f"http://{bind}/readyz")
    return server, f"http://{bind}"


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait()


def percentile(said: str, wanted: int) -> float:
    """In milliseconds."""
    value, unit = re.search(rf"^ +{wanted}%\s+([\d.]+)(us|ms|s)", said, re.MULTILINE).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(script: pathlib.Path, address: str, connections: int, seconds: int) -> tuple[float, float, float]:
    """Requests per second, and the median and 99th percentile in milliseconds."""
    words = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "-s", script, address]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(said)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), percentile(said, 50), percentile(said, 99)


class Figures:
    """Rows of the table: a scenario's figures, each with its bound."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, bool]] = []

    def add(self, what: str, figure: float, unit: str, at_most: float) -> None:
        self.rows.append((what, f"{figure:,.1f} {unit}".strip(), f"at most {at_most:,.1f}", figure <= at_most))
        self.say(self.rows[-1])

    @staticmethod
    def say(row: tuple[str, str, str, bool]) -> None:
        what, figure, bound, kept = row
        print(f"{what:<68} {figure:>16}  {bound:>18}  {'ok' if kept else 'MISSED'}", flush=True)

    def missed(self) -> list[str]:
        return [what for what, _, _, kept in self.rows if not kept]

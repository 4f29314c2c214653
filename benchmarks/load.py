"""The load: wrk with a fixed number of connections, and what it says at the end."""

import json
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16
MARK = "figures "
SCRIPT = """\
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('figures {"requests": %d, "bytes": %d, "microseconds": %d, ' ..
    '"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d, "p50": %d, "p99": %d}\\n',
    summary.requests, summary.bytes, summary.duration, errors.connect, errors.read, errors.write, errors.status,
    errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""

# What a browser sends with a click on a link: twenty fields, Host and Connection among them.
BROWSER = {
    "Connection": "keep-alive",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://shop.example/catalogue/garden?page=2",
    "Cookie": "sessionid=7r3qjv0c1m0l8yk5wq2t6d9x4b1n8z3e; csrftoken=Jq8H2v5Nw0Xc7Lr4Tb9Ys6Pd3Mf1Kg8A; theme=dark",
    "Cache-Control": "max-age=0",
    "Pragma": "no-cache",
    "Upgrade-Insecure-Requests": "1",
    "DNT": "1",
    "Priority": "u=0, i",
    "Sec-CH-UA": '"Chromium";v="148", "Not.A/Brand";v="99"',
    "Sec-CH-UA-Mobile": "?0",
    "Sec-CH-UA-Platform": '"Linux"',
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-User": "?1",
}


@dataclass(frozen=True)
class Load:
    """What one run of wrk did. Times are in seconds."""

    requests: int
    bytes: int
    seconds: float
    p50: float
    p99: float
    errors: dict[str, int]


class LoadError(Exception):
    """wrk did not do what it was asked for."""


def parse(output: str) -> Load:
    """Read the line that SCRIPT prints."""
    line = next((line for line in output.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise LoadError(f"wrk gave no figures:\n{output}")
    told: dict[str, int] = json.loads(line.removeprefix(MARK))
    errors = {name: told[name] for name in ("connect", "read", "write", "status", "timeout") if told[name]}
    return Load(
        requests=told["requests"],
        bytes=told["bytes"],
        seconds=told["microseconds"] / 1e6,
        p50=told["p50"] / 1e6,
        p99=told["p99"] / 1e6,
        errors=errors,
    )


def fields_of(*, is_browser: bool) -> dict[str, str]:
    """The header fields of a request, but for Host."""
    return dict(BROWSER) if is_browser else {}


def apply(url: str, seconds: float, fields: dict[str, str], folder: Path) -> Load:
    """Load a server for so long. wrk knows whole seconds only, but ends in good order at SIGINT."""
    script = folder / "figures.lua"
    script.write_text(SCRIPT, encoding="ascii")
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", "3600s", "-s", str(script)]
    for name, value in fields.items():
        command += ["-H", f"{name}: {value}"]
    with subprocess.Popen([*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
        except BaseException:
            process.kill()
            raise
    return parse(output)

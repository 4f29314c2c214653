"""wrk, which checks our own load generator: the same load, and what it says at the end."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

from generator import CONNECTIONS, PERCENTILES, Load, LoadError

MARK = "figures "
ERRORS = ("connect", "read", "write", "status", "timeout")
SCRIPT = """\
done = function(summary, latency, requests)
  local told = string.format('figures {"requests": %d, "bytes": %d, "microseconds": %d',
    summary.requests, summary.bytes, summary.duration)
  for _, kind in ipairs({"connect", "read", "write", "status", "timeout"}) do
    told = told .. string.format(', "%s": %d', kind, summary.errors[kind])
  end
  for _, percent in ipairs({"50", "90", "99", "99.9", "99.99"}) do
    told = told .. string.format(', "p%s": %d', percent, latency:percentile(tonumber(percent)))
  end
  io.write(told .. string.format(', "max": %d}\\n', latency.max))
end
"""


def is_there() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def parse(output: str) -> Load:
    """Read the line that SCRIPT prints."""
    line = next((line for line in output.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise LoadError(f"wrk gave no figures:\n{output}")
    told: dict[str, int] = json.loads(line.removeprefix(MARK))
    return Load(
        requests=told["requests"],
        in_time=told["requests"],
        bytes=told["bytes"],
        seconds=told["microseconds"] / 1e6,
        cpu_seconds=0.0,  # not known
        latency={name: told[name] / 1e6 for name in PERCENTILES},
        faults=[f"{told[kind]} errors of kind {kind}" for kind in ERRORS if told[kind]],
    )


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

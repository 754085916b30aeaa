"""How many small requests a second a registry answers: asked by wrk (Debian's package)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

#: Connections that are kept alive, each with one request at a time.
CONNECTIONS = 16
SECONDS = 3

_SCRIPT = """
wrk.method = "{method}"
wrk.headers["Accept"] = "{accept}"
done = function(summary, latency, requests)
  local bad = summary.errors
  io.stderr:write(string.format(
    '{{"requests": %d, "microseconds": %d, "p99": %d, "errors": %d}}',
    summary.requests, summary.duration, latency:percentile(99),
    bad.connect + bad.read + bad.write + bad.status + bad.timeout))
end
"""


def rate(url: str, method: str = "GET", accept: str = "*/*") -> float:
    """Give requests a second; ends the program if one of them fails."""
    wrk = shutil.which("wrk") or sys.exit("wrk is missing: apt install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT.format(method=method, accept=accept))
        script.flush()
        done = subprocess.run(
            [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", Path(script.name), url],
            capture_output=True,
            check=True,
            text=True,
        )
    found = json.loads(done.stderr)
    if found["errors"] or not found["requests"]:
        sys.exit(f"{method} {url}: {found}")
    return float(found["requests"] / found["microseconds"] * 1e6)

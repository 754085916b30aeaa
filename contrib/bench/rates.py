"""How many small requests a second a registry answers: asked by ab (Debian's apache2-utils)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

#: Connections that are kept alive, each with one request at a time.
CONNECTIONS = 16
SECONDS = 3
#: So many that the time ends it.
REQUESTS = 1_000_000


def rate(url: str, method: str = "GET", accept: str = "*/*") -> float:
    """Give requests a second; ends the program if one of them fails.

    :param method: GET or HEAD.
    """
    ab = shutil.which("ab") or sys.exit("ab is missing: apt install apache2-utils")
    done = subprocess.run(
        [
            *(
                ab,
                "-q",
                "-k",
                "-l",
                "-c",
                str(CONNECTIONS),
                "-t",
                str(SECONDS),
                "-n",
                str(REQUESTS),
            ),
            *("-H", f"Accept: {accept}", *(["-i"] if method == "HEAD" else []), url),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = dict(re.findall(r"^([A-Z][\w -]+): +([\d.]+)", done.stdout, re.M))
    if done.returncode or "Non-2xx responses" in found or float(found["Failed requests"]):
        sys.exit(f"{method} {url}: {done.stdout}{done.stderr}")
    if float(found["Keep-Alive requests"]) < float(found["Complete requests"]) / 2:
        sys.exit(f"{method} {url}: connections aren't kept alive: {done.stdout}")
    return float(found["Requests per second"])

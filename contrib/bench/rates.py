"""How many small requests a second a registry answers, over connections that are kept alive.

wrk asks for GET: it speaks HTTP/1.1 and takes little of the machine from the server. It can't HEAD,
so that ab does (Debian's apache2-utils), which speaks HTTP/1.0.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

#: Connections that are kept alive, each with one request at a time.
CONNECTIONS = 16
SECONDS = 3
#: For ab: so many that the time ends it.
REQUESTS = 1_000_000


def rate(url: str, method: str = "GET", accept: str = "*/*") -> float:
    """Give requests a second; ends the program if one of them fails.

    :param method: GET or HEAD.
    """
    return {"GET": _gets, "HEAD": _heads}[method](url, accept)


def _gets(url: str, accept: str) -> float:
    said = _run("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"Accept: {accept}", url)
    found = re.search(r"^Requests/sec: +([\d.]+)", said, re.M)
    if found is None or "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"GET {url}: {said}")
    return float(found[1])


def _heads(url: str, accept: str) -> float:
    amount = ("-c", str(CONNECTIONS), "-t", str(SECONDS), "-n", str(REQUESTS))
    said = _run("ab", "-q", "-k", "-l", "-i", *amount, "-H", f"Accept: {accept}", url)
    found = dict(re.findall(r"^([A-Z][\w -]+): +([\d.]+)", said, re.M))
    if "Non-2xx responses" in found or float(found["Failed requests"]):
        sys.exit(f"HEAD {url}: {said}")
    if float(found["Keep-Alive requests"]) < float(found["Complete requests"]) / 2:
        sys.exit(f"HEAD {url}: connections aren't kept alive: {said}")
    return float(found["Requests per second"])


def _run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        sys.exit(f"{command[0]} is missing: apt install wrk apache2-utils")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout

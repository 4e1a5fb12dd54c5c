"""What the runners' checks share: the sandbox, the connector as a program, its messages, and the lines of the report.

Set by `.ci/runners`: CONNECTOR (the program), SANDBOX_URL, START_DATE, TOKEN, RESULTS (where lines of the report go) and
WORK (a folder for files). Standard library only, because each runner lives in a Python environment of its own.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from pathlib import Path

CONNECTOR = os.environ["CONNECTOR"]
SANDBOX_URL = os.environ["SANDBOX_URL"]
START_DATE = os.environ["START_DATE"]
TOKEN = os.environ["TOKEN"]
WORK = Path(os.environ["WORK"])
STREAMS = [
    "transactions",
    "stats_by_publisher",
    "stats_by_creative",
    "stats_by_advertiser",
    "stats_by_campaign",
    "transaction_queries",
    "accounts",
    "publishers",
    "programmes",
    "programme_details",
    "commission_groups",
    "payments",
    "payment_breakdowns",
    "billing_documents",
    "prepayment_changes",
    "partnerships",
    "offers",
    "commission_rates",
]


class Report:
    """Lines of the report of one runner."""

    def __init__(self, runner, version):
        self.runner, self.version, self.failed = runner, version, 0

    @contextlib.contextmanager
    def check(self, what):
        """One thing that is checked; whatever is raised within is a failure. The body may append notes."""
        notes, started = [], time.monotonic()
        try:
            yield notes
            result = "ok"
        except Exception as error:
            traceback.print_exc()
            first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            self.failed, result = self.failed + 1, f"FAILED: {first_line[:160]}"
        took = f"{time.monotonic() - started:.1f} s"
        self.line(what + (f" ({'; '.join(notes)})" if notes else ""), result, took)

    def line(self, what, result, took=""):
        line = [self.runner, self.version, what, result, took]
        print(" | ".join(line), file=sys.stderr, flush=True)
        with open(os.environ["RESULTS"], "a", encoding="utf-8") as results:
            results.write("\t".join(field.replace("\t", " ") for field in line) + "\n")

    def end(self):
        sys.exit(1 if self.failed else 0)


def expect(holds, otherwise):
    if not holds:
        raise AssertionError(otherwise)


def equal(have, want, what):
    expect(have == want, f"{what}: {have!r} instead of {want!r}")


def sandbox(path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(SANDBOX_URL + path, method=method)) as answer:
        return json.load(answer)


def config(**changes):
    """A configuration for the sandbox, with a quota that does not hold it up."""
    base = {"api_token": TOKEN, "api_url": SANDBOX_URL, "start_date": START_DATE, "requests_per_minute": 1000}
    return base | changes


def file(name, content):
    """A file of JSON in a new folder."""
    path = Path(tempfile.mkdtemp(dir=WORK)) / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


class Output:
    """What a command said and how it ended."""

    def __init__(self, code, stdout, stderr):
        self.code, self.stdout, self.stderr = code, stdout, stderr
        self.messages = [json.loads(line) for line in stdout.splitlines()]

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    def records(self, stream):
        return [message["record"]["data"] for message in self.of("RECORD") if message["record"]["stream"] == stream]

    def states(self):
        """The last state of each stream, as a runner hands them back."""
        last = {message["state"]["stream"]["stream_descriptor"]["name"]: message["state"] for message in self.of("STATE")}
        return list(last.values())

    def errors(self):
        return [m["trace"]["error"] for m in self.of("TRACE") if m["trace"]["type"] == "ERROR"]

    def ok(self):
        equal((self.code, self.errors()), (0, []), "the connector's end")
        return self


def run(*args, timeout=120, **options):
    options = {"stdin": subprocess.DEVNULL, "capture_output": True} | options
    done = subprocess.run([CONNECTOR, *map(str, args)], text=True, encoding="utf-8", timeout=timeout, check=False, **options)
    return Output(done.returncode, done.stdout or "", done.stderr or "")


def discover():
    catalogs = run("discover", "--config", file("config.json", config())).ok().of("CATALOG")
    equal(len(catalogs), 1, "catalogs")
    return catalogs[0]["catalog"]["streams"]


def configured(streams, **more):
    """A configured catalog of discovered streams, incremental where that is supported."""
    def mode(stream):
        return "incremental" if "incremental" in stream["supported_sync_modes"] else "full_refresh"
    return {
        "streams": [
            {"stream": stream, "sync_mode": mode(stream), "destination_sync_mode": "append_dedup", **more} for stream in streams
        ]
    }


def read(catalog, state=None, conf=None, **options):
    args = ["read", "--config", file("config.json", conf or config()), "--catalog", file("catalog.json", catalog)]
    if state is not None:
        args += ["--state", file("state.json", state)]
    return run(*args, **options)


def tables(output, streams):
    """The records of each stream, in no order."""
    names = [stream["name"] for stream in streams]
    return {name: sorted(json.dumps(row, sort_keys=True) for row in output.records(name)) for name in names}


def while_nothing_changes(read_something, streams=STREAMS, attempts=4):
    """Runs `read_something` until the sandbox's truth of the streams was the same before and after it: an hour may end meanwhile.

    Returns its result and that truth. What is read before something is changed begins from scratch each time: a day of a report
    that was read again and then changes waits for 20 hours, so its table would not be the truth.
    """
    import truth

    for _ in range(attempts):
        before = truth.answers(streams)
        result = read_something()
        if truth.answers(streams) == before:
            return result, before
    raise AssertionError("the sandbox never stood still")

"""airbyte-serverless: a connection made by its command line, checked, run, and two reads loaded by its own loader.

Its destinations are BigQuery and the screen; a table in memory takes the place of BigQuery, with the same states.
"""

import collections
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import common
from airbyte_serverless.destinations import BaseDestination
from airbyte_serverless.sources import ExecutableAirbyteSource

report = common.Report("airbyte-serverless", importlib.metadata.version("airbyte-serverless"))
os.chdir(tempfile.mkdtemp(dir=common.WORK))
abs_command = Path(sys.executable).with_name("abs")


def abs_run(*args):
    done = subprocess.run([abs_command, *args], capture_output=True, text=True, check=True)
    common.expect("SUCCESS" in done.stdout and "NOT JSON" not in done.stdout, f"abs {args[0]}: {done.stdout[-300:]}")
    return done.stdout


class Memory(BaseDestination):
    """Tables in memory; the state of each stream is the last one that was written."""

    def __init__(self):
        super().__init__()
        self.tables = collections.defaultdict(list)

    def get_state(self):
        states = [json.loads(row["_airbyte_data"]) for row in self.tables["_airbyte_states"]]
        return list({state["stream"]["stream_descriptor"]["name"]: state for state in states}.values())

    def _write(self, record_type, records):
        self.tables[record_type] += records


def source(**changes):
    return ExecutableAirbyteSource(common.CONNECTOR, config=common.config(**changes))


with report.check("abs create, set-streams, run: the connection's YAML from the spec, rows on the screen") as notes:
    abs_run("create", "awin", "--source", common.CONNECTOR, "--destination", "print")
    (yaml,) = Path.cwd().rglob("awin.y*ml")
    text = yaml.read_text(encoding="utf-8")
    common.expect("api_token" in text and "REQUIRED" in text, "no configuration made from the spec")
    head, tail = text.split("config:", 1)
    rest = tail[tail.index("\n  streams:") :]
    yaml.write_text(f"{head}config: {json.dumps(common.config())}{rest}", encoding="utf-8")
    common.equal(abs_run("list-available-streams", "awin").count(",".join(common.STREAMS)), 1, "list of streams")
    abs_run("set-streams", "awin", "accounts,programmes")
    shown = abs_run("run", "awin")
    common.equal([shown.count(f"_AIRBYTE_RAW_{name}\n") for name in ("ACCOUNTS", "PROGRAMMES")], [1, 1], "tables shown")

with report.check("check, all streams, documentation address"):
    common.equal(source().connection_status["status"], "SUCCEEDED", "status")
    common.equal(source().available_streams, common.STREAMS, "streams")
    common.expect(source().documentation_url.startswith("https://"), "no address")

memory, counts = Memory(), []
with report.check("two reads by its loader; the second with the states of the first and a look-back of 1 day") as notes:
    for changes in ({}, {"lookback_days": 1}):
        # Rows that did not change stay home: something must happen between the reads.
        common.sandbox("/sandbox/change", "POST")
        before = len(memory.tables["_airbyte_raw_transactions"])
        memory.load(source(**changes).extract(state=memory.get_state()))
        counts.append(len(memory.tables["_airbyte_raw_transactions"]) - before)
    common.equal([name for name in common.STREAMS if not memory.tables[f"_airbyte_raw_{name}"]], [], "empty tables")
    common.expect(0 < counts[1] < counts[0] / 2, f"{counts} transactions: the state was not used")
    notes.append(f"{counts[0]} and {counts[1]} transactions")

with report.check("a wrong token: FAILED with a sentence"):
    status = source(api_token="not-the-token").connection_status
    common.equal(status["status"], "FAILED", "status")
    common.expect("token" in status["message"], status)
report.end()

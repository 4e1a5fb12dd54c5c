"""What Meltano's wrapper, Pathway and PyAirbyte were recorded to do, replayed: no runner is installed for this."""

import collections
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import common

meltano = common.Report("Meltano's wrapper", "as recorded, 0.7.0")
pathway = common.Report("Pathway", "as recorded, 0.33.0")
pyairbyte = common.Report("PyAirbyte", "as recorded, 0.71.3")
streams = common.discover()


def of_meltano(names=common.STREAMS):
    """Meltano's catalog has neither cursor_field nor primary_key, and always appends."""
    chosen = [stream for stream in streams if stream["name"] in names]
    return common.configured(chosen, destination_sync_mode="append")


def read_like_meltano(catalog, conf):
    """Reads stdout as it comes, never stderr, and kills the connector at the first TRACE ERROR."""
    config, catalog = common.file("config.json", conf), common.file("catalog.json", catalog)
    command = [common.CONNECTOR, "read", "--config", config, "--catalog", catalog]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        os.set_blocking(process.stderr.fileno(), False)
        limit = subprocess.Popen(["sh", "-c", f"sleep 60; kill -9 {process.pid}"], start_new_session=True)
        for line in process.stdout:
            lines.append(line.decode())
            if '"TRACE"' in lines[-1] and "error" in json.loads(lines[-1])["trace"]:
                process.kill()
                break
        code = process.wait()
        os.killpg(limit.pid, 9)
        limit.wait()
        stderr = process.stderr.read() or b""
    return common.Output(code, "".join(lines), stderr.decode())


with meltano.check("catalog without cursor_field, stderr never drained") as notes:
    output = read_like_meltano(of_meltano(), common.config())
    common.equal((output.code, output.errors()), (0, []), "the connector's end")
    counts = collections.Counter(message["record"]["stream"] for message in output.of("RECORD"))
    common.equal(sorted(counts), sorted(common.STREAMS), "streams with records")
    common.expect(len(output.stderr) < 4096, f"{len(output.stderr)} bytes on stderr")
    notes.append(f"{sum(counts.values())} records")

with meltano.check("each STATE has type, descriptor and stream_state; handed back as a list"):
    first = common.read(of_meltano(), conf=common.config()).ok()
    for message in first.of("STATE"):
        common.equal(message["state"]["type"], "STREAM", "type")
        common.expect(message["state"]["stream"]["stream_state"], "an empty stream_state")
    # Rows that did not change stay home: something must have happened for there to be any.
    common.sandbox("/sandbox/change", "POST")
    second = common.read(of_meltano(), first.states(), common.config(lookback_days=1)).ok()
    before, after = len(first.records("transactions")), len(second.records("transactions"))
    common.expect(0 < after < before / 2, f"{after} transactions after {before}: the state was not used")

with meltano.check("the first path of each key tells all rows of all accounts apart") as notes:
    accounts = {(row["accountType"], row["accountId"]) for row in first.records("accounts")}
    common.expect(len(accounts) >= 5 and len({kind for kind, _ in accounts}) == 2, f"too few accounts: {accounts}")
    for stream in streams:
        (key, *more) = stream["source_defined_primary_key"][0]
        common.equal(more, [], "a nested key")
        rows = first.records(stream["name"])
        keys = {row[key] for row in rows}
        common.expect(rows and len(keys) == len(rows), f"{stream['name']}: {len(keys)} of {len(rows)} rows are left by {key}")
    notes.append(f"{len(accounts)} accounts")

with meltano.check("stops at the first TRACE ERROR: errors of a stream come after all other streams"):
    # Awin does not offer transactions in this zone, but reports.
    conf = common.config(timezone="America/Sao_Paulo")
    output = read_like_meltano(of_meltano(["transactions", "stats_by_publisher", "programmes"]), conf)
    common.equal([error["stream_descriptor"]["name"] for error in output.errors()], ["transactions"], "the first error")
    statuses = [m["trace"]["stream_status"] for m in output.of("TRACE") if m["trace"]["type"] == "STREAM_STATUS"]
    complete = {status["stream_descriptor"]["name"] for status in statuses if status["status"] == "COMPLETE"}
    common.equal(complete, {"stats_by_publisher", "programmes"}, "streams that came to their end before it")
    common.expect(output.records("stats_by_publisher") and output.records("programmes"), "rows are missing")

with meltano.check("a FAILED check has a message"):
    output = common.run("check", "--config", common.file("config.json", common.config(api_token="not-the-token")))
    (answer,) = output.of("CONNECTION_STATUS")
    common.equal(answer["connectionStatus"]["status"], "FAILED", "status")
    common.expect("token" in answer["connectionStatus"]["message"], "no message about the token")

with meltano.check("config in a folder that this user cannot read: a clear error"):
    folder = Path(tempfile.mkdtemp())
    try:
        config = folder / "closed" / "config.json"
        config.parent.mkdir(mode=0o700)
        config.write_text(json.dumps(common.config()))
        # The program where everybody can start it, and the folders down to the closed one open.
        program = shutil.copy(common.CONNECTOR, folder / "source-awin")
        folder.chmod(0o755)
        as_other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        if not as_other:
            config.parent.chmod(0)

        def other(*args):
            done = subprocess.run([program, *args], capture_output=True, text=True, check=False, cwd="/", **as_other)
            return common.Output(done.returncode, done.stdout, done.stderr)

        output = other("check", "--config", str(config))
        (answer,) = output.of("CONNECTION_STATUS")
        common.equal((output.code, answer["connectionStatus"]["status"]), (0, "FAILED"), "check")
        output = other("read", "--config", str(config), "--catalog", str(config))
        common.equal((output.code, [error["failure_type"] for error in output.errors()]), (1, ["config_error"]), "read")
        for text in (answer["connectionStatus"]["message"], output.errors()[0]["message"]):
            common.expect(str(config) in text and "readable" in text, f"not clear: {text}")
    finally:
        if os.geteuid() != 0:
            config.parent.chmod(0o700)
        shutil.rmtree(folder)


def as_global(states):
    return [{"type": "GLOBAL", "global": {"stream_states": [state["stream"] for state in states]}}]


with pathway.check("GLOBAL input state, at first an empty one, reads like STREAM states") as notes:
    conf = common.config(lookback_days=1)

    def both_ways():
        first = common.read(of_meltano(), as_global([]), conf).ok()
        ways = [common.read(of_meltano(), form(first.states()), conf).ok() for form in (list, as_global)]
        return first, *(common.tables(way, streams) for way in ways)

    (first, plain, through_global), _ = common.while_nothing_changes(both_ways)
    common.expect(len(plain["transactions"]) < len(first.records("transactions")) / 2, "the state was not used")
    common.equal([name for name in plain if plain[name] != through_global[name]], [], "streams read otherwise")
    notes.append(f"{sum(map(len, plain.values()))} records")

with pyairbyte.check("sync_id is always 1, and full-refresh streams are asked for incrementally: read in full each time"):
    catalog = common.configured(streams, generation_id=1, minimum_generation_id=1, sync_id=1)
    for stream in catalog["streams"]:
        stream |= {"sync_mode": "incremental", "destination_sync_mode": "overwrite", "cursor_field": None}
    full = [stream["name"] for stream in streams if "incremental" not in stream["supported_sync_modes"]]
    first = common.read(catalog, []).ok()
    second = common.read(catalog, first.states()).ok()
    common.expect(all(first.records(name) for name in full), "a stream without records in the first read")
    unlike = [name for name in full if len(first.records(name)) != len(second.records(name))]
    common.equal(unlike, [], "streams with other rows in the second read")

for report in (meltano, pathway, pyairbyte):
    if report.failed:
        report.end()

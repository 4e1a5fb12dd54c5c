"""State as Estuary keeps it: each STATE applied as a JSON merge patch (RFC 7396), given back as a map of streams.

The command line and the catalog, too, are those that its `airbyte-to-flow` makes, as its source says.
"""

import subprocess

import common

report = common.Report("Estuary", "as its source says")
streams = common.discover()


def merge(target, patch):
    """RFC 7396: null deletes, objects merge, everything else replaces. A key that is not mentioned stays."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def stored_after(messages, stored=None):
    for message in messages:
        state = message["state"]["stream"]
        stored = merge(stored, {state["stream_descriptor"]["name"]: state["stream_state"]})
    return stored


def catalog():
    """With its own keys, nulls, the collection's schema, the chosen mode alone, and key parts as the cursor."""
    made = common.configured(streams)
    for entry in made["streams"]:
        stream = dict(entry["stream"])
        stream |= {"json_schema": {"type": "object"}, "supported_sync_modes": [entry["sync_mode"]], "namespace": None}
        entry |= {
            "stream": stream,
            "cursor_field": stream["source_defined_primary_key"][0],
            "primary_key": stream["source_defined_primary_key"],
            "estuary.dev/range": {"begin": "00000000", "end": "ffffffff"},
            "projections": {},
        }
    return made


def read(state, conf):
    """Started by `sh` with a pipe for stdin that stays open."""
    files = [common.file(name, content) for name, content in
             (("config.json", conf), ("catalog.json", catalog()), ("state.json", state))]
    script = 'read -r x && exec "$0" read --config "$1" --catalog "$2" --state "$3"'
    command = ["sh", "-c", script, common.CONNECTOR, *map(str, files)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdin.write("go\n")
        process.stdin.flush()
        try:
            stdin, process.stdin = process.stdin, None  # communicate() would close it
            stdout, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
            stdin.close()
    return common.Output(process.returncode, stdout, stderr).ok()


short = common.config(lookback_days=1)
with report.check("merge-patched states as a map {stream: state}: the second read is that of the original states") as notes:

    def second_reads():
        # What is stored first knows more accounts than what comes later: nothing of it may shine through.
        stored = stored_after(read({}, short).of("STATE"))
        less = short | {"advertiser_ids": "90210", "publisher_ids": "500322"}
        narrow = read({}, less)
        stored = stored_after(narrow.of("STATE"), stored)
        original = common.read(catalog(), narrow.states(), short).ok()
        return narrow, original, read(stored, short)

    (narrow, original, patched), _ = common.while_nothing_changes(second_reads)
    have, want = common.tables(patched, streams), common.tables(original, streams)
    common.equal([name for name in want if have[name] != want[name]], [], "streams read otherwise")
    # What the state covers is read by the look-back only; what it does not cover is read from the start.
    rows = {name: sum(row["accountId"] == 90210 for row in run.records("transactions"))
            for name, run in (("first", narrow), ("second", patched))}
    common.expect(rows["second"] < rows["first"] / 2, f"transactions of 90210: {rows}: the state was not used")
    notes.append(f"{sum(map(len, want.values()))} records")

with report.check("the state keeps its keys and has no nulls, so that a merge patch replaces it whole"):
    def nulls(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return value is None or any(map(nulls, inner))

    for message in narrow.of("STATE") + original.of("STATE"):
        blob, name = message["state"]["stream"]["stream_state"], message["state"]["stream"]["stream_descriptor"]["name"]
        keys = {"version", "mode", "syncId", "timezone", "dateType", "checkpoint", "accounts"}
        common.equal(set(blob), keys, f"keys of the state of {name}")
        common.expect(not nulls(blob), f"a null in the state of {name}")
report.end()

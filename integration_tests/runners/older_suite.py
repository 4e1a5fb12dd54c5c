"""Airbyte's older connector acceptance tests, replayed by their configuration in integration_tests/older_suite.

The suite cannot be installed from a registry. Its rules at high strictness are repeated here in words of our own, on a sandbox
that stands still at the moment that the expected records are of.

    older_suite.py            reports
    older_suite.py records    prints expected records anew: the first two of each stream, for somebody to look at

Set by `.ci/runners`: SANDBOX (the program).
"""

import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import common
import jsonschema
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "integration_tests/older_suite"
# What the suite takes, and refuses to go on without: keys that it does not know are errors.
KNOWN = {
    "": {"connector_image", "base_path", "test_strictness_level", "custom_environment_variables", "acceptance_tests"},
    "spec": {"spec_path", "config_path", "timeout_seconds", "deployment_mode", "backward_compatibility_tests_config",
             "auth_default_method"},
    "connection": {"config_path", "status", "timeout_seconds", "deployment_mode"},
    "discovery": {"config_path", "timeout_seconds", "deployment_mode", "backward_compatibility_tests_config",
                  "validate_primary_keys_data_type"},
    "basic_read": {"config_path", "deployment_mode", "empty_streams", "expect_records", "ignored_fields", "validate_schema",
                   "validate_stream_statuses", "validate_state_messages", "validate_primary_keys_data_type", "fail_on_extra_columns",
                   "validate_data_points", "expect_trace_message_on_failure", "timeout_seconds", "file_types", "client_container_config"},
    "full_refresh": {"config_path", "configured_catalog_path", "timeout_seconds", "deployment_mode", "ignored_fields",
                     "client_container_config"},
    "incremental": {"config_path", "configured_catalog_path", "future_state", "timeout_seconds", "deployment_mode",
                    "skip_comprehensive_incremental_tests", "client_container_config"},
}  # fmt: skip
SAMPLED_STATES = 5

written = (FOLDER / "acceptance-test-config.yml").read_text(encoding="utf-8")
suite = yaml.safe_load(written)
sections = suite["acceptance_tests"]


def at_its_moment():
    """A sandbox as the configuration's head says, on a free port."""
    (command,) = re.findall(r"cargo run -p awin-sandbox -- (serve .*)", written)
    process = subprocess.Popen([os.environ["SANDBOX"], *command.split(), "--port", "0"], stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().split()[-1]


def configuration(test):
    """The configuration of a test, at the port that the sandbox got."""
    content = json.loads((ROOT / test["config_path"]).read_text(encoding="utf-8"))
    return content | ({"api_url": url} if "api_url" in content else {})


def entries(section):
    return sections[section]["tests"]


def by_stream(records):
    found = collections.defaultdict(list)
    for record in records:
        found[record["stream"]].append(record["data"])
    return found


def texts(output):
    return sorted(json.dumps([m["record"]["stream"], m["record"]["data"]], sort_keys=True) for m in output.of("RECORD"))


def count(state):
    return state["sourceStats"]["recordCount"]


def the_configuration_is_complete():
    common.equal(suite["test_strictness_level"], "high", "strictness")
    common.expect(set(suite) <= KNOWN[""], f"unknown keys: {set(suite) - KNOWN['']}")
    common.equal(set(sections), set(KNOWN) - {""}, "sections that are mandatory at high strictness")
    for name, section in sections.items():
        for test in section["tests"]:
            common.expect(set(test) <= KNOWN[name], f"{name}: unknown keys: {set(test) - KNOWN[name]}")


def spec():
    (test,) = entries("spec")
    (message,) = common.run("spec").ok().of("SPEC")
    common.equal(message["spec"], json.loads((ROOT / test["spec_path"]).read_text(encoding="utf-8")), "the spec")
    jsonschema.validate(configuration(test), message["spec"]["connectionSpecification"])


def connection():
    for test in entries("connection"):
        output = common.run("check", "--config", common.file("config.json", configuration(test))).ok()
        wanted = {"succeed": "SUCCEEDED", "failed": "FAILED"}[test["status"]]
        common.equal([m["connectionStatus"]["status"] for m in output.of("CONNECTION_STATUS")], [wanted], test["config_path"])


def basic_read(streams):
    (test,) = entries("basic_read")
    output = common.read(common.configured(streams), conf=configuration(test)).ok()
    found = by_stream(message["record"] for message in output.of("RECORD"))
    names = {stream["name"] for stream in streams}
    common.equal(set(found), names, "streams with records")
    lines = (ROOT / test["expect_records"]["path"]).read_text(encoding="utf-8").splitlines()
    expected = by_stream(map(json.loads, lines))
    common.equal(set(expected), names, "streams with expected records")
    for stream in streams:
        name, schema = stream["name"], stream["json_schema"]
        lost = [row for row in expected[name] if row not in found[name]]
        common.equal(lost, [], f"{name}: expected records that are not found")
        validator = jsonschema.Draft7Validator(schema)
        for row in found[name]:
            validator.validate(row)
            common.equal(set(row) - set(schema["properties"]), set(), f"{name}: columns beyond the schema")
    states = [message["state"] for message in output.of("STATE")]
    common.equal({state["stream"]["stream_descriptor"]["name"] for state in states}, names, "streams with a state")
    is_good = [state["type"] == "STREAM" and "recordCount" in state["sourceStats"] for state in states]
    common.expect(all(is_good), "legacy or uncounted states")
    statuses = collections.defaultdict(list)
    for message in output.of("TRACE"):
        if status := message["trace"].get("stream_status"):
            statuses[status["stream_descriptor"]["name"]].append(status["status"])
    for name in names:
        common.equal(statuses[name], ["STARTED", "RUNNING", "COMPLETE"], f"statuses of {name}")
    unknown = {"stream": {"name": "__AIRBYTE__stream_that_does_not_exist", "json_schema": {"type": "object", "properties": {}},
                          "supported_sync_modes": ["full_refresh"]}, "sync_mode": "INVALID", "destination_sync_mode": "INVALID"}  # fmt: skip
    common.expect(common.read({"streams": [unknown]}, conf=configuration(test)).errors(), "no error for an impossible catalog")
    return sum(map(len, expected.values()))


def full_refresh(streams):
    (test,) = entries("full_refresh")
    catalog = common.configured(streams)
    for stream in catalog["streams"]:
        stream["sync_mode"] = "full_refresh"
    first, second = (common.read(catalog, conf=configuration(test)).ok() for _ in range(2))
    common.equal(texts(first) == texts(second), True, "two reads give the same records")


def two_reads(catalog, conf):
    first = common.read(catalog, conf=conf).ok()
    common.expect(first.of("STATE") and first.of("RECORD"), "no state or no record")
    second = common.read(catalog, first.states(), conf).ok()
    common.expect(texts(first) != texts(second), "the second read gives the same records")


def from_checkpoints(catalog, conf):
    """The states in the middle, a sample: what comes after one is at least what the later ones counted."""
    tried = 0
    for stream in catalog["streams"]:
        alone = {"streams": [stream]}
        first = common.read(alone, conf=conf).ok()
        states = [message["state"] for message in first.of("STATE") if count(message["state"])]
        common.expect(states, f"{stream['stream']['name']}: no state with records")
        step = max(1, len(states) // SAMPLED_STATES)
        middle = range(step, len(states) - 1, step) if len(states) > 2 else [len(states) - 1]
        for at in middle:
            again = common.read(alone, [states[at]], conf).ok()
            later = sum(map(count, states[at + 1 :]))
            name = stream["stream"]["name"]
            found = len(again.of("RECORD"))
            common.expect(found >= later, f"{name}, state {at}: {found} records, {later} came after it")
            common.expect(texts(again) != texts(first), f"{name}, state {at}: the same records as without it")
            tried += 1
    return tried


def values_of(node, key):
    """What stands under `key`, however deep."""
    if isinstance(node, dict):
        return [value for name, value in node.items() if name == key] + [v for inner in node.values() for v in values_of(inner, key)]
    return [value for inner in node for value in values_of(inner, key)] if isinstance(node, list) else []


def future_state(catalog, test):
    states = json.loads((ROOT / test["future_state"]["future_state_path"]).read_text(encoding="utf-8"))
    of_stream = {state["stream"]["stream_descriptor"]["name"]: state["stream"]["stream_state"] for state in states}
    for stream in catalog["streams"]:
        values = values_of(of_stream.get(stream["stream"]["name"], {}), stream["cursor_field"][0])
        common.expect(values and all(isinstance(value, str) for value in values), f"{stream['stream']['name']}: no cursor by its name")
    output = common.read(catalog, states, configuration(test)).ok()
    common.equal(texts(output), [], "records after a state of the future")
    common.expect(output.of("STATE"), "no state")


def incremental_catalog(test, streams):
    """The configured catalog of the test, its streams as they are discovered."""
    discovered = {stream["name"]: stream for stream in streams}
    catalog = json.loads((ROOT / test["configured_catalog_path"]).read_text(encoding="utf-8"))
    chosen = [stream for stream in catalog["streams"] if stream["sync_mode"] == "incremental"]
    return {"streams": [stream | {"stream": discovered[stream["stream"]["name"]]} for stream in chosen]}


def print_records(streams):
    output = common.read(common.configured(streams), conf=configuration(entries("basic_read")[0])).ok()
    for name, rows in by_stream(message["record"] for message in output.of("RECORD")).items():
        for row in rows[:2]:
            print(json.dumps({"stream": name, "data": row, "emitted_at": 0}, ensure_ascii=False))


process, url = at_its_moment()
try:
    streams = common.discover()
    if sys.argv[1:] == ["records"]:
        print_records(streams)
        raise SystemExit
    report = common.Report("older acceptance tests", "replayed")
    with report.check("the configuration: known keys, all sections of high strictness"):
        the_configuration_is_complete()
    with report.check("spec, connection"):
        spec()
        connection()
    with report.check("basic_read: expected records, schema, statuses, states, an error for an impossible catalog") as notes:
        notes.append(f"{basic_read(streams)} expected records")
    with report.check("full_refresh: two reads alike"):
        full_refresh(streams)
    (test,) = entries("incremental")
    catalog = incremental_catalog(test, streams)
    with report.check("incremental: two reads differ; nothing is lost after a checkpoint") as notes:
        two_reads(catalog, configuration(test))
        notes.append(f"{from_checkpoints(catalog, configuration(test))} checkpoints")
    with report.check("incremental: a state of the future, with a past end_date, gives no record and a state"):
        future_state(catalog, test)
    report.end()
finally:
    process.terminate()
    process.wait()

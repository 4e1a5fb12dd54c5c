"""metadata.yaml, and every line that every command prints, against Airbyte's official models and the protocol's rules."""

import base64
import collections
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import time
import urllib.parse

import common
import jsonschema
import yaml
from airbyte_cdk.models import AirbyteMessageSerializer
from airbyte_cdk.models.connector_metadata import MetadataFile
from airbyte_connector_models.metadata.v0.connector_metadata_definition_v0 import ConnectorMetadataDefinitionV0
from airbyte_protocol.models import AirbyteMessage

ROOT = pathlib.Path(__file__).parents[2]
METADATA = pathlib.Path(os.environ.get("METADATA", ROOT / "metadata.yaml"))
version = importlib.metadata.version
metadata = common.Report("metadata models", f"{version('airbyte-connector-models')}, cdk {version('airbyte-cdk')}")
messages = common.Report("protocol models", f"{version('airbyte-protocol-models-pdv2')}, cdk {version('airbyte-cdk')}")


def without_ids(node):
    """The schema is a bundle of files that each kept their `$id`, against which its references do not resolve."""
    if isinstance(node, dict):
        return {name: without_ids(value) for name, value in node.items() if not (name == "$id" and isinstance(value, str))}
    return [without_ids(value) for value in node] if isinstance(node, list) else node


with metadata.check("metadata.yaml: JSON schema, pydantic model, airbyte-cdk's MetadataFile, version and files that it names"):
    given = yaml.safe_load(METADATA.read_text(encoding="utf-8"))
    package = pathlib.Path(importlib.util.find_spec("airbyte_connector_models.metadata.v0").origin).parent
    schema = without_ids(json.loads((package / "ConnectorMetadataDefinitionV0.json").read_text(encoding="utf-8")))
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(
        json.loads(json.dumps(given, default=str))  # YAML's dates as text
    )
    ConnectorMetadataDefinitionV0.model_validate(given)
    MetadataFile.from_file(METADATA)  # it knows no Rust: the language is then "unknown"
    data = given["data"]
    common.expect(f'\nversion = "{data["dockerImageTag"]}"\n' in (ROOT / "Cargo.toml").read_text(), "Cargo.toml: other version")
    common.expect(data["dockerImageTag"] in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), "CHANGELOG.md: no such version")
    common.expect((ROOT / data["icon"]).is_file(), "no icon")

# The token in every form in which it could slip out.
FORBIDDEN = {
    common.TOKEN,
    json.dumps(common.TOKEN)[1:-1],
    urllib.parse.quote(common.TOKEN, safe=""),
    urllib.parse.quote(common.TOKEN),
    base64.b64encode(common.TOKEN.encode()).decode().rstrip("="),
}
# Free-form parts, which the models hold as they are.
FREE = ("/record/data", "/state/stream/stream_state", "/spec/connectionSpecification")


def lost(given, known, path=""):
    """Paths in `given` that the official model does not know, and nulls: absent things are left out."""
    if path in FREE or path.endswith("/json_schema"):
        return
    if given is None:
        yield f"null at {path}"
    elif isinstance(given, dict):
        for name, value in given.items():
            if not isinstance(known, dict) or name not in known:
                yield f"unknown property {path}/{name}"
            else:
                yield from lost(value, known[name], f"{path}/{name}")
    elif isinstance(given, list):
        for have, model in zip(given, known, strict=True):
            yield from lost(have, model, path)


def validate(output, secrets=True):
    """What holds for every line of every command. Returns how many there were."""
    common.expect(not output.stderr, f"stderr: {output.stderr[:200]}")
    for secret in FORBIDDEN if secrets else ():
        common.expect(secret not in output.stdout + output.stderr, "the token is in the output")
    common.expect(output.stdout.endswith("\n"), "the last line has no end")
    for message in output.messages:
        AirbyteMessage.model_validate(message)
        known = AirbyteMessageSerializer.dump(AirbyteMessageSerializer.load(message))
        faults = list(lost(message, known))
        common.expect(not faults, f"{message['type']}: {faults[:3]}")
    return len(output.messages)


def validate_read(output, streams, ends):
    """The rules of `read`: records by their schema, states that count them, statuses in order. `ends`: status by stream."""
    schemas = {
        stream["name"]: jsonschema.Draft7Validator(stream["json_schema"], format_checker=jsonschema.FormatChecker())
        for stream in streams
    }
    since, statuses, last = collections.Counter(), collections.defaultdict(list), {}
    for message in output.messages:
        if message["type"] == "RECORD":
            record = message["record"]
            name = record["stream"]
            common.expect(type(record["emitted_at"]) is int, f"emitted_at {record['emitted_at']!r} is not an integer")
            common.expect(abs(record["emitted_at"] / 1000 - time.time()) < 3600, "emitted_at is not now in milliseconds")
            error = jsonschema.exceptions.best_match(schemas[name].iter_errors(record["data"]))
            common.expect(error is None, f"a record of {name}: {error and error.json_path} {error and error.message}")
            common.expect(statuses[name][-1:] == ["RUNNING"], f"{name}: a record while {statuses[name]}")
            since[name] += 1
            last[name] = "RECORD"
        elif message["type"] == "STATE":
            state = message["state"]
            name = state["stream"]["stream_descriptor"]["name"]
            common.expect(statuses[name][-1:] not in (["COMPLETE"], ["INCOMPLETE"]), f"{name}: a STATE after its end")
            common.equal(state.get("type"), "STREAM", "type of a STATE")
            common.equal(state.get("sourceStats", {}).get("recordCount"), float(since[name]), f"recordCount of {name}")
            since[name], last[name] = 0, "STATE"
        elif message["type"] == "TRACE" and message["trace"]["type"] == "STREAM_STATUS":
            status = message["trace"]["stream_status"]
            if not status.get("reasons"):
                statuses[status["stream_descriptor"]["name"]].append(status["status"])
    common.equal({name: seen[-1] for name, seen in statuses.items()}, ends, "ends of streams")
    for name, end in ends.items():
        started = ["STARTED"] if len(statuses[name]) == 2 else ["STARTED", "RUNNING"]
        if name in schemas:
            common.equal(statuses[name], [*started, end], f"statuses of {name}")
            common.equal(last.get(name, "STATE"), "STATE", f"what {name} ends with")
        common.expect(end != "COMPLETE" or name in last, f"{name}: COMPLETE without a STATE")


config = common.file("config.json", common.config())
with messages.check("spec, check, discover, with and without --debug") as notes:
    lines = 0
    for debug in ([], ["--debug"]):
        for command, kind in (("spec", "SPEC"), ("check", "CONNECTION_STATUS"), ("discover", "CATALOG")):
            output = common.run(command, *([] if command == "spec" else ["--config", config]), *debug).ok()
            lines += validate(output)
            common.equal(len(output.of(kind)), 1, f"answers of {command}")
    notes.append(f"{lines} lines")

with messages.check("check with a wrong token, a bad configuration, a missing file") as notes:
    for bad in (
        common.file("config.json", common.config(api_token=common.TOKEN + "x1")),
        common.file("config.json", common.config(start_date="01/02/2026")),
        common.file("config.json", "{" + json.dumps(common.config())),
        common.WORK / "nowhere.json",
    ):
        output = common.run("check", "--config", bad)
        validate(output)
        (answer,) = output.of("CONNECTION_STATUS")
        common.equal((output.code, answer["connectionStatus"]["status"]), (0, "FAILED"), f"answer to {bad}")

streams = common.discover()
catalog = common.configured(streams)
for debug in ([], ["--debug"]):
    with messages.check(" ".join(["read of all streams: lines, schemas, recordCount, statuses", *debug])) as notes:
        path = common.file("catalog.json", catalog)
        output = common.run("read", "--config", config, "--catalog", path, *debug).ok()
        notes.append(f"{validate(output)} lines")
        validate_read(output, streams, dict.fromkeys(common.STREAMS, "COMPLETE"))
        common.expect(all(output.records(name) for name in common.STREAMS), "a stream without records")

with messages.check("read that fails in part: an unknown stream, a token that dies, an impossible zone"):
    unknown = {"stream": {"name": "no_such_stream", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}}
    unknown |= {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
    chosen = common.configured([stream for stream in streams if stream["name"] in ("transactions", "programmes")])
    output = common.read({"streams": [unknown, *chosen["streams"]]})
    validate(output)
    ends = {"no_such_stream": "INCOMPLETE", "transactions": "COMPLETE", "programmes": "COMPLETE"}
    validate_read(output, streams, ends)
    common.equal((output.code, len(output.errors())), (1, 1), "end with an unknown stream")
    output = common.read(chosen, conf=common.config(api_token=common.TOKEN + "x1"))
    validate(output)
    common.equal((output.code, output.errors()[0]["failure_type"]), (1, "config_error"), "end with a wrong token")
    output = common.read(chosen, conf=common.config(timezone="Australia/Sydney"))
    validate(output)
    validate_read(output, streams, {"transactions": "INCOMPLETE", "programmes": "COMPLETE"})
    common.equal((output.code, [e["failure_type"] for e in output.errors()]), (1, ["config_error"]), "end with a bad zone")

with messages.check("catalog with an invalid sync mode: a TRACE ERROR"):
    broken = json.loads(json.dumps(catalog))
    broken["streams"][0] |= {"sync_mode": "INVALID", "destination_sync_mode": "INVALID"}
    output = common.read(broken)
    validate(output)
    common.expect(output.code == 1 and output.errors(), "no error")

for report in (metadata, messages):
    if report.failed:
        report.end()

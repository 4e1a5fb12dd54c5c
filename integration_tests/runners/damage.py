#!/usr/bin/env python3
"""A bad connector, to see the checks fail: runs the good one and spoils what it does.

`DAMAGE` names the fault, `DAMAGED` the good program; `.ci/runners prove` gives both.
"""

import json
import os
import subprocess
import sys

FAULT = os.environ["DAMAGE"]
arguments = sys.argv[1:]
if FAULT == "state ignored" and "--state" in arguments:
    at = arguments.index("--state")
    del arguments[at : at + 2]
if FAULT == "sync_id obeyed" and "--catalog" in arguments and "--state" in arguments:
    # A connector that takes every read with the same sync_id for one job has nothing left to read in full.
    catalog = arguments[arguments.index("--catalog") + 1]
    with open(arguments[arguments.index("--state") + 1], encoding="utf-8") as state, open(catalog, encoding="utf-8") as file:
        has_state, content = bool(json.load(state)), json.load(file)
    if has_state:
        content["streams"] = [s for s in content["streams"] if "incremental" in s["stream"]["supported_sync_modes"]]
        with open(catalog + ".less", "w", encoding="utf-8") as file:
            json.dump(content, file)
        arguments[arguments.index("--catalog") + 1] += ".less"
if FAULT == "legacy state unknown" and "--state" in arguments:
    with open(arguments[arguments.index("--state") + 1], encoding="utf-8") as file:
        if isinstance(json.load(file), dict):
            del arguments[arguments.index("--state") : arguments.index("--state") + 2]
if FAULT == "global state unknown" and "--state" in arguments:
    with open(arguments[arguments.index("--state") + 1], encoding="utf-8") as file:
        if "GLOBAL" in file.read():
            del arguments[arguments.index("--state") : arguments.index("--state") + 2]
if FAULT == "cursor_field wanted" and "--catalog" in arguments:
    with open(arguments[arguments.index("--catalog") + 1], encoding="utf-8") as file:
        if any(not stream.get("cursor_field") for stream in json.load(file)["streams"]):
            sys.exit("no cursor_field")
if FAULT == "noise on stderr":
    sys.stderr.write("x" * 200_000)
if FAULT == "reads stdin":
    sys.stdin.read()
if FAULT == "silent about files" and arguments[0] != "spec":
    with open(arguments[arguments.index("--config") + 1], encoding="utf-8") as file:
        file.read(1)


def spoil(message):
    """The messages to give out instead of this one."""
    kind = message["type"]
    if FAULT == "fractional emitted_at" and kind == "RECORD":
        message["record"]["emitted_at"] += 0.5
    if FAULT == "no recordCount" and kind == "STATE":
        del message["state"]["sourceStats"]
    if FAULT == "recordCount too high" and kind == "STATE":
        message["state"]["sourceStats"]["recordCount"] += 1
    if FAULT == "no COMPLETE" and message.get("trace", {}).get("stream_status", {}).get("status") == "COMPLETE":
        return []
    if FAULT == "nulls in the envelope":
        message["trace"] = message.get("trace")
    if FAULT == "unknown property" and kind == "STATE":
        message["state"]["stream"]["hint"] = 1
    if FAULT == "token in a log" and kind == "LOG":
        message["log"]["message"] += " " + os.environ["TOKEN"]
    if FAULT == "a stale value" and kind == "RECORD" and message["record"]["data"].get("commissionStatus") == "declined":
        message["record"]["data"]["commissionStatus"] = "pending"
    if FAULT == "a lost row" and kind == "RECORD" and message["record"]["stream"] == "programmes":
        spoil.seen = getattr(spoil, "seen", 0) + 1
        return [] if spoil.seen == 2 else [message]
    if FAULT == "wrong type" and kind == "RECORD" and "accountId" in message["record"]["data"]:
        message["record"]["data"]["accountId"] = str(message["record"]["data"]["accountId"])
    if FAULT == "vague key" and kind == "RECORD" and message["record"]["stream"] == "transactions":
        data = message["record"]["data"]
        data["rowId"] = str(data["id"])  # without the account: both sides of a sale have this id
    if FAULT == "errors first" and message.get("trace", {}).get("type") == "ERROR":
        errors.append(message)
        return []
    if FAULT == "no message" and kind == "CONNECTION_STATUS":
        message["connectionStatus"].pop("message", None)
    if FAULT == "check says yes" and kind == "CONNECTION_STATUS":
        message["connectionStatus"] = {"status": "SUCCEEDED"}
    if FAULT == "secret not marked" and kind == "SPEC":
        del message["spec"]["connectionSpecification"]["properties"]["api_token"]["airbyte_secret"]
    if FAULT == "varying state keys" and kind == "STATE":
        blob = message["state"]["stream"]["stream_state"]
        for number, part in enumerate(blob.pop("accounts", [])):
            blob[f"{number}"] = part
        blob["accounts"] = []
    return [message]


errors = []
done = subprocess.run([os.environ["DAMAGED"], *arguments], stdout=subprocess.PIPE, check=False)
lines = []
for line in done.stdout.splitlines():
    lines += spoil(json.loads(line))
for message in errors + lines:
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
sys.stdout.flush()
sys.exit(done.returncode)

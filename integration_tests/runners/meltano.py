"""Meltano itself, with the example project: the steps of docs/runners.md up to the point where the wrapper would start, and the
loader.

The wrapper, tap-airbyte, is in no registry, so `meltano run` is not tried. What it does with the connector is replayed by
`recorded.py`; here its place is taken by what it writes: each stream with the first path of its key.

Set by `.ci/runners`: POSTGRESQL_PORT, where there is one. MELTANO_YML, to be another file than the repository's.
"""

import decimal
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import common
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLE = Path(os.environ.get("MELTANO_YML", ROOT / "examples/meltano.yml"))
SPEC = json.loads((ROOT / "spec.json").read_text(encoding="utf-8"))["connectionSpecification"]["properties"]
project = common.WORK / "meltano"


def meltano(command, **options):
    quiet = {"MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", "NO_COLOR": "1"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | quiet | {"AWIN_TOKEN": common.TOKEN, "PGPASSWORD": "pa ss", "PATH": path}
    done = subprocess.run(["sh", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False, **options)
    print(command, done.stdout, done.stderr, sep="\n")
    common.equal(done.returncode, 0, command)
    return done.stdout


def plugin(content, kind):
    (found,) = content["plugins"][kind]
    return found


def commands():
    """The lines of the page's first block of commands."""
    page = (ROOT / "docs/runners.md").read_text(encoding="utf-8")
    section = page.split("\n## Meltano\n")[1].split("\n## ")[0]
    return section.split("```sh\n")[1].split("```")[0].splitlines()


def psql(statements, database="meltano"):
    command = ["psql", "-h", "127.0.0.1", "-p", os.environ["POSTGRESQL_PORT"], "-U", "awin", "-v", "ON_ERROR_STOP=1", "-qAt", database]
    return subprocess.run(command, input=statements, capture_output=True, text=True, check=True).stdout.strip()


def decimals(line):
    return [decimal.Decimal(field) for field in line.split("|")]


def as_the_wrapper_writes():
    """All streams as Singer messages, and their rows."""
    streams = common.discover()
    output = common.read(common.configured(streams, destination_sync_mode="append")).ok()
    rows = {stream["name"]: output.records(stream["name"]) for stream in streams}
    lines = []
    for stream in streams:
        name, key = stream["name"], stream["source_defined_primary_key"][0]
        lines.append({"type": "SCHEMA", "stream": name, "schema": stream["json_schema"], "key_properties": key})
        lines += [{"type": "RECORD", "stream": name, "record": row} for row in rows[name]]
    return "".join(json.dumps(line) + "\n" for line in lines), rows


report = common.Report("Meltano", importlib.metadata.version("meltano"))
with report.check("examples/meltano.yml: image, keys and streams exist; one name for the image in all pages") as notes:
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    tap = plugin(content, "extractors")
    common.equal((tap["executable"], plugin(content, "loaders")["executable"]), ("tap-airbyte", "target-postgres"), "executables")
    (image,) = re.findall(r"^  dockerRepository: (.*)$", (ROOT / "metadata.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    common.equal(tap["config"]["airbyte_spec"]["image"], image, "the image")
    keys = {name.split(".")[1] for setting in tap["settings"] if (name := setting["name"]).startswith("airbyte_config.")}
    keys |= set(tap["config"]["airbyte_config"])
    common.equal(keys - set(SPEC), set(), "keys that the connector does not have")
    secret = {setting["name"].split(".")[1] for setting in tap["settings"] if setting.get("sensitive")}
    common.equal(secret, {key for key, value in SPEC.items() if value.get("airbyte_secret")}, "secrets")
    selected = {pattern.split(".")[0] for pattern in tap["select"]}
    common.equal(selected - set(common.STREAMS), set(), "streams that do not exist")
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.yml")]
    names = {name for page in pages for name in re.findall(r"([\w./-]*source-awin):[\w.]+", page.read_text(encoding="utf-8"))}
    common.equal(names, {image}, "names of the image in all pages")
    notes.append(f"{len(keys)} keys")
if report.failed:
    report.end()

with report.check("the commands of docs/runners.md; the configuration that the wrapper gets") as notes:
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    shutil.copy(EXAMPLE, project / "meltano.yml")
    run = [line for line in commands() if line.startswith(("meltano config", "meltano state"))]
    for command in run:
        meltano(command)
    given = json.loads(meltano("meltano config --unsafe print tap-awin"))
    common.equal(given["airbyte_spec"], {"image": image, "tag": "dev"}, "airbyte_spec")
    common.equal(given["airbyte_config"]["api_token"], common.TOKEN, "the token")
    common.expect(common.TOKEN not in (project / "meltano.yml").read_text(encoding="utf-8"), "the token is in meltano.yml")
    # The connector's own word on it.
    conf = given["airbyte_config"] | {"api_url": common.SANDBOX_URL}
    (answer,) = common.run("check", "--config", common.file("config.json", conf)).ok().of("CONNECTION_STATUS")
    common.equal(answer["connectionStatus"]["status"], "SUCCEEDED", "check with this configuration")
    common.equal(json.loads(meltano("meltano config print target-postgres"))["load_method"], "upsert", "load_method")
    notes.append(f"{len(run)} commands")

if "POSTGRESQL_PORT" in os.environ:
    with report.check("the loader, as Meltano installs it: all rows of all accounts in PostgreSQL, twice; the views on closing a month") as notes:
        meltano("meltano install target-postgres")
        psql("DROP DATABASE IF EXISTS meltano", database="postgres")
        psql("CREATE DATABASE meltano", database="postgres")
        where = f"TARGET_POSTGRES_PORT={os.environ['POSTGRESQL_PORT']} TARGET_POSTGRES_DATABASE=meltano"
        messages, rows = as_the_wrapper_writes()
        for _ in range(2):
            meltano(f"{where} meltano invoke target-postgres", input=messages)
        counts = {stream: int(psql(f"SELECT count(*) FROM awin.{stream}")) for stream in rows}
        common.equal(counts, {stream: len(found) for stream, found in rows.items()}, "rows")
        views = (ROOT / "docs/sql/views/postgresql.sql").read_text(encoding="utf-8").replace("_airbyte_extracted_at", "_sdc_batched_at")
        psql("SET search_path TO awin;" + views)
        parts = sum(len(row["transactionParts"] or []) for row in rows["transactions"])
        sales = psql("SELECT count(*), sum(commission), (SELECT count(*) FROM awin.awin_sale_parts) FROM awin.awin_sales")
        total = sum(decimal.Decimal(str(row["commissionAmount"]["amount"])) for row in rows["transactions"])
        common.equal(decimals(sales), [len(rows["transactions"]), total, parts], "sales, commission and parts in the views")
        notes.append(f"{sum(counts.values())} rows")
report.end()

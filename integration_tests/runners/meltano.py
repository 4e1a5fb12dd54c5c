"""Meltano itself, with the example project: the steps of docs/runners.md up to the point where the wrapper would start.

The wrapper, tap-airbyte, is in no registry, so `meltano install` and `meltano run` are not tried; what the wrapper does with the
connector is replayed by `recorded.py`.
"""

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


def meltano(command):
    quiet = {"MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", "NO_COLOR": "1"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | quiet | {"AWIN_TOKEN": common.TOKEN, "PGPASSWORD": "pa ss", "PATH": path}
    done = subprocess.run(["sh", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False)
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
report.end()

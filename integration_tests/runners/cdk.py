"""airbyte-cdk's standard tests, on the program and, with IMAGE set, on the image; by the project's own configuration of them.

    cdk.py            runs both and reports
    pytest cdk.py     what it runs

`airbyte-cdk connector test` knows Python, Java and manifests only. So its suite is run as such, and the one function that
would start a Python source starts the connector.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

import common
import pytest
from airbyte_cdk.test import entrypoint_wrapper
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput
from airbyte_cdk.test.standard_tests.docker_base import DockerConnectorTestSuite
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("CDK_FOLDER", ROOT))


class Program:
    """Stands for the Python source that the suite expects."""

    def spec(self, logger):
        raise NotImplementedError


def start_program(source, args, expecting_exception=None, *, expected_outcome=None):
    command = [common.CONNECTOR, *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, check=False)
    failed = subprocess.CalledProcessError(done.returncode, args, done.stdout, done.stderr) if done.returncode else None
    return EntrypointOutput(messages=done.stdout.splitlines(), uncaught_exception=failed, command=args)


class TestProgram(SourceTestSuiteBase):
    connector = Program

    @pytest.fixture(autouse=True)
    def _program(self, monkeypatch):
        monkeypatch.setattr(entrypoint_wrapper, "_run_command", start_program)

    @classmethod
    def get_connector_root_dir(cls):
        return FOLDER


# Those that it inherits are TestImage's.
for _name in [name for name in dir(DockerConnectorTestSuite) if name.startswith("test_docker_")]:
    setattr(TestProgram, _name, None)


class TestImage(DockerConnectorTestSuite):
    @classmethod
    def get_connector_root_dir(cls):
        return FOLDER


def connector_folder():
    """A folder named like a connector's, as the suite demands, with what its configuration names."""
    folder = Path(tempfile.mkdtemp(dir=common.WORK)) / "source-awin"
    folder.mkdir()
    for name in ("metadata.yaml", "acceptance-test-config.yml", "spec.json"):
        shutil.copy(ROOT / name, folder)
    (folder / "integration_tests").mkdir()
    for file in (ROOT / "integration_tests").glob("*.json"):
        shutil.copy(file, folder / "integration_tests")
    (folder / "secrets").mkdir()
    shutil.copy(common.file("config.json", common.config()), folder / "secrets")
    return folder


def run_suite(report, suite, image):
    results = common.WORK / f"{suite}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p",
               "airbyte_cdk.test.standard_tests.pytest_hooks", "--connector-image", image, "--read-from-streams", "all",
               f"--junitxml={results}", "-k", suite, __file__]  # fmt: skip
    where = "the program" if suite == "TestProgram" else f"the image {image}"
    with report.check(f"standard tests on {where}") as notes:
        environment = os.environ | {"CDK_FOLDER": str(connector_folder())}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=common.WORK)
        print(done.stdout[-20_000:], done.stderr[-5_000:])
        count = xml.etree.ElementTree.parse(results).find("testsuite").attrib
        skipped = [case.get("name") for case in xml.etree.ElementTree.parse(results).iter("testcase") if case.find("skipped") is not None]
        passed = int(count["tests"]) - sum(int(count[kind]) for kind in ("failures", "errors", "skipped"))
        notes.append(f"{passed} passed, {count['skipped']} skipped: {', '.join(re.sub('^test_', '', name) for name in skipped)}")
        failed = re.findall(r"^(?:FAILED|ERROR) \S*::(\S+)", done.stdout, re.MULTILINE)
        common.expect(done.returncode == 0 and passed >= 5, f"{', '.join(failed) or 'too few tests ran'}")


if __name__ == "__main__":
    cdk = common.Report("airbyte-cdk", importlib.metadata.version("airbyte-cdk"))
    if os.environ.get("IMAGE"):
        run_suite(cdk, "TestImage", os.environ["IMAGE"])
    else:
        run_suite(cdk, "TestProgram", "source-awin:none")
    cdk.end()

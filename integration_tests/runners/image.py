"""The image: how it is made up, and that it runs as the Airbyte platform, Docker and Kubernetes run it.

IMAGE names it; ENGINE is a command line like Docker's (`docker`, `podman`). Containers share the host's network, so that
the sandbox answers, and have a read-only root, no capability and no way to new privileges.
"""

import json
import os
import shlex
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import common

ENGINE, IMAGE = shlex.split(os.environ["ENGINE"]), os.environ["IMAGE"]
ROOT = Path(__file__).parents[2]
LARGEST = 25_000_000
HARDENED = ["--rm", "-i", "--network", "host", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
if "podman" in ENGINE[0]:
    HARDENED.append("--read-only-tmpfs=false")  # as Docker: nothing is writable then, not even /tmp


def engine(*args, **options):
    options = {"capture_output": True, "stdin": subprocess.DEVNULL, "timeout": 120} | options
    return subprocess.run([*ENGINE, *map(str, args)], text=True, check=False, **options)


def output_of(done):
    return common.Output(done.returncode, done.stdout, done.stderr)


def folder(**files):
    """A folder that every user can read."""
    path = Path(tempfile.mkdtemp(dir=common.WORK))
    for name, content in files.items():
        (path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    path.chmod(0o755)
    return path


def in_image(data, *args, options=()):
    return output_of(engine("run", *HARDENED, "-v", f"{data}:/data:ro", *options, IMAGE, *args))


# The platform's launcher, retold. It knows the connector only by the image's AIRBYTE_ENTRYPOINT; a marker file, looked for
# in the background, would end it; the exit code goes to a file that appears in one piece.
LAUNCHER = """
[ -n "$AIRBYTE_ENTRYPOINT" ] || exit 127
( eval "$AIRBYTE_ENTRYPOINT $COMMAND" > "$OUT" 2> "$ERR" ) &
child=$!
( while true; do if [ -f TERMINATION_MARKER ]; then kill $child; exit 0; fi; sleep 10; done ) &
wait $child
code=$?
echo $code > exitCode.tmp
mv exitCode.tmp exitCode.txt
exit $code
"""


def launch(place, command, files=None, fifo=False):
    """Runs the launcher in the empty directory `place` of the container. Returns the output and how long it took.

    `read` writes to named pipes, the other commands to a file.
    """
    here = Path(tempfile.mkdtemp(dir=common.WORK))
    for name, content in (files or {}).items():
        (here / name).write_text(json.dumps(content), encoding="utf-8")
    here.chmod(0o777)
    said = {"stdout": "", "stderr": ""}
    readers = []
    if fifo:
        for name in said:
            os.mkfifo(here / name)
            (here / name).chmod(0o666)

            def listen(name=name):
                said[name] = (here / name).read_text(encoding="utf-8")

            readers.append(threading.Thread(target=listen, daemon=True))
            readers[-1].start()
    out, err = ("stdout", "stderr") if fifo else ("jobOutput.json", "stderr")
    started = time.monotonic()
    done = engine("run", *HARDENED, "-v", f"{here}:{place}", "-w", place, "-e", f"COMMAND={command}", "-e", f"OUT={out}",
                  "-e", f"ERR={err}", "-e", "DEPLOYMENT_MODE=OSS", "-e", "USE_STREAM_CAPABLE_STATE=true", "-e", "LOG_LEVEL=INFO",
                  "--user", "1000:1000", "--entrypoint", "sh", IMAGE, "-c", LAUNCHER)  # fmt: skip
    took = time.monotonic() - started
    for reader in readers:
        reader.join(timeout=10)
    if not fifo and (here / out).is_file():
        said = {"stdout": (here / out).read_text(encoding="utf-8"), "stderr": (here / err).read_text(encoding="utf-8")}
    common.expect((here / "exitCode.txt").is_file(), f"no exit code file; exit {done.returncode}: {done.stderr[-300:]}")
    common.equal(int((here / "exitCode.txt").read_text()), done.returncode, "exit code in the file")
    common.equal(said["stderr"], "", "stderr")
    return common.Output(done.returncode, said["stdout"], said["stderr"]), took


def certificates(path):
    """A private authority and a certificate of it for localhost, as ca.pem, key.pem and cert.pem."""
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=path)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=A private authority")
    openssl("req", *key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    (path / "names").write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "cert.pem")  # fmt: skip
    (path / "ca.pem").chmod(0o644)


def tls_in_front_of_the_sandbox(path):
    """Ends TLS and hands on to the sandbox. Returns its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path / "cert.pem", path / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    target = common.SANDBOX_URL.removeprefix("http://").split(":")

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(raw):
        try:
            inner = context.wrap_socket(raw, server_side=True)
            outer = socket.create_connection((target[0], int(target[1])))
        except OSError:
            return  # the client does not trust us
        threading.Thread(target=pump, args=(outer, inner), daemon=True).start()
        pump(inner, outer)

    def accept():
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


image = json.loads(engine("image", "inspect", IMAGE).stdout)[0]
version = engine("--version").stdout.split()[-1]
report = common.Report("image", f"{Path(ENGINE[0]).name} {version}")
settings = image["Config"]
environment = dict(line.split("=", 1) for line in settings["Env"])

with report.check("size at most 25 MB") as notes:
    notes.append(f"{image['Size'] / 1e6:.1f} MB")
    common.expect(image["Size"] <= LARGEST, f"{image['Size']} bytes")

with report.check("user 1000, AIRBYTE_ENTRYPOINT = ENTRYPOINT, absolute; labels = metadata.yaml"):
    common.equal(settings["User"], "1000:1000", "USER")
    common.equal(environment["AIRBYTE_ENTRYPOINT"], " ".join(settings["Entrypoint"]), "AIRBYTE_ENTRYPOINT")
    common.expect(environment["AIRBYTE_ENTRYPOINT"].startswith("/"), "a relative entrypoint")
    metadata = (ROOT / "metadata.yaml").read_text(encoding="utf-8")
    for label, key in (("io.airbyte.name", "dockerRepository"), ("io.airbyte.version", "dockerImageTag")):
        common.expect(f"\n  {key}: {settings['Labels'].get(label)}\n" in metadata, f"{label} is {settings['Labels'].get(label)}")

streams = common.discover()
catalog = common.configured(streams)
data = folder(config=common.config(), catalog=catalog)
for user in ("1000:1000", "48271:31337"):
    with report.check(f"spec, check, discover, read as {user}: read-only root, no capability, no HOME") as notes:
        # Some engines set HOME whatever they are told, hence the shell.
        bare = ("--user", user, "--entrypoint", "sh")
        def command(line):
            return in_image(data, "-c", f"unset HOME; exec $AIRBYTE_ENTRYPOINT {line}", options=bare).ok()
        common.equal(len(command("spec").of("SPEC")), 1, "SPEC")
        common.equal(command("check --config /data/config.json").of("CONNECTION_STATUS")[0]["connectionStatus"]["status"],
                     "SUCCEEDED", "check")  # fmt: skip
        common.equal(len(command("discover --config /data/config.json").of("CATALOG")), 1, "CATALOG")
        output = command("read --config /data/config.json --catalog /data/catalog.json")
        common.expect(all(output.records(name) for name in common.STREAMS), "a stream without records")
        notes.append(f"{len(output.of('RECORD'))} records")

with report.check("plain `run IMAGE spec` as its own user; /airbyte is its own; sh, sleep and mv on PATH"):
    common.equal(len(in_image(data, "spec").ok().of("SPEC")), 1, "SPEC")
    done = engine("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", "id -u && touch /airbyte/x && pwd")
    common.equal((done.returncode, done.stdout.split()), (0, ["1000", "/airbyte"]), "its user and directory")
    # Some shells have sleep and mv built in, and the launcher works without the programs; others have not.
    look = 'IFS=:; for p in sh sleep mv; do for d in $PATH; do if [ -x "$d/$p" ]; then echo $p; break; fi; done; done'
    done = engine("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", look)
    common.equal(done.stdout.split(), ["sh", "sleep", "mv"], "programs on PATH")

with report.check("the platform's launcher: spec in under 1 s, check, discover, read with pipes and state, exit codes") as notes:
    spec = min((launch("/config", "spec") for _ in range(3)), key=lambda answer: answer[1])
    common.equal((spec[0].code, len(spec[0].of("SPEC"))), (0, 1), "spec")
    notes.append(f"spec {spec[1]:.2f} s with the container's start")
    common.expect(spec[1] < 1, f"spec took {spec[1]:.2f} s")
    settings_file = {"connectionConfiguration.json": common.config()}
    for command, kind in (("check", "CONNECTION_STATUS"), ("discover", "CATALOG")):
        output, _ = launch("/config", f"{command} --config /config/connectionConfiguration.json", settings_file)
        common.equal((output.code, len(output.of(kind))), (0, 1), command)
    files = {"connectorConfig.json": common.config(), "catalog.json": catalog}
    line = "read --config /source/connectorConfig.json --catalog /source/catalog.json"
    first, _ = launch("/source", line, files, fifo=True)
    common.expect(all(first.ok().records(name) for name in common.STREAMS), "a stream without records")
    files |= {"inputState.json": first.states(), "connectorConfig.json": common.config(lookback_days=1)}
    # Rows that did not change stay home: something must happen between the reads.
    common.sandbox("/sandbox/change", "POST")
    second, _ = launch("/source", f"{line} --state /source/inputState.json", files, fifo=True)
    before, after = len(first.records("transactions")), len(second.ok().records("transactions"))
    common.expect(0 < after < before / 2, f"{after} transactions after {before}: the state was not used")
    output, _ = launch("/source", line, {"connectorConfig.json": common.config(api_token="no")} | {"catalog.json": catalog}, fifo=True)
    common.equal((output.code, output.errors()[0]["failure_type"]), (1, "config_error"), "end with a wrong token")

with report.check("SIGTERM as process 1: ends at once, with whole lines") as notes:
    # Ten calls a minute: the read would take an hour.
    slow = folder(config=common.config(requests_per_minute=10), catalog=catalog)
    name = f"source-awin-term-{os.getpid()}"
    command = [*ENGINE, "run", "--name", name, *HARDENED, "-v", f"{slow}:/data:ro", IMAGE, "read", "--config", "/data/config.json",
               "--catalog", "/data/catalog.json"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reading:
        lines = []
        for line in reading.stdout:
            lines.append(line)
            if '"RECORD"' in line:
                break
        time.sleep(1)
        started = time.monotonic()
        engine("kill", "--signal", "TERM", name)
        deadline = threading.Timer(20, engine, ["kill", "--signal", "KILL", name])
        deadline.start()
        rest = reading.stdout.read()
        reading.wait()
        deadline.cancel()
        took = time.monotonic() - started
    output = common.Output(reading.returncode, "".join(lines) + rest, "")
    notes.append(f"{took:.1f} s, exit code {reading.returncode}")
    common.expect(took < 5 and reading.returncode == 143, f"{took:.1f} s, exit code {reading.returncode}")
    common.expect(output.stdout.endswith("\n"), "half a line")

with report.check("TLS with a private authority by SSL_CERT_FILE; refused without it"):
    secure = folder()
    certificates(secure)
    address = f"https://localhost:{tls_in_front_of_the_sandbox(secure)}"
    for key, content in (("config", common.config(api_url=address)), ("catalog", common.configured(streams[:1]))):
        (secure / f"{key}.json").write_text(json.dumps(content), encoding="utf-8")
    trusting = ("-e", "SSL_CERT_FILE=/data/ca.pem")
    check = ("check", "--config", "/data/config.json")
    status = in_image(secure, *check, options=trusting).ok().of("CONNECTION_STATUS")[0]["connectionStatus"]
    common.equal(status["status"], "SUCCEEDED", f"check through TLS ({status.get('message')})")
    read = in_image(secure, "read", *check[1:], "--catalog", "/data/catalog.json", options=trusting).ok()
    common.expect(read.records("transactions"), "no records through TLS")
    status = in_image(secure, *check).ok().of("CONNECTION_STATUS")[0]["connectionStatus"]
    common.equal(status["status"], "FAILED", "check with an authority that is not known")
    common.expect("certificate" in status["message"].lower(), f"not clear: {status['message']}")
    trusted = in_image(secure, "-c", "grep -c BEGIN.CERTIFICATE $SSL_CERT_FILE", options=("--entrypoint", "sh"))
    common.expect(int(trusted.stdout) > 50, "the image has no authorities of its own")
report.end()

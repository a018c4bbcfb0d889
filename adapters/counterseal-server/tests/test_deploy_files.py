"""The files in `deploy`: what tools and our own rules say of them, and of planted mistakes."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

pytest.importorskip("kubernetes_validate", reason="no hadolint: the group deploy is not installed")

from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from deployment import (
    DEPLOY,
    compose_problems,
    containerfile_problems,
    kubernetes_problems,
    manifests,
    prepared_variables,
)
from kubernetes_validate import utils

from counterseal_server.configuration import KINDS

SH = "/bin/sh"
BIN = Path(sys.executable).parent
VARIABLES = {
    "PUBLIC_HOST": "auth.example.com",
    "COMPANY": "Example",
    "APP_SPACE": "Bank",
    "ORIGIN": "Web shop",
}


def tool_problems(*command, folder):
    """Return what a tool says that refuses; nothing if it does not."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=folder,
        env=os.environ | VARIABLES,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return [f"{command[0]}: {done.stdout}{done.stderr}"] if done.returncode else []


def containerfile(folder):
    return tool_problems("hadolint", "Containerfile", folder=folder) or containerfile_problems(
        folder
    )


def compose_file(folder):
    # In this process: it takes half a second to import.
    arguments = ["--builtin-schema", "vendor.compose-spec", str(folder / "compose.yaml")]
    result = CliRunner().invoke(check_jsonschema, arguments)
    if result.exit_code:
        return [f"check-jsonschema: {result.output}"]
    return compose_problems(folder, VARIABLES)


def test_the_file_for_keycloak_fits_the_schema():
    """An example, which is not run anywhere; see docs/how-to/ask-behind-a-ciba-host.md."""
    hosts = DEPLOY.parents[2] / "docs" / "examples" / "hosts"
    arguments = ["--builtin-schema", "vendor.compose-spec", str(hosts / "keycloak.compose.yaml")]
    result = CliRunner().invoke(check_jsonschema, arguments)
    assert result.exit_code == 0, result.output
    services = yaml.safe_load((hosts / "keycloak.compose.yaml").read_text("utf-8"))["services"]
    names = {
        name.removeprefix("COUNTERSEAL_").lower() for name in services["counterseal"]["environment"]
    }
    assert names <= KINDS.keys()
    (volume,) = services["keycloak"]["volumes"]
    realm = json.loads((hosts / volume.partition(":")[0]).read_text("utf-8"))
    assert realm["clients"][0]["attributes"]["oidc.ciba.grant.enabled"] == "true"


def caddyfile(folder):
    options = ("--adapter", "caddyfile", "--config", "Caddyfile")
    problems = tool_problems("caddy", "validate", *options, folder=folder)
    return problems or compose_problems(folder, VARIABLES)


def kubernetes(folder):
    problems = []
    for file, documents in manifests(folder).items():
        for document in documents:
            try:
                utils.validate(document, utils.latest_version(), strict=True)
            except utils.ValidationError as error:
                problems.append(f"kubernetes-validate: {file}: {error.message}")
            except utils.SchemaNotFoundError as error:
                problems.append(f"kubernetes-validate: {file}: {error.message}")
    return problems or kubernetes_problems(folder)


@pytest.fixture(autouse=True, scope="module")
def schemas():
    """Let the schemas of the cluster be read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


CHECKS = {
    "Containerfile": containerfile,
    "compose.yaml": compose_file,
    "prepare.sh": compose_file,
    "Caddyfile": caddyfile,
}


@pytest.mark.parametrize("check", [containerfile, compose_file, caddyfile, kubernetes])
def test_nothing_is_wrong(check):
    assert check(DEPLOY) == []


RESTORE_PAGE = DEPLOY.parents[2] / "docs" / "how-to" / "back-up-and-restore.md"


def test_the_restore_waits_for_the_pods_of_deployments_and_not_for_those_of_jobs():
    """The cluster keeps the finished pods of a job for a day."""
    text = RESTORE_PAGE.read_text("utf-8")
    label, excluded = re.search(r"wait pod .*\n +-l '(\S+) notin \((\S+)\)'", text).groups()
    components = {
        kind: {
            document["spec"]["template"]["metadata"]["labels"][label]
            for documents in manifests(DEPLOY).values()
            for document in documents
            if document["kind"] == kind
        }
        for kind in ("Deployment", "Job")
    }
    assert {*excluded.split(",")} == components["Job"]
    assert components["Deployment"].isdisjoint(components["Job"])


SERVE, JOB = "kubernetes/serve.yaml", "kubernetes/create/job.yaml"
POLICY, INGRESS = "kubernetes/base/network-policy.yaml", "kubernetes/ingress.yaml"
WORKERS = "kubernetes/callbacks.yaml"
SERVICE, BUDGET = "kubernetes/service.yaml", "kubernetes/disruption-budget.yaml"
MISTAKES = [
    # What the tools find.
    ("Containerfile", "RUN pip install --no-cache-dir uv==0.13.9", "RUN pip install uv", "DL3013"),
    ("Containerfile", "WORKDIR /clone", "WORKDIR clone", "DL3000"),
    ("Containerfile", "EXPOSE 8787", "EXPOSE 87870", "DL3011"),
    ("Containerfile", "USER 10001:10001", "USER 0:0", "DL3002"),
    ("Containerfile", "CMD [", "CMD serve\nCMD [", "DL40"),
    ("compose.yaml", "    cap_add: [", "    cap_ad: [", "check-jsonschema"),
    ("compose.yaml", "condition: service_completed_successfully", "condition: done", "check-json"),
    ("compose.yaml", "shm_size: 128m", "shm_size: [128m]", "check-jsonschema"),
    ("Caddyfile", "max_size", "max_siez", "caddy: "),
    ("Caddyfile", "request_buffers 128KiB", "request_buffers many", "caddy: "),
    (SERVE, "replicas: 3", "replicas: three", "kubernetes-validate"),
    (SERVE, "livenessProbe:", "livenesProbe:", "kubernetes-validate"),
    (INGRESS, "pathType: Prefix", "pathTyp: Prefix", "kubernetes-validate"),
    (BUDGET, "policy/v1", "policy/v1beta1", "kubernetes-validate"),
    (JOB, "backoffLimit: 0", "backoffLimit: none", "kubernetes-validate"),
    # What our own rules find.
    ("Containerfile", "USER 10001:10001", "USER 10002:10002", "the user is"),
    ("Containerfile", "\nUSER 10001:10001", "", "the user is"),
    ("Containerfile", "3.13.14-slim-trixie", "3.13-slim", "not pinned"),
    ("Containerfile", "slim-trixie", "slim-trixie@sha256:0123", "not pinned"),
    ("Containerfile", "pip uninstall --yes pip", "pip install --no-cache-dir uv==1", "build tools"),
    ("Containerfile", "uv==0.13.9", "uv==0.13.8", "uv is not that of uv.lock"),
    ("Containerfile", "COUNTERSEAL_HOST", "COUNTERSEAL_LISTEN", "no setting"),
    ("Containerfile", "COUNTERSEAL_LOG_FORMAT=json", "COUNTERSEAL_LOG_FORMAT=xml", "log_format"),
    ("Containerfile", "counterseal/health.py", "counterseal/alive.py", "no health check"),
    ("Containerfile", "WORKER_PORT=8787", "WORKER_PORT=8788", "the health check finds no workers"),
    ("compose.yaml", "COUNTERSEAL_PORTAL:", "COUNTERSEAL_PORTALS:", "no setting"),
    ("compose.yaml", "master_key, store]", "master_key]", "reads the secrets"),
    ("compose.yaml", "_FILE: /run/secrets/store", "_FILE: /run/secrets/stor", "reads the secrets"),
    ("compose.yaml", "      - --once\n", "      - --onces\n", "No such option"),
    ("compose.yaml", "  read_only: true\n", "", "read_only"),
    ("compose.yaml", "  cap_drop: [ALL]\n", "", "cap_drop"),
    ("compose.yaml", "caddy:2.11.7-alpine", "caddy:latest", "is not pinned"),
    ("compose.yaml", "2.11.7-alpine", "2.11.7-alpine@sha256:0123", "is not pinned"),
    ("compose.yaml", "healthy, required: false }", "healthy }", "with another profile"),
    ("compose.yaml", '"data:/var/lib/counterseal"', '"data:/data"', "not in a volume"),
    ("prepare.sh", ">secrets/master_key", ">secrets/masterkey", "does not write"),
    ("Caddyfile", "counterseal:8787", "counterseal:8788", "to nobody"),
    ("Caddyfile", " /readyz", "", "shows /metrics or /readyz"),
    (SERVE, "path: /readyz", "path: /ready", "readinessProbe"),
    (SERVE, "containerPort: 8787", "containerPort: 8080", "the port is not"),
    (SERVE, "enableServiceLinks: false", "enableServiceLinks: true", "enableServiceLinks"),
    (SERVE, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "is not confined"),
    (SERVE, "runAsNonRoot: true", "runAsNonRoot: false", "is not confined"),
    (SERVE, "secrets/counterseal/store }", "secrets/counterseal/url }", "no file"),
    (SERVE, "secretName: counterseal-keys", "secretName: keys", "no Secret keys"),
    (SERVE, "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 12", "is killed"),
    (SERVE, "COUNTERSEAL_STORE_FILE", "COUNTERSEAL_STORE_PATH", "no setting"),
    (WORKERS, "COUNTERSEAL_WORKER_PORT, value", "COUNTERSEAL_PORT, value", "it answers no probe"),
    (WORKERS, "path: /healthz", "path: /readyz", "livenessProbe"),
    (WORKERS, "path: /readyz", "path: /healthz", "readinessProbe"),
    (WORKERS, "containerPort: 8787", "containerPort: 8788", "the port is not"),
    (JOB, "            - --auth=signature\n", "", "Missing option"),
    ("kubernetes/upgrade/job.yaml", "[store, upgrade]", "[store, migrate]", "no command"),
    ("kubernetes/kustomization.yaml", "- serve.yaml", "- server.yaml", "there is no server.yaml"),
    ("kubernetes/counterseal.toml", "senders", "sender", "no such setting"),
    (SERVICE, "component: serve", "component: server", "the Service selects"),
    (BUDGET, "component: serve", "component: callbacks", "about other pods"),
    (POLICY, "169.254.0.0/16, ", "", "the cloud's credentials"),
    (POLICY, "port: 8443", "port: 8444", "other ports"),
    (INGRESS, "service: { name: counterseal-nowhere", "service: { name: counterseal", "shows /met"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "problem"), MISTAKES)
def test_a_planted_mistake_is_found(tmp_path, file, old, new, problem):
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns("secrets", ".env"))
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), "utf-8")

    assert problem in "\n".join(CHECKS.get(file, kubernetes)(folder))


@pytest.mark.parametrize(
    ("file", "tag"), [("Containerfile", "slim-trixie"), ("compose.yaml", "7-alpine")]
)
def test_a_digest_is_accepted_after_the_tag(tmp_path, file, tag):
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns("secrets", ".env"))
    text = (folder / file).read_text("utf-8")
    assert tag in text
    (folder / file).write_text(text.replace(tag, f"{tag}@sha256:{'0a' * 32}"), "utf-8")

    assert CHECKS[file](folder) == []


def test_prepare_writes_new_secrets_and_replaces_none(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        shutil.copy(DEPLOY / "prepare.sh", tmp_path / name)
    script = [SH, tmp_path / "first" / "prepare.sh", "auth.example.com"]
    subprocess.run(script, check=True, timeout=60)
    folder = tmp_path / "first" / "secrets"
    assert (tmp_path / "first" / ".env").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    variables = prepared_variables((tmp_path / "first" / ".env").read_text())
    assert variables == VARIABLES | {"COMPOSE_PROFILES": "postgresql"}
    assert texts["store"].startswith("postgresql://counterseal:")

    again = subprocess.run(script, check=False, timeout=60, capture_output=True, text=True)
    assert (again.returncode, "exists" in again.stderr) == (1, True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == texts

    other = [SH, tmp_path / "second" / "prepare.sh", "auth.example.com", "redis"]
    subprocess.run(other, check=True, timeout=60)
    others = {path.name: path.read_text() for path in (tmp_path / "second" / "secrets").iterdir()}
    assert others["store"].startswith("redis://counterseal:")
    assert {*others} == {*texts}
    assert all(others[name] != texts[name] for name in texts)


@pytest.mark.skipif(not (DEPLOY.parents[2] / ".git").exists(), reason="this is no clone")
@pytest.mark.parametrize("name", [".env", "secrets/master_key", "compose.override.yaml"])
def test_git_ignores_what_has_secrets(name):
    command = [shutil.which("git"), "check-ignore", "--quiet", DEPLOY / name]

    assert subprocess.run(command, cwd=DEPLOY, check=False, timeout=60).returncode == 0


HALF = [
    [],
    ["auth.example.com", "mysql"],
    ["https://auth.example.com"],
    ["auth.example.com:443"],
    ["auth.example.com\nPORTAL=true"],
]


@pytest.mark.parametrize("arguments", HALF)
def test_prepare_leaves_nothing_behind_that_is_half(tmp_path, arguments):
    shutil.copy(DEPLOY / "prepare.sh", tmp_path)
    done = subprocess.run(
        [SH, tmp_path / "prepare.sh", *arguments], check=False, timeout=60, capture_output=True
    )
    assert done.returncode
    assert [path.name for path in tmp_path.iterdir()] == ["prepare.sh"]


def fake_program(folder, name, script):
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_prepare_that_fails_half_way_can_be_repeated(tmp_path):
    programs, folder = tmp_path / "bin", tmp_path / "deploy"
    programs.mkdir()
    folder.mkdir()
    shutil.copy(DEPLOY / "prepare.sh", folder)
    script = [SH, folder / "prepare.sh", "auth.example.com"]
    variables = fake_program(programs, "base64", "exit 1")

    failed = subprocess.run(script, check=False, timeout=60, capture_output=True, env=variables)
    assert failed.returncode
    assert [path.name for path in folder.iterdir()] == ["prepare.sh"]

    subprocess.run(script, check=True, timeout=60)
    assert {path.name for path in folder.iterdir()} == {"prepare.sh", "secrets", ".env"}


def test_no_process_of_the_database_has_the_password_as_an_argument(tmp_path):
    password = tmp_path / "password"
    password.write_text("correct-horse-7Jq2mX\n")
    variables = fake_program(tmp_path, "psql", f'echo "$@" >{tmp_path}/arguments; cat >/dev/null')

    subprocess.run(
        [SH, DEPLOY / "postgresql.sh"],
        env=variables | {"POSTGRES_USER": "postgres", "PASSWORD_FILE": str(password)},
        check=True,
        timeout=60,
    )

    arguments = (tmp_path / "arguments").read_text()
    assert "--username postgres" in arguments
    assert "7Jq2mX" not in arguments

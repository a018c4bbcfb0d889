"""The files in `deploy` as data, and what is wrong with them by our own rules."""

import json
import os
import re
import shlex
import tomllib
from pathlib import Path

import attrs
import click
import yaml

from counterseal.errors import CountersealError
from counterseal_server.cli import main
from counterseal_server.configuration import KINDS, settings
from counterseal_server.settings import Settings
from counterseal_server.web import OPERATORS

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "adapters" / "counterseal-server" / "deploy"
PREFIX = "COUNTERSEAL_"
USER = "10001:10001"
PORT = attrs.fields(Settings).port.default
DIGEST = "(@sha256:[0-9a-f]{64})?"
PINNED = re.compile(rf"docker\.io/library/[a-z]+:[0-9]+\.[0-9]+(\.[0-9]+)?-[a-z-]+{DIGEST}")
PYTHON = re.compile(rf"docker\.io/library/python:3\.[0-9]+\.[0-9]+-slim-[a-z]+{DIGEST}")
RUN_SECRETS = "/run/secrets/"
INTERPOLATED = re.compile(r"\$\{([A-Z_]+)(?::([?-])([^}]*))?\}")
SECRETS = {"counterseal-secrets": {"store", "master.key"}, "counterseal-keys": {"signing.json"}}
"""The Secrets of the cluster, and their files; the page has the commands that create them."""


def instructions(path):
    """Return the stages of a Containerfile: each is a list of instructions and arguments."""
    text = "".join(line for line in open_lines(path) if not line.startswith("#"))
    builds = []
    for line in text.replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            builds.append([])
        if name:
            builds[-1].append((name, rest.strip()))
    return builds


def open_lines(path):
    return path.read_text("utf-8").splitlines(keepends=True)


def image_environment(path):
    """Return the variables that the image sets."""
    variables = {}
    for name, rest in instructions(path)[-1]:
        if name == "ENV":
            variables |= dict(each.split("=", 1) for each in shlex.split(rest))
    return variables | {"PATH": variables["PATH"].replace("$PATH", os.defpath)}


def compose(folder, variables):
    """Return the compose file with *variables* in their places."""
    unset = []

    def replace(match):
        name, kind, rest = match.groups()
        if variables.get(name):
            return variables[name]
        if kind != "-":
            unset.append(name)
        return rest or ""

    text = INTERPOLATED.sub(replace, (folder / "compose.yaml").read_text("utf-8"))
    assert not unset, unset
    return yaml.safe_load(text)


def prepared_variables(text):
    """Return the variables of an `.env` file."""
    return {name: shlex.split(value)[0] for name, _, value in split_lines(text)}


def split_lines(text):
    return (line.partition("=") for line in text.splitlines() if "=" in line)


def manifests(folder):
    """Return every manifest of the cluster, by file, without those of kustomize."""
    return {
        path.relative_to(folder).as_posix(): [*yaml.safe_load_all(path.read_text("utf-8"))]
        for path in sorted((folder / "kubernetes").rglob("*.yaml"))
        if path.name != "kustomization.yaml"
    }


def pods(folder):
    """Return the specification of every pod, by file."""
    found_pods = {}
    for name, documents in manifests(folder).items():
        for document in documents:
            if "template" in document.get("spec", {}):
                found_pods[name] = document["spec"]["template"]["spec"]
    return found_pods


def environment_problems(variables):
    """Say which variables the service would refuse."""
    ours = {name: text for name, text in variables.items() if name.startswith(PREFIX)}
    unknown = [name for name in ours if name.removeprefix(PREFIX).lower() not in {*KINDS, "config"}]
    if unknown:
        return [f"no setting: {', '.join(unknown)}"]
    # The files are only in the container.
    inside = {name: text for name, text in ours.items() if name != f"{PREFIX}STORE_FILE"}
    try:
        settings({"data": "data"} if f"{PREFIX}DATA" not in ours else {}, inside)
    except CountersealError as error:
        return [str(error)]
    return []


def command_problems(arguments):
    """Say what the command line would refuse."""
    command, rest = main, list(arguments)
    while isinstance(command, click.Group):
        name = rest.pop(0) if rest else ""
        command = command.get_command(click.Context(command), name)
        if command is None:
            return [f"no command: {name}"]
    try:
        command.make_context(name, rest)
    except click.UsageError as error:
        return [error.format_message()]
    return []


def containerfile_problems(folder):
    """Say what is wrong with the Containerfile, beyond what hadolint says."""
    path = folder / "Containerfile"
    builds = instructions(path)
    last = builds[-1]
    problems = [
        f"not pinned: {rest}"
        for build in builds
        for name, rest in build
        if name == "FROM"
        and rest.split()[0] not in {"base", "build"}
        and not PYTHON.fullmatch(rest.split()[0])
    ]
    # What follows the last USER runs as that user.
    users = [rest for name, rest in last if name == "USER"]
    if users[-1:] != [USER]:
        problems.append(f"the user is {users}, and not {USER}")
    if f"-o {USER.partition(':')[0]} -g {USER.partition(':')[2]} /var/lib" not in str(last):
        problems.append("the folder of the data is another user's")
    if ("EXPOSE", str(PORT)) not in last:
        problems.append(f"the port {PORT} is not exposed")
    if not any(name == "HEALTHCHECK" and "health.py" in rest for name, rest in last):
        problems.append("no health check")
    if image_environment(path).get(f"{PREFIX}WORKER_PORT") != str(PORT):
        problems.append("the health check finds no workers")
    tools = re.findall(r"pip install|apt-get|gcc|\buv\b", str(last))
    if tools:
        problems.append(f"build tools in the last build: {tools}")
    if "pip uninstall" not in str(last):
        problems.append("pip is in the last build")
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    (uv,) = (each["version"] for each in lock["package"] if each["name"] == "uv")
    if f"uv=={uv}" not in str(builds[1]):
        problems.append(f"uv is not that of uv.lock, {uv}")
    return problems + environment_problems(image_environment(path))


def compose_problems(folder, variables):
    """Say what is wrong with the compose file, beyond what its schema says."""
    document = compose(folder, variables)
    services = document["services"]
    image = image_environment(folder / "Containerfile")
    problems = [
        f"{name}: {problem}"
        for name, service in services.items()
        for problem in (
            *confinement_problems(service),
            *dependency_problems(service, services),
            *secret_problems(folder, name, service),
            *(service_problems(service, image) if service["image"] == "counterseal" else ()),
        )
    ]
    prepared = (folder / "prepare.sh").read_text("utf-8")
    problems += [
        f"prepare.sh does not write {secret['file']}"
        for secret in document["secrets"].values()
        if f">{secret['file'].removeprefix('./')}\n" not in prepared
    ]
    caddyfile = (folder / "Caddyfile").read_text("utf-8")
    if f"reverse_proxy counterseal:{PORT} " not in caddyfile:
        problems.append("the proxy passes requests on to nobody")
    if "@inside path /metrics /readyz\n" not in caddyfile or "respond @inside 404" not in caddyfile:
        problems.append("the proxy shows /metrics or /readyz")
    return problems


def confinement_problems(service):
    expected = {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    problems = [
        f"{key} is not {value}" for key, value in expected.items() if service.get(key) != value
    ]
    if service["image"] != "counterseal" and not PINNED.fullmatch(service["image"]):
        problems.append(f"{service['image']} is not pinned")
    return problems


def dependency_problems(service, services):
    for name, wait in service.get("depends_on", {}).items():
        # The image of the service has one.
        checked = services[name].get("healthcheck") or name == "counterseal"
        if wait["condition"] == "service_healthy" and not checked:
            yield f"{name} has no health check"
        if services[name].get("profiles") and wait.get("required", True):
            yield f"{name} does not start with another profile"


def secret_problems(folder, name, service):
    used = set(re.findall(rf"{RUN_SECRETS}(\w+)", json.dumps(service)))
    if name == "postgresql":
        script = (folder / "postgresql.sh").read_text("utf-8")
        used |= set(re.findall(rf"{RUN_SECRETS}(\w+)", script))
    if used != {*service.get("secrets", [])}:
        yield f"it reads the secrets {sorted(used)}, and has others"


def service_problems(service, image):
    yield from environment_problems(image | service["environment"])
    yield from command_problems(service["command"])
    for variable in ("STORE_FILE", "MASTER_KEY_FILE"):
        if not service["environment"][PREFIX + variable].startswith(RUN_SECRETS):
            yield f"{variable} is no secret"
    if f"data:{image['COUNTERSEAL_DATA']}" not in service["volumes"]:
        yield "the data are not in a volume"


def kubernetes_problems(folder):
    """Say what is wrong with the manifests, beyond what their schema says."""
    image = image_environment(folder / "Containerfile")
    problems = [
        f"{name}: {problem}"
        for name, pod in pods(folder).items()
        for problem in pod_problems(pod, image)
    ]
    specifications = {
        (document["kind"], document["metadata"]["name"]): document["spec"]
        for documents in manifests(folder).values()
        for document in documents
        if "spec" in document
    }
    return [
        *problems,
        *selector_problems(specifications),
        *network_problems(specifications),
        *kustomize_problems(folder),
    ]


def selector_problems(specifications):
    for (kind, name), specification in specifications.items():
        if kind == "Deployment":
            labels = specification["template"]["metadata"]["labels"]
            if specification["selector"]["matchLabels"] != labels:
                yield f"{name}: it selects other pods"
    serve = specifications["Deployment", "counterseal"]
    labels = serve["template"]["metadata"]["labels"]
    if specifications["Service", "counterseal"]["selector"] != labels:
        yield "the Service selects other pods"
    if "selector" in specifications["Service", "counterseal-nowhere"]:
        yield "the Service that answers nothing selects pods"
    budget = specifications["PodDisruptionBudget", "counterseal"]
    if budget["selector"]["matchLabels"] != labels:
        yield "the disruption budget is about other pods"
    if serve["replicas"] <= budget["maxUnavailable"]:
        yield "the disruption budget allows that no pod is left"


def pod_problems(pod, image):
    """Say what is wrong with one pod."""
    (container,) = pod["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    problems = environment_problems(image | variables) + command_problems(container["args"])
    expected = {
        "enableServiceLinks": False,  # else COUNTERSEAL_PORT is tcp://…
        "automountServiceAccountToken": False,
        "serviceAccountName": "counterseal",
    }
    problems += [
        f"{key} is not {value}" for key, value in expected.items() if pod.get(key) != value
    ]
    user, group = map(int, USER.split(":"))
    if pod["securityContext"] != {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }:
        problems.append("the pod is not confined")
    if container["securityContext"] != {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }:
        problems.append("the container is not confined")
    if not {"cpu", "memory"} <= {*container["resources"]["requests"]}:
        problems.append("it requests no resources")
    if "memory" not in container["resources"]["limits"]:
        problems.append("it has no limit of memory")
    problems += probe_problems(container) + volume_problems(pod, container, variables, image)
    if container["args"] == ["serve"]:
        stop = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = attrs.fields(Settings).grace.default.total_seconds()
        if pod["terminationGracePeriodSeconds"] <= stop + grace:
            problems.append("it is killed before it has stopped")
    return problems


def probe_problems(container):
    probes = {
        name: container[name]["httpGet"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
        if name in container
    }
    if container["args"][-1] not in {"serve", "run"}:
        return ["it answers no probe"] if probes else []
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    problems = [] if ports == {"http": PORT} else [f"the port is not {PORT}"]
    # A store that is out of reach is no reason to kill a process.
    expected = {"livenessProbe": "healthz", "readinessProbe": "readyz"}
    if container["args"] == ["serve"]:
        expected |= {"startupProbe": "healthz"}
    else:
        variables = {each["name"]: each["value"] for each in container["env"]}
        if variables.get(f"{PREFIX}WORKER_PORT") != str(PORT):
            problems.append("it answers no probe")
    for name, path in expected.items():
        if name not in probes:
            problems.append(f"no {name}")
        elif probes[name] != {"path": f"/{path}", "port": "http"} or path not in OPERATORS:
            problems.append(f"{name}: {probes[name]}")
    return problems


def volume_problems(pod, container, variables, image):
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    secrets = {
        each["name"]: each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each
    }
    problems = [f"no Secret {name}" for name in secrets.values() if name not in SECRETS]
    if {*mounts} != {each["name"] for each in pod["volumes"]}:
        problems.append("a volume has no mount, or a mount no volume")
    problems += [
        f"{name} can be written"
        for name, each in mounts.items()
        if name != "tmp" and not each.get("readOnly")
    ]
    problems += [
        f"{each['name']}: everybody may read it"
        for each in pod["volumes"]
        if "secret" in each and each["secret"]["defaultMode"] != 0o440
    ]
    there = {
        f"{mounts[name]['mountPath']}/{file}"
        for name, secret in secrets.items()
        if name in mounts
        for file in SECRETS.get(secret, ())
    }
    if "settings" in mounts:
        there.add(f"{mounts['settings']['mountPath']}/counterseal.toml")
    paths = {variables.get(f"{PREFIX}{name}") for name in ("STORE_FILE", "MASTER_KEY_FILE")}
    paths |= {variables.get("COUNTERSEAL_CONFIG"), f"{image['COUNTERSEAL_DATA']}/keys/signing.json"}
    problems += [f"no file {path}" for path in sorted({*filter(None, paths)} - there)]
    return problems


def network_problems(specifications):
    policy = specifications["NetworkPolicy", "counterseal"]
    (ingress,) = policy["ingress"]
    problems = [] if {*policy["policyTypes"]} == {"Ingress", "Egress"} else ["one way is open"]
    if ingress["ports"] != [{"protocol": "TCP", "port": PORT}] or not ingress.get("from"):
        problems.append("the network policy admits others")
    out = {frozenset(each["port"] for each in rule["ports"]) for rule in policy["egress"]}
    callbacks = frozenset(attrs.fields(Settings).callback_ports.default)
    if out != {frozenset({53}), frozenset({5432}), callbacks}:
        problems.append(
            f"the network policy has other ports than {sorted(callbacks)} for callbacks"
        )
    (public,) = [
        rule for rule in policy["egress"] if 443 in {each["port"] for each in rule["ports"]}
    ]
    excepted = {one for each in public["to"] for one in each["ipBlock"]["except"]}
    if "169.254.0.0/16" not in excepted:
        problems.append("the network policy lets pods read the cloud's credentials")
    rules = specifications["Ingress", "counterseal"]["rules"]
    backends = {
        path["path"]: path["backend"]["service"]["name"]
        for rule in rules
        for path in rule["http"]["paths"]
    }
    if backends != {
        "/": "counterseal",
        "/metrics": "counterseal-nowhere",
        "/readyz": "counterseal-nowhere",
    }:
        problems.append("the Ingress shows /metrics or /readyz")
    return problems


def kustomize_problems(folder):
    problems, used = [], {"kubernetes/notifications.yaml"}  # for who sets a channel
    for path in (folder / "kubernetes").rglob("kustomization.yaml"):
        document = yaml.safe_load(path.read_text("utf-8"))
        unknown = {*document} - {
            *("apiVersion", "kind", "namespace", "resources", "components"),
            *("configMapGenerator", "images"),
        }
        problems += [f"{path.parent.name}: no such field: {name}" for name in sorted(unknown)]
        for name in [*document.get("resources", []), *document.get("components", [])]:
            target = (path.parent / name).resolve()
            if not target.exists() or (target.is_dir() and not (target / path.name).exists()):
                problems.append(f"{path.parent.name}: there is no {name}")
            elif target.is_file():
                used.add(target.relative_to(folder.resolve()).as_posix())
    problems += [f"{name} is in no kustomization" for name in sorted({*manifests(folder)} - used)]
    try:
        settings({"data": "data"}, {}, folder / "kubernetes" / "counterseal.toml")
    except CountersealError as error:
        problems.append(str(error))
    return problems

"""Examples of deployment agree with the image, the routes and the settings."""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copytree, which
from typing import Any

import pytest
import yaml

from relay.api import application, openapi
from relay.api.auth import check_tokens
from relay.cli.command_table import COMMANDS
from relay.config.load import load
from relay.config.settings import Settings
from relay.console.application import PREFIX
from relay.runtime.pair import KILL_MARGIN
from relay.runtime.roles import Role
from relay.runtime.serve import stop_limit
from relay.runtime.wiring import carriers
from tests.support.lacking import lacking

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
IMAGE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IMAGE_VARIABLES = dict(re.findall(r"(RELAY_\w+)=(\S+)", IMAGE))
PORT = int(re.findall(r"^EXPOSE (\d+)", IMAGE, re.MULTILINE)[0])
OWNER = int(re.findall(r"--uid (\d+)", IMAGE)[0])
DATA = re.findall(r"^VOLUME (\S+)", IMAGE, re.MULTILINE)[0]
FOLDER = "/etc/relay"
PATHS = openapi.document(application.OPERATIONS)["paths"]

COMPOSE = {
    name: yaml.safe_load((DEPLOY / "compose" / f"{name}.yml").read_text())
    for name in ("sqlite", "postgres")
}
KUBERNETES = {
    name: list(yaml.safe_load_all((DEPLOY / "kubernetes" / f"{name}.yaml").read_text()))
    for name in ("settings", "sqlite", "postgres")
}
UNIT = (DEPLOY / "systemd" / "relay.service").read_text()
NGINX = (DEPLOY / "proxy" / "nginx.conf").read_text()
CADDY = (DEPLOY / "proxy" / "Caddyfile").read_text()


def relays() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the services of Compose that run the image."""
    for name, file in COMPOSE.items():
        for service, about in file["services"].items():
            if about["image"] == "tracking-relay":
                yield f"{name} {service}", about


def pods() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the deployments of Kubernetes, each with its container."""
    for documents in KUBERNETES.values():
        for document in documents:
            if document["kind"] == "Deployment":
                [container] = document["spec"]["template"]["spec"]["containers"]
                yield document, container


SETTINGS_OF = {
    **{name: dict(about["environment"]) for name, about in relays()},
    **{
        str(deployment["metadata"]["name"]): {
            one["name"]: one.get("value", "postgresql://relay:secret@db/relay")
            for one in container["env"]
        }
        for deployment, container in pods()
        if deployment["metadata"]["name"] != "relay"
    },
    "kubernetes sqlite": {"RELAY_CONFIG": f"{FOLDER}/relay.toml"},
    "systemd": dict(re.findall(r"^Environment=(\w+)=(\S+)", UNIT, re.MULTILINE)),
}


def loaded(folder: Path, variables: Mapping[str, str]) -> Settings:
    """Load the settings of a deployment, whose files are in *folder*."""
    copytree(DEPLOY / "settings", folder, dirs_exist_ok=True)
    (folder / "secrets").mkdir(exist_ok=True)
    text = (folder / "relay.toml").read_text()
    for number, name in enumerate(re.findall(r'"secrets/([\w-]+)"', text)):
        secret = f"secret-of-24-characters-{number}"
        (folder / "secrets" / name).write_text(secret)
    environ = {n: v.replace(FOLDER, str(folder)) for n, v in variables.items()}
    ours = {n: v for n, v in environ.items() if n.startswith("RELAY_")}
    return load(None, IMAGE_VARIABLES | ours)


@pytest.mark.parametrize("name", SETTINGS_OF)
def test_the_settings_of_a_deployment_are_valid(tmp_path: Path, name: str) -> None:
    settings = loaded(tmp_path, SETTINGS_OF[name])
    check_tokens(settings)
    assert carriers(settings).keys() == {"mycarrier"}
    kind = "postgresql:" if "postgres" in name or "relay-" in name else "sqlite:"
    assert settings.database.startswith(kind)
    assert settings.listen_at[1] == PORT


def stop_seconds(folder: Path) -> float:
    """Return how long a relay may take to stop before its supervisor kills."""
    limit = stop_limit(loaded(folder, SETTINGS_OF["systemd"])) + KILL_MARGIN
    return limit.total_seconds()


def test_every_deployment_waits_for_a_stop(tmp_path: Path) -> None:
    wanted = stop_seconds(tmp_path)
    for name, service in relays():
        assert float(service["stop_grace_period"].rstrip("s")) >= wanted, name
    for deployment, _ in pods():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] >= wanted
    assert float(re.findall(r"^TimeoutStopSec=(\d+)", UNIT, re.MULTILINE)[0]) >= wanted


def is_command(words: list[str]) -> bool:
    """Whether words call the relay; roles are known ones."""
    role = words[words.index("--role") + 1] if "--role" in words else Role.INTAKE
    return words[0].endswith("relay") and words[1] in COMMANDS and role in [*Role]


def test_one_file_has_one_relay_and_its_volume() -> None:
    [(_, service)] = [r for r in relays() if r[0].startswith("sqlite")]
    assert service["deploy"]["replicas"] == 1
    assert f"relay-data:{DATA}" in service["volumes"]
    claim, deployment = KUBERNETES["sqlite"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    pod = deployment["spec"]["template"]["spec"]
    [mount] = [
        mount
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["mountPath"] == DATA
    ]
    [volume] = [v for v in pod["volumes"] if v["name"] == mount["name"]]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert f"sqlite:///{DATA}/" in UNIT


def test_compose_uses_the_image() -> None:
    for name, service in relays():
        assert is_command(service.get("command", ["relay", "serve"])), name
        assert f"../settings:{FOLDER}:ro" in service["volumes"]
        if "build" in service:
            context = (DEPLOY / "compose" / service["build"]).resolve()
            assert (context / "Dockerfile").is_file()
    [published] = COMPOSE["sqlite"]["services"]["relay"]["ports"]
    assert published == f"127.0.0.1:{PORT}:{PORT}"
    for file in COMPOSE.values():
        for service in file["services"].values():
            for volume in service["volumes"]:
                source = volume.partition(":")[0]
                own = (DEPLOY / "compose" / source).exists()
                assert own or source in file["volumes"], volume


def test_pods_use_the_image_and_its_user() -> None:
    for deployment, container in pods():
        assert is_command(container.get("args", ["relay", "serve"]))
        assert container["ports"] == [{"name": "http", "containerPort": PORT}]
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsUser"] == OWNER
        selected = deployment["spec"]["selector"]["matchLabels"].items()
        assert selected <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_probes_are_routes() -> None:
    for _, container in pods():
        probes = {n: c["httpGet"] for n, c in container.items() if n.endswith("Probe")}
        assert {probe["port"] for probe in probes.values()} == {"http"}
        assert {name: probe["path"] for name, probe in probes.items()} == {
            "startupProbe": "/healthz",
            "livenessProbe": "/healthz",
            "readinessProbe": "/readyz",
        }
    assert {"/healthz", "/readyz"} <= PATHS.keys()


def test_mounted_secrets_are_those_that_the_settings_name() -> None:
    text = (DEPLOY / "settings" / "relay.toml").read_text()
    named = set(re.findall(r'"(secrets/[\w-]+)"', text))
    for deployment, _ in pods():
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        [settings] = [v["projected"] for v in volumes if v["name"] == "settings"]
        items = settings["sources"][1]["secret"]["items"]
        assert {item["path"] for item in items} == named
        assert all(item["path"] == f"secrets/{item['key']}" for item in items)


def test_services_and_ingress_lead_to_the_intake() -> None:
    service, ingress = KUBERNETES["settings"]
    receiving = [
        deployment["metadata"]["name"]
        for deployment, _ in pods()
        if service["spec"]["selector"].items()
        <= deployment["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert receiving == ["relay", "relay-intake"]
    [rule] = ingress["spec"]["rules"]
    for path in rule["http"]["paths"]:
        assert any(known.startswith(f"{path['path']}/") for known in PATHS)
        assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    note = ingress["metadata"]["annotations"]
    assert note["nginx.ingress.kubernetes.io/proxy-body-size"] == "2m"


def seconds(text: str, name: str) -> float:
    return float(re.findall(rf"\b{name} (\d+)s", text)[0])


def test_proxies_leave_the_limits_to_the_relay(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SETTINGS_OF["systemd"])
    limit = settings.intake.body_limit
    megabytes = re.findall(r"(?:client_max_body_size|max_size) (\d+)(?:m|MB)", NGINX)
    megabytes += re.findall(r"max_size (\d+)MB", CADDY)
    assert [int(n) * 1_000_000 > limit for n in megabytes] == [True, True]
    longest = settings.publisher.deadline_seconds.total_seconds()
    assert seconds(NGINX, "proxy_read_timeout") > longest
    assert seconds(CADDY, "response_header_timeout") > longest
    idle = settings.intake.keepalive_seconds.total_seconds()
    assert seconds(NGINX, "keepalive_timeout") < idle
    assert seconds(CADDY, "keepalive") < idle
    assert f"127.0.0.1:{PORT}" in NGINX
    assert re.search(rf"dynamic a \S+ {PORT}$", CADDY, re.MULTILINE)


def test_proxies_show_what_others_call_and_no_more() -> None:
    shown = {path.rstrip("/") for path in re.findall(r"location (\S+) \{", NGINX)}
    assert shown == {"/webhooks", "/vtex/hook", "/v1", PREFIX, ""}
    public = re.findall(r"@public path (.*)", CADDY)[0].split()
    assert {path.removesuffix("/*") for path in public} == shown - {PREFIX, ""}
    for path in shown - {PREFIX, ""}:
        assert any(known.startswith(f"{path}/") for known in PATHS), path
    assert "location / { return 404; }" in NGINX
    assert 'proxy_set_header X-Forwarded-User "";' in NGINX
    assert "header_up -X-Forwarded-User" in CADDY
    assert NGINX.count("{") == NGINX.count("}")
    assert CADDY.count("{") == CADDY.count("}")


def test_the_unit_is_valid(tmp_path: Path) -> None:
    """Its program and user are not installed here, so others stand in for them."""
    command = re.findall(r"^ExecStart=(.*)", UNIT, re.MULTILINE)[0]
    assert is_command(shlex.split(command))
    connections = Settings().intake.connections
    assert int(re.findall(r"^LimitNOFILE=(\d+)", UNIT, re.MULTILINE)[0]) > connections
    if which("systemd-analyze") is None:
        lacking("systemd-analyze is not installed")
    unit = tmp_path / "relay.service"
    here = UNIT.replace("/opt/relay/bin/relay", "/bin/true").replace(
        "=relay\n", "=root\n"
    )
    unit.write_text(here.replace("StateDirectory=root", "StateDirectory=relay"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in checked.stderr.splitlines() if "relay.service" in line]
    assert ours == []
    assert checked.returncode == 0, checked.stderr


def test_caddy_accepts_its_file() -> None:
    """Only where Caddy is installed: it is not needed for anything else."""
    caddy = which("caddy")
    if caddy is None:
        lacking("Caddy is not installed")
    file = str(DEPLOY / "proxy" / "Caddyfile")
    command = [caddy, "validate", "--adapter", "caddyfile", "--config", file]
    subprocess.run(command, check=True, capture_output=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The compose files and the Kubernetes manifest, without docker or kubectl. usage: docker.py SEKISHOD

What is held: the keys of each object are those that its kind has, references lead somewhere, no service has more
than it says it needs, and the files within the manifest are valid. Exit 77 without Python's YAML.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import yaml
except ImportError:
    print("Python has no YAML here")
    sys.exit(77)

DOCKER = Path(__file__).resolve().parents[1] / "docker"
KEYS = {
    "service": "build cap_add cap_drop container_name devices group_add image network_mode profiles read_only "
               "restart security_opt tmpfs ulimits volumes",
    "build": "context dockerfile network target",
    "ConfigMap": "apiVersion kind metadata data",
    "Deployment": "apiVersion kind metadata spec",
    "deployment spec": "replicas strategy selector template",
    "pod": "automountServiceAccountToken terminationGracePeriodSeconds containers volumes",
    "container": "name image securityContext resources startupProbe livenessProbe volumeMounts",
    "securityContext": "runAsUser allowPrivilegeEscalation readOnlyRootFilesystem capabilities seccompProfile",
    "probe": "exec periodSeconds failureThreshold timeoutSeconds",
    "mount": "name mountPath readOnly",
}
failed = 0


def check(name, good, detail=""):
    global failed
    failed += not good
    print(("pass: " if good else "FAIL: ") + name + ("" if good else f": {detail}"))


def known(what, kind, found):
    check(f"{what}: only keys of a {kind}", set(found) <= set(KEYS[kind].split()), set(found) - set(KEYS[kind].split()))


def compose(name, capabilities):
    """`capabilities`: by service, what it may add; None: as the lab, which makes namespaces."""
    file = yaml.safe_load((DOCKER / name).read_text())
    check(f"{name}: the services", set(file["services"]) == set(capabilities), list(file["services"]))
    for service, settings in file["services"].items():
        known(f"{name} {service}", "service", settings)
        known(f"{name} {service}", "build", settings["build"])
        build = (DOCKER / settings["build"]["context"] / settings["build"]["dockerfile"]).resolve()
        check(f"{name} {service}: its Dockerfile is there", build.is_file(), build)
        target = settings["build"].get("target", "sekisho")
        check(f"{name} {service}: which has its target", f" AS {target}\n" in build.read_text(), target)
        wanted = capabilities[service]
        if wanted is None:
            check(f"{name} {service}: capabilities", settings["cap_add"] == ["SYS_ADMIN", "NET_ADMIN"])
            continue
        check(f"{name} {service}: capabilities", settings.get("cap_drop") == ["ALL"] and
              settings.get("cap_add", []) == wanted and "privileged" not in settings, settings.get("cap_add"))
        for volume in settings["volumes"]:
            source = volume.split(":")[0]
            check(f"{name} {service}: volume {source}", source.startswith("./") or source in file["volumes"])


def files_valid(data, sekishod):
    with tempfile.TemporaryDirectory() as work:
        for name, text in data.items():
            (Path(work) / name).write_text(text)
        done = subprocess.run([sekishod, "-c", f"{work}/sekisho.yaml", "--check"], capture_output=True, text=True)
        check("kubernetes.yaml: its files are valid", done.returncode == 0, done.stderr)


def kubernetes(sekishod):
    objects = list(yaml.safe_load_all((DOCKER / "kubernetes.yaml").read_text()))
    by_kind = {found["kind"]: found for found in objects}
    check("kubernetes.yaml: one of each", sorted(by_kind) == ["ConfigMap", "Deployment"] and len(objects) == 2)
    for kind, version in (("ConfigMap", "v1"), ("Deployment", "apps/v1")):
        known("kubernetes.yaml", kind, by_kind[kind])
        check(f"kubernetes.yaml: {kind} {version}", by_kind[kind]["apiVersion"] == version)
    files_valid(by_kind["ConfigMap"]["data"], sekishod)
    spec = by_kind["Deployment"]["spec"]
    known("kubernetes.yaml", "deployment spec", spec)
    labels = spec["template"]["metadata"]["labels"]
    check("kubernetes.yaml: the selector fits", spec["selector"]["matchLabels"].items() <= labels.items())
    pod = spec["template"]["spec"]
    known("kubernetes.yaml", "pod", pod)
    container, = pod["containers"]
    known("kubernetes.yaml", "container", container)
    context = container["securityContext"]
    known("kubernetes.yaml", "securityContext", context)
    check("kubernetes.yaml: IPC_LOCK alone", context["capabilities"] == {"drop": ["ALL"], "add": ["IPC_LOCK"]} and
          context["allowPrivilegeEscalation"] is False)
    resources = container["resources"]
    check("kubernetes.yaml: guaranteed", resources["requests"] == resources["limits"], resources)
    check("kubernetes.yaml: hugepages and two virtual functions", "hugepages-2Mi" in resources["limits"] and
          sum("/" in name for name in resources["limits"]) == 2)
    for probe in ("startupProbe", "livenessProbe"):
        known(f"kubernetes.yaml {probe}", "probe", container[probe])
    volumes = {volume["name"] for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        known("kubernetes.yaml", "mount", mount)
        check(f"kubernetes.yaml: volume {mount['name']}", mount["name"] in volumes)


compose("compose.yaml", {"lab": None})
compose("compose.host.yaml", {"vfio": [], "kernel": ["NET_RAW", "NET_ADMIN", "BPF", "IPC_LOCK"]})
kubernetes(sys.argv[1])
sys.exit(failed > 0)

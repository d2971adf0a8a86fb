"""An agent that lists pods, starts a Job, follows its log, and asks when it is refused."""
import json
import os
import sys
import time

from kubernetes import client, config

config.load_incluster_config()
with open("/var/run/secrets/kubernetes.io/serviceaccount/namespace", encoding="ascii") as file:
    NAMESPACE = file.read()
core, batch, apps = client.CoreV1Api(), client.BatchV1Api(), client.AppsV1Api()


def say(step: str, what: str) -> None:
    print(f"{step}: {what}", flush=True)


def start_job() -> str:
    restricted = {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "step",
        "image": os.environ["JOB_IMAGE"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "echo working; sleep 1; echo done"],
        "securityContext": restricted,
    }
    job = {
        "metadata": {"generateName": "python-"},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
    return batch.create_namespaced_job(NAMESPACE, job).metadata.name


def follow(job: str) -> str:
    """The whole log of the Job's pod, from its first line to its last."""
    while True:
        pods = core.list_namespaced_pod(NAMESPACE, label_selector=f"job-name={job}").items
        started = [pod for pod in pods if pod.status.phase != "Pending"]
        if started:
            break
        time.sleep(0.5)
    stream = core.read_namespaced_pod_log(
        started[0].metadata.name, NAMESPACE, container="step", follow=True, _preload_content=False
    )
    return b"".join(stream.stream()).decode()


def explain(error: client.ApiException) -> str:
    """Why, for whom, and under which id, as the refusal says it to programs."""
    try:
        causes = (json.loads(error.body).get("details") or {}).get("causes") or []
    except (TypeError, ValueError):
        causes = []
    said = {cause.get("reason"): cause.get("message") for cause in causes}
    if "LanyardDecision" not in said:
        # The API server's own refusal, or a fault; docs/agents.md says which may be tried again.
        raise error
    return f"{said['LanyardReason']} for {said['LanyardRootRequester']}, decision {said['LanyardDecision']}"


say("pods", " ".join(sorted(pod.metadata.name for pod in core.list_namespaced_pod(NAMESPACE).items)))
say("log", " ".join(follow(start_job()).split()))
try:
    apps.delete_namespaced_deployment("shop", NAMESPACE)
except client.ApiException as refused:
    say("refused", explain(refused))
    say("ask", "may I delete the Deployment shop?")
    sys.exit(3)

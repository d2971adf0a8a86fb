"""An agent that deletes the Deployment notes once a person has approved it."""
import json
import sys
import time

from kubernetes import client, config

config.load_incluster_config()
with open("/var/run/secrets/kubernetes.io/serviceaccount/namespace", encoding="ascii") as file:
    NAMESPACE = file.read()
api = client.ApiClient()
# Approvers read why; and the agent waits by itself, so that nothing that calls it runs out of time.
api.set_default_header("Lanyard-Reason", "the notes are out of date")
api.set_default_header("Lanyard-Wait", "0")
apps = client.AppsV1Api(api)
GIVE_UP_AFTER = 600


def say(step: str, what: str) -> None:
    print(f"{step}: {what}", flush=True)


def details_of(error: client.ApiException) -> dict:
    try:
        return json.loads(error.body).get("details") or {}
    except (TypeError, ValueError, AttributeError):
        return {}


def once_approved(send):
    """Sends the same request until it is answered by more than a hold. Raises what the last answer was."""
    ends_at = time.monotonic() + GIVE_UP_AFTER
    held = ""
    while True:
        try:
            return send()
        except client.ApiException as error:
            details = details_of(error)
            causes = {cause.get("reason"): cause for cause in details.get("causes") or []}
            if "ApprovalRequired" not in causes or time.monotonic() > ends_at:
                raise
            request = causes["ApprovalRequired"]["field"]
            if request != held:
                say("held", request)
                held = request
            time.sleep(details.get("retryAfterSeconds", 15))


try:
    once_approved(lambda: apps.delete_namespaced_deployment("notes", NAMESPACE))
    say("done", "the notes are deleted")
except client.ApiException as refused:
    reasons = [cause.get("reason") for cause in details_of(refused).get("causes") or []]
    if not {"ApprovalRequired", "ApprovalRefused"} & set(reasons):
        raise
    say("refused", json.loads(refused.body)["message"])
    sys.exit(3)

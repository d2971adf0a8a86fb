"""Airflow's KubernetesPodOperator: a run with a log and a result in XCom, and a run that fails."""

import asyncio
import json
import os

IMAGE = sys.argv[3]
os.environ["AIRFLOW_HOME"] = "/tmp/airflow"
extra = {"in_cluster": True, "xcom_sidecar_container_image": IMAGE}
connection = {"conn_type": "kubernetes", "extra": extra}
os.environ["AIRFLOW_CONN_KUBERNETES_DEFAULT"] = json.dumps(connection)

from unittest.mock import MagicMock

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes import client, config


def context(task):
    instance = MagicMock(dag_id="programs", task_id=task, map_index=-1, try_number=1)
    return {"ti": instance, "run_id": PREFIX, "dag": MagicMock(parent_dag=None)}


def operator(task, script, **more):
    return KubernetesPodOperator(
        task_id=task,
        name=PREFIX + task,
        namespace=NAMESPACE,
        image=IMAGE,
        image_pull_policy="IfNotPresent",
        cmds=["sh", "-c", script],
        service_account_name="worker",
        startup_timeout_seconds=100,
        random_name_suffix=False,
        termination_grace_period=1,
        **more,
    )


def pods():
    config.load_incluster_config()
    label = f"kubernetes_pod_operator=True,run_id={PREFIX}"
    found = client.CoreV1Api().list_namespaced_pod(NAMESPACE, label_selector=label).items
    return len([pod for pod in found if pod.metadata.deletion_timestamp is None])


def succeed():
    said = []

    def keep(_container, line):
        said.append(line)
        return line

    script = """echo pod-said-hello; echo '{"answer": 42}' >/airflow/xcom/return.json"""
    task = operator("good", script, do_xcom_push=True, log_formatter=keep)
    result = task.execute(context("good"))
    return [result, said, pods()]


def fail():
    try:
        operator("bad", "exit 3").execute(context("bad"))
    except Exception as error:
        return [type(error).__name__, pods()]


asyncio.run(run(succeed=succeed, fail=fail))

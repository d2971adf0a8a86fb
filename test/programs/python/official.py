"""The official Python client: typed calls, a watch, streams of exec, a log, the dynamic client."""

import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.stream import portforward, stream

config.load_incluster_config()
core = client.CoreV1Api()


def write():
    core.create_namespaced_config_map(NAMESPACE, config_map("written", {"a": "1"}))
    core.patch_namespaced_config_map(PREFIX + "written", NAMESPACE, {"data": {"b": "2"}})
    operations = [{"op": "add", "path": "/data/c", "value": "3"}]
    held = core.patch_namespaced_config_map(PREFIX + "written", NAMESPACE, operations).data
    held["d"] = "4"
    body = config_map("written", held)
    held = core.replace_namespaced_config_map(PREFIX + "written", NAMESPACE, body).data
    core.delete_namespaced_config_map(PREFIX + "written", NAMESPACE, grace_period_seconds=0)
    try:
        core.read_namespaced_config_map(PREFIX + "written", NAMESPACE)
    except client.ApiException as error:
        return [held, error.status, error.reason]


def pages():
    label = f"pages={PREFIX}"
    for name in ("one", "two", "three"):
        body = config_map(name, labels={"pages": PREFIX})
        core.create_namespaced_config_map(NAMESPACE, body)
    sizes, following = [], None
    while following != "":
        page = core.list_namespaced_config_map(
            NAMESPACE, label_selector=label, limit=2, _continue=following
        )
        sizes.append(len(page.items))
        following = page.metadata._continue or ""
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector=label)
    left = core.list_namespaced_config_map(NAMESPACE, label_selector=label)
    return [sizes, len(left.items)]


def watched():
    name = PREFIX + "watched"
    core.create_namespaced_config_map(NAMESPACE, config_map("watched"))

    def change():
        core.patch_namespaced_config_map(name, NAMESPACE, {"data": {"a": "1"}})
        core.delete_namespaced_config_map(name, NAMESPACE)

    heard, changes = [], threading.Timer(1, change)
    changes.start()
    watcher = watch.Watch()
    only = {"field_selector": f"metadata.name={name}", "timeout_seconds": 30}
    for event in watcher.stream(core.list_namespaced_config_map, NAMESPACE, **only):
        heard.append(event["type"])
        if event["type"] == "DELETED":
            watcher.stop()
    changes.join()
    return heard


def run_in_target(command, **more):
    options = {"stdin": False, "stdout": True, "stderr": True, "tty": False, **more}
    call = core.connect_get_namespaced_pod_exec
    return stream(call, TARGET, NAMESPACE, container="main", command=command, **options)


def exec_whole():
    return sorted(run_in_target(["sh", "-c", "echo one; echo two 1>&2"]).split())


def exec_binary():
    command = ["sh", "-c", "head -c 6000000 /dev/zero; exit 5"]
    process = run_in_target(command, _preload_content=False, binary=True)
    size = 0
    while process.is_open():
        process.update(timeout=5)
        while process.peek_stdout(timeout=0):
            size += len(process.read_stdout(timeout=0))
    return [size, process.returncode]


def exec_input():
    command = ["sh", "-c", "read a; echo got $a; read b; echo and $b; exit 4"]
    process = run_in_target(command, stdin=True, _preload_content=False)
    process.write_stdin("x\n")
    said = [process.readline_stdout(timeout=10)]
    process.write_stdin("y\n")
    said.append(process.readline_stdout(timeout=10))
    process.run_forever(timeout=10)
    return [said, process.returncode]


def forward():
    tunnel = portforward(core.connect_get_namespaced_pod_portforward, TARGET, NAMESPACE, ports="8080")
    socket = tunnel.socket(8080)
    socket.setblocking(True)
    socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
    size = 0
    while part := socket.recv(65536):
        size += len(part)
    return [size > 200_000, tunnel.error(8080)]


def followed():
    log = core.read_namespaced_pod_log(
        TARGET, NAMESPACE, container="main", follow=True, _preload_content=False
    )
    return next(iter(log)).decode().splitlines()[0]


def dynamically():
    maps = dynamic.DynamicClient(client.ApiClient()).resources.get(
        api_version="v1", kind="ConfigMap"
    )
    how = {"namespace": NAMESPACE, "field_manager": "programs"}
    applied = maps.server_side_apply(body=config_map("dynamic", {"a": "1"}), name=PREFIX + "dynamic", **how)
    heard = []
    only = f"metadata.name={PREFIX}dynamic"
    for event in maps.watch(namespace=NAMESPACE, field_selector=only, timeout=20):
        heard.append(event["type"])
        if event["type"] == "DELETED":
            break
        maps.delete(name=PREFIX + "dynamic", namespace=NAMESPACE)
    return [dict(applied.data), heard]


import asyncio

asyncio.run(
    run(
        write=write,
        pages=pages,
        watch=watched,
        exec_whole=exec_whole,
        exec_binary=exec_binary,
        exec_input=exec_input,
        forward=forward,
        log=followed,
        dynamic=dynamically,
    )
)

"""An operator with kopf: handlers of a kind's creation, change and deletion, finalizer and Event."""

import asyncio
import logging
import os

# kopf names itself after its user, whom the image does not know by name.
os.environ["LOGNAME"] = "programs"

import kopf
from kubernetes import client, config

logging.basicConfig(level=logging.ERROR)
config.load_incluster_config()
core = client.CoreV1Api()
heard = asyncio.Queue()
LABELS = {"operator": PREFIX}


@kopf.on.startup()
def configure(settings, **_):
    settings.posting.level = logging.INFO
    settings.persistence.finalizer = "lanyard.test/kopf"


@kopf.on.create("configmaps", labels=LABELS)
async def created(body, patch, **_):
    patch.metadata.annotations["handled"] = "yes"
    kopf.info(body, reason="Handled", message="hello")
    await heard.put("created")


@kopf.on.update("configmaps", labels=LABELS, field="data")
async def updated(new, **_):
    await heard.put(["updated", dict(new)])


@kopf.on.delete("configmaps", labels=LABELS)
async def deleted(**_):
    await heard.put("deleted")


async def hear():
    return await asyncio.wait_for(heard.get(), 40)


async def until(answer):
    for _ in range(100):
        value = await asyncio.to_thread(answer)
        if value:
            return value
        await asyncio.sleep(0.2)
    return "waited in vain"


def read():
    return core.read_namespaced_config_map(PREFIX + "kopf", NAMESPACE)


def events():
    only = f"involvedObject.name={PREFIX}kopf,reason=Handled"
    found = core.list_namespaced_event(NAMESPACE, field_selector=only).items
    return [event.message for event in found]


def gone():
    only = f"metadata.name={PREFIX}kopf"
    return not core.list_namespaced_config_map(NAMESPACE, field_selector=only).items


async def operate():
    ready, stop = asyncio.Event(), asyncio.Event()
    operator = asyncio.create_task(
        kopf.operator(standalone=True, namespaces=[NAMESPACE], ready_flag=ready, stop_flag=stop)
    )
    await asyncio.wait_for(ready.wait(), 40)
    body = config_map("kopf", {"a": "1"}, labels=LABELS)
    await asyncio.to_thread(core.create_namespaced_config_map, NAMESPACE, body)
    seen = [await hear()]
    marked = await until(lambda: (read().metadata.annotations or {}).get("handled"))
    finalizers = read().metadata.finalizers
    change = {"data": {"a": "2"}}
    await asyncio.to_thread(core.patch_namespaced_config_map, PREFIX + "kopf", NAMESPACE, change)
    seen.append(await hear())
    posted = await until(events)
    await asyncio.to_thread(core.delete_namespaced_config_map, PREFIX + "kopf", NAMESPACE)
    seen.append(await hear())
    ended = await until(gone)
    stop.set()
    await asyncio.wait_for(operator, 40)
    return [seen, marked, finalizers, posted, ended]


asyncio.run(run(operate=operate))

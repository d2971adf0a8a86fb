"""kr8s, the asynchronous client: objects, a patch, a watch, exec, a log, a forwarded port."""

import asyncio

import httpx
import kr8s
from kr8s.asyncio.objects import ConfigMap, Pod


async def listed():
    return any([pod.name == TARGET async for pod in kr8s.asyncio.get("pods", namespace=NAMESPACE)])


async def write():
    body = config_map("kr8s", {"a": "1"}, namespace=NAMESPACE)
    made = await ConfigMap(body)
    await made.create()
    await made.patch({"data": {"b": "2"}})
    held = dict((await ConfigMap.get(PREFIX + "kr8s", namespace=NAMESPACE)).raw["data"])
    await made.delete()
    await made.wait("delete", timeout=20)
    return [held, await made.exists()]


async def watched():
    made = await ConfigMap(config_map("watched-kr8s", namespace=NAMESPACE))
    await made.create()
    heard, only = [], {"metadata.name": PREFIX + "watched-kr8s"}
    api = await kr8s.asyncio.api()
    async for event, _ in api.watch("configmaps", namespace=NAMESPACE, field_selector=only):
        heard.append(event)
        if event == "ADDED":
            await made.patch({"data": {"a": "1"}})
        if event == "MODIFIED":
            await made.delete()
        if event == "DELETED":
            return heard


async def executed():
    pod = await Pod.get(TARGET, namespace=NAMESPACE)
    done = await pod.exec(["sh", "-c", "echo said; exit 3"], container="main", check=False)
    return [done.stdout.decode(), done.returncode]


async def logged():
    pod = await Pod.get(TARGET, namespace=NAMESPACE)
    async for line in pod.logs(container="main", follow=True):
        return line


async def forwarded():
    pod = await Pod.get(TARGET, namespace=NAMESPACE)
    async with pod.portforward(8080, local_port="auto") as port:
        async with httpx.AsyncClient(timeout=20) as http:
            return len((await http.get(f"http://127.0.0.1:{port}/")).content)


asyncio.run(
    run(
        list=listed,
        write=write,
        watch=watched,
        exec=executed,
        log=logged,
        forward=forwarded,
    )
)

"""Runs steps and prints, as the last line, a JSON object of what each saw."""

import asyncio
import json
import sys

PREFIX, TARGET = sys.argv[1], sys.argv[2]
NAMESPACE = open("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read()


async def run(**steps):
    seen = {}
    for name, step in steps.items():
        try:
            # What is not asynchronous may run a loop of its own, which wants its own thread.
            whole = step() if asyncio.iscoroutinefunction(step) else asyncio.to_thread(step)
            seen[name] = await asyncio.wait_for(whole, 150)
        except BaseException as error:
            seen[name] = f"failed: {type(error).__name__}: {error}"
    print("\n" + json.dumps(seen), flush=True)


def config_map(name, data=None, **metadata):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": PREFIX + name, **metadata},
        "data": data or {},
    }

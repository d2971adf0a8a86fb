"""JupyterHub's KubeSpawner: starts a user's pod behind its reflectors, asks for it, stops it."""

import asyncio
from unittest.mock import Mock

from jupyterhub.objects import Hub, Server
from kubespawner import KubeSpawner
from traitlets.config import Config


class User(Mock):
    name = escaped_name = PREFIX
    server = Server()
    url = "/user/"


def spawner():
    config = Config()
    own = config.KubeSpawner
    own.namespace = NAMESPACE
    own.image = IMAGE
    own.image_pull_policy = "IfNotPresent"
    own.cmd = ["sleep", "300"]
    own.start_timeout = 100
    own.service_account = "worker"
    own.events_enabled = True
    own.pod_name_template = PREFIX + "spawned"
    made = KubeSpawner(
        hub=Hub(), user=User(), config=config, api_token="unused", oauth_client_id="unused", _mock=False
    )
    made._app = Mock()
    return made


async def spawn():
    own = spawner()
    started = await asyncio.wait_for(own.start(), 110)
    polled = await own.poll()
    events = sorted({event["reason"] for event in own.events})
    await asyncio.wait_for(own.stop(now=True), 60)
    return [str(started).startswith("http://"), polled, "Started" in events, await own.poll()]


IMAGE = sys.argv[3]
asyncio.run(run(spawn=spawn))

"""The official Python client's stream of an exec, in the way that the first argument names.

Prints one JSON object of what it got: SHA-256 and size of output and error output, and the exit code.
"""

import hashlib
import json
import sys

from kubernetes import client, config
from kubernetes.stream import stream

WAY, COMMAND = sys.argv[1], sys.argv[2:]
NAMESPACE = open("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read()
config.load_incluster_config()
core = client.CoreV1Api()


def digest(data):
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def start(**more):
    options = {"stdin": False, "stdout": True, "stderr": True, "tty": False, **more}
    call = core.connect_get_namespaced_pod_exec
    return stream(call, "target", NAMESPACE, container="main", command=COMMAND, **options)


def piecewise(binary):
    process = start(_preload_content=False, binary=binary)
    out, err = [], []
    while process.is_open():
        process.update(timeout=5)
        if process.peek_stdout(timeout=0):
            out.append(process.read_stdout(timeout=0))
        if process.peek_stderr(timeout=0):
            err.append(process.read_stderr(timeout=0))
    as_bytes = [part if binary else part.encode() for part in out]
    as_errors = [part if binary else part.encode() for part in err]
    return {
        "output": digest(b"".join(as_bytes)),
        "error_output": digest(b"".join(as_errors)),
        "code": process.returncode,
    }


if WAY == "whole":
    print(json.dumps({"output": digest(start(stderr=False).encode())}))
else:
    print(json.dumps(piecewise(WAY == "binary")))

"""Runs a client with input and output in files, or with a terminal for its input.

Prints one JSON object of what the client got: SHA-256 and size of its output and its error output, the end of both as text, and its exit code.
"""

import hashlib
import json
import os
import pty
import re
import subprocess
import sys
import time

wanted = json.loads(sys.argv[1])
PATIENCE = 120


def digest(path):
    # kubectl's own lines are not the command's.
    own = rb"command terminated with exit code \d+\n$|^Targeting container .*\n|Session ended, .*\n$"
    data = re.sub(own, b"", open(path, "rb").read())
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def typed(master, lines):
    """Types each line once the client has written something, as a person would."""
    before = 0
    for line in lines:
        until = time.monotonic() + PATIENCE
        while os.path.getsize("/tmp/out") <= before and time.monotonic() < until:
            time.sleep(0.05)
        # The shell has its prompt; what it still writes belongs to it.
        time.sleep(0.3)
        before = os.path.getsize("/tmp/out")
        os.write(master, line.encode())


with open("/tmp/out", "wb") as out, open("/tmp/err", "wb") as err:
    environment = {**os.environ, **wanted.get("env", {})}
    how = {"stdout": out, "stderr": err, "env": environment, "cwd": "/tmp"}
    if "typed" in wanted:
        master, slave = pty.openpty()
        client = subprocess.Popen(wanted["argv"], stdin=slave, **how)
        typed(master, wanted["typed"])
    else:
        client = subprocess.Popen(wanted["argv"], stdin=open(wanted.get("input", "/dev/null")), **how)
    code = client.wait(PATIENCE)



def end(path):
    return open(path, "rb").read()[-2000:].decode(errors="replace")


seen = {"output": digest("/tmp/out"), "error_output": digest("/tmp/err"), "code": code}
print(json.dumps({**seen, "shown": end("/tmp/out"), "said": end("/tmp/err")}))

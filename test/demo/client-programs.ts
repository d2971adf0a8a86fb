/* Programs that run inside the agent's pod: client libraries with the in-cluster configuration as it is. */

/** Lists pods with the official JavaScript client. */
export const NODE_PROGRAM = `
const k8s = require("@kubernetes/client-node");
const config = new k8s.KubeConfig();
config.loadFromCluster();
config.makeApiClient(k8s.CoreV1Api).listNamespacedPod({ namespace: process.env.NS }).then(
  (list) => console.log('node sees', list.items.map((pod) => pod.metadata.name).sort().join(' ')),
  (error) => { console.error(error.code, error.body); process.exit(1); },
);
`

/** Lists pods with the official Python client. */
export const PYTHON_PROGRAM = `
import os
from kubernetes import client, config
config.load_incluster_config()
pods = client.CoreV1Api().list_namespaced_pod(os.environ["NS"])
print("python sees", " ".join(sorted(pod.metadata.name for pod in pods.items)))
`

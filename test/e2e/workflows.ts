/**
 * Workflows of kubectl, by name: a script for the shell of a pod whose account may do everything in its namespace,
 * and what its output holds. `$N` is a name of the workflow's own; `map NAME [VALUE]` prints a ConfigMap,
 * `deployment NAME [REPLICAS]` makes one.
 */
export const WORKFLOWS: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  'get as a table, wide, with labels': [
    `kubectl get pod target --no-headers | tr -s ' ' | cut -d' ' -f1,3
kubectl get svc,cm,deployments --show-labels
kubectl get sa worker -o wide`,
    ['target Running', 'kube-root-ca.crt', 'exit 0'],
  ],
  'get as json, yaml, name': [
    `kubectl get cm kube-root-ca.crt -o json | head -c 40
kubectl get cm kube-root-ca.crt -o yaml | grep kind
kubectl get pods -o name`,
    ['"apiVersion": "v1"', 'kind: ConfigMap', 'pod/target', 'exit 0'],
  ],
  'get as jsonpath, columns, a template': [
    `kubectl get pods -o jsonpath='{.items[*].metadata.name}'; echo
kubectl get pods -o custom-columns=NAME:.metadata.name,APP:.metadata.labels.app
kubectl get pods -o go-template='{{range .items}}{{.metadata.name}}{{"\\n"}}{{end}}'`,
    ['agent target', 'NAME APP', 'exit 0'],
  ],
  'get by labels, fields, in an order, in pages': [
    `kubectl get pods -l app=target -o name; kubectl get pods -l 'app in (agent,none)' -o name
kubectl get pods --field-selector metadata.name=agent -o name
kubectl get pods --sort-by=.metadata.name -o name; kubectl get cm --chunk-size=1 -o name | wc -l`,
    ['pod/target', 'exit 0'],
  ],
  'get what is not there': [
    `kubectl get cm absent --ignore-not-found; kubectl get nothings || true; kubectl get cm absent`,
    ['have a resource type "nothings"', 'configmaps "absent" not found', 'exit 1'],
  ],
  'get elsewhere, which RBAC forbids': [
    `kubectl get pods -A || true; kubectl get secrets -n kube-system`,
    ['cannot list resource "pods" in API group "" at the cluster scope', 'exit 1'],
  ],
  'get as a watch': [
    `map $N | kubectl create -f - >/dev/null
(sleep 1; kubectl label cm $N x=1 >/dev/null; kubectl delete cm $N >/dev/null) &
timeout 4 kubectl get cm -l of=$N --watch --output-watch-events -o name || true; wait`,
    ['configmap/get-as-a-watch', 'exit 0'],
  ],
  'get raw and with fields of managers': [
    `kubectl get --raw /version | grep -c gitVersion; kubectl get --raw /healthz; echo
kubectl get cm kube-root-ca.crt --show-managed-fields -o yaml | grep -c 'f:data'`,
    ['ok', 'exit 0'],
  ],
  describe: [
    `map $N | kubectl create -f - >/dev/null; kubectl describe cm $N; deployment $N >/dev/null
kubectl describe deployment $N | grep -E '^(Name|Replicas|StrategyType|Selector)'`,
    ['Replicas: 0 desired', 'exit 0'],
  ],
  'create of each kind of thing': [
    `kubectl create configmap $N --from-literal=a=1; kubectl create secret generic $N --from-literal=p=s
kubectl create serviceaccount $N; kubectl create quota $N --hard=pods=99; kubectl create service clusterip $N --tcp=80
kubectl create cronjob $N --image=$IMAGE --schedule='0 0 1 1 *' -- true
kubectl create job $N --from=cronjob/$N; kubectl create poddisruptionbudget $N --selector=a=b --min-available=0
kubectl create ingress $N --rule=a.example/=b:80; kubectl create configmap $N || true`,
    ['job.batch/create-of-each-kind-of-thing created', 'already exists', 'exit 0'],
  ],
  'create, dry': [
    `kubectl create configmap $N --dry-run=client -o name; kubectl create configmap $N --dry-run=server -o name
kubectl get cm $N`,
    ['not found', 'exit 1'],
  ],
  'create with what is not valid': [
    `printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"Not_Valid"}}' | kubectl create -f - || true
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"dota":{}}' | kubectl create -f -`,
    ['Invalid value: "Not_Valid"', 'unknown field "dota"', 'exit 1'],
  ],
  'apply, and what changed': [
    `map $N | kubectl apply -f -; map $N | kubectl apply -f -; map $N 2 | kubectl apply -f -
kubectl apply view-last-applied cm $N -o json | grep '"a"'`,
    ['created', 'unchanged', 'configured', '"a": "2"', 'exit 0'],
  ],
  'apply on the server, and a conflict': [
    `map $N | kubectl apply --server-side --field-manager=one -f -
map $N 2 | kubectl apply --server-side --field-manager=two -f - || true
map $N 2 | kubectl apply --server-side --field-manager=two --force-conflicts -f -; kubectl get cm $N -o jsonpath='{.data.a}'`,
    ['conflict with "one"', 'exit 0'],
  ],
  'apply of a folder, pruned': [
    `mkdir -p $N; map $N-a >$N/a.json; map $N-b >$N/b.json; kubectl apply -f $N
rm $N/b.json; kubectl apply -f $N --prune -l of=$N --prune-allowlist=core/v1/ConfigMap 2>&1 | grep -v prune.go`,
    ['pruned', 'exit 0'],
  ],
  'apply of a kustomization': [
    `mkdir -p $N; map $N >$N/map.json; printf 'resources: [map.json]\\nnameSuffix: -x\\ncommonLabels: {k: v}\\n' >$N/kustomization.yaml
kubectl kustomize $N | grep name: ; kubectl apply -k $N 2>&1 | grep -v Warning; kubectl delete -k $N 2>&1 | grep -v Warning`,
    ['apply-of-a-kustomization-x created', 'deleted', 'exit 0'],
  ],
  diff: [
    `map $N | kubectl apply -f - >/dev/null; map $N 2 | kubectl diff -f - | grep -E '^[-+] ' || true
map $N | kubectl diff -f -; map $N 3 | kubectl diff --server-side -f - >/dev/null`,
    ['+ a: "2"', 'exit 1'],
  ],
  edit: [
    `map $N | kubectl create -f - >/dev/null; printf '#!/bin/sh\\nsed -i "s/a: .1./a: \\"9\\"/" "$1"\\n' >edit.sh; chmod +x edit.sh
KUBE_EDITOR=/tmp/edit.sh kubectl edit cm $N; kubectl get cm $N -o jsonpath='{.data.a}'`,
    ['edited', '9', 'exit 0'],
  ],
  'patch of each type': [
    `map $N | kubectl create -f - >/dev/null
kubectl patch cm $N --type=merge -p '{"data":{"b":"2"}}'; kubectl patch cm $N -p '{"data":{"c":"3"}}'
kubectl patch cm $N --type=json -p '[{"op":"test","path":"/data/a","value":"1"},{"op":"move","from":"/data/a","path":"/data/d"}]'
kubectl get cm $N -o jsonpath='{.data}'; echo; kubectl patch cm $N --type=json -p '[{"op":"test","path":"/data/d","value":"no"}]'`,
    ['{"b":"2","c":"3","d":"1"}', 'exit 1'],
  ],
  'patch of a status': [
    `deployment $N >/dev/null
kubectl patch deployment $N --subresource=status --type=merge -p '{"status":{"collisionCount":3}}'
kubectl get deployment $N --subresource=status -o jsonpath='{.status.collisionCount}'`,
    ['patched', '3', 'exit 0'],
  ],
  'replace, and one that comes too late': [
    `map $N | kubectl create -f - >/dev/null; kubectl get cm $N -o json >$N.json
sed 's/"a": "1"/"a": "2"/' $N.json | kubectl replace -f -; kubectl replace -f $N.json 2>&1 | grep -o 'the object has been modified'
map $N 3 | kubectl replace --force -f -`,
    ['replaced', 'the object has been modified', 'exit 0'],
  ],
  'label and annotate': [
    `map $N | kubectl create -f - >/dev/null; kubectl label cm $N x=1; kubectl label cm $N x=2 || true
kubectl label cm $N x=2 --overwrite; kubectl label cm $N x-; kubectl annotate cm $N note='a b'; kubectl annotate cm $N --list`,
    ['labeled', 'unlabeled', 'note=a b', 'exit 0'],
  ],
  'set image, env, resources': [
    `deployment $N >/dev/null; kubectl set image deployment/$N '*=x:1'; kubectl set env deployment/$N A=1; kubectl set env deployment/$N --list
kubectl set resources deployment/$N --requests=cpu=1m; kubectl set serviceaccount deployment/$N worker`,
    ['image updated', 'env updated', 'A=1', 'exit 0'],
  ],
  'scale and autoscale': [
    `deployment $N >/dev/null; kubectl scale deployment/$N --replicas=0 --current-replicas=0
kubectl autoscale deployment/$N --min=1 --max=2 --cpu=80%; kubectl get hpa $N -o jsonpath='{.spec.maxReplicas}'
kubectl get --raw /apis/apps/v1/namespaces/$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace)/deployments/$N/scale | grep -o '"kind":"Scale"'`,
    ['scaled', 'autoscaled', '"kind":"Scale"', 'exit 0'],
  ],
  expose: [
    `kubectl expose pod target --name=$N --port=80 --target-port=8080; kubectl get endpointslices -l kubernetes.io/service-name=$N -o name | wc -l
kubectl get svc $N -o jsonpath='{.spec.ports[0].targetPort}'`,
    ['exposed', '8080', 'exit 0'],
  ],
  'rollout: status, history, undo, pause, resume, restart': [
    `deployment $N >/dev/null; kubectl rollout status deployment/$N --timeout=20s; kubectl set env deployment/$N A=1 >/dev/null
kubectl rollout status deployment/$N --timeout=20s; kubectl rollout history deployment/$N | grep -c none; kubectl rollout undo deployment/$N
kubectl rollout pause deployment/$N; kubectl rollout resume deployment/$N; kubectl rollout restart deployment/$N`,
    ['successfully rolled out', 'rolled back', 'paused', 'resumed', 'restarted', 'exit 0'],
  ],
  'rollout of pods': [
    `kubectl create deployment $N --image=$IMAGE --dry-run=client -o json -- sleep 900 | present | kubectl create -f - >/dev/null
kubectl rollout status deployment/$N --timeout=90s | tail -n 1
kubectl wait --for=condition=Available deployment/$N --timeout=60s; kubectl get pods -l app=$N -o jsonpath='{.items[*].status.phase}'
kubectl delete deployment $N --wait=false; kubectl delete pods -l app=$N --grace-period=1 --wait=false`,
    ['successfully rolled out', 'condition met', 'Running', 'exit 0'],
  ],
  'wait for a condition, a value, a deletion, and in vain': [
    `kubectl wait --for=condition=Ready pod/target --timeout=10s; kubectl wait --for=jsonpath='{.status.phase}'=Running pod/target --timeout=10s
map $N | kubectl create -f - >/dev/null; (sleep 1; kubectl delete cm $N >/dev/null) & kubectl wait --for=delete cm/$N --timeout=20s; wait
kubectl wait --for=condition=Never pod/target --timeout=1s`,
    ['condition met', 'timed out waiting', 'exit 1'],
  ],
  logs: [
    `kubectl logs target -c main --tail=1; kubectl logs -l app=target -c main --prefix | head -n 1; kubectl logs target -c main --since=1h | head -n 1
timeout 2 kubectl logs -f target -c main | head -n 1; kubectl logs target -c main --previous 2>&1 | grep -o 'previous terminated container'
kubectl logs target -c absent 2>&1 | grep -o 'container absent is not valid'`,
    ['first line', 'previous terminated container', 'container absent is not valid', 'exit 0'],
  ],
  'auth can-i and whoami': [
    `kubectl auth can-i create pods; kubectl auth can-i delete nodes || true; kubectl auth can-i get pods --subresource=log
kubectl auth whoami -o jsonpath='{.status.userInfo.username}'`,
    ['yes', 'no', 'system:serviceaccount:NAMESPACE:worker', 'exit 0'],
  ],
  'explain, api-resources, api-versions, version': [
    `kubectl explain pod.spec.containers.image | head -n 4; kubectl explain deployment --recursive | wc -l
kubectl api-resources --api-group=apps -o name; kubectl api-versions | grep -c /; kubectl version | grep Server`,
    ['FIELD: image <string>', 'deployments.apps', 'Server Version', 'exit 0'],
  ],
  'drain and cordon, dry, which RBAC forbids': [
    `kubectl drain node --dry-run=server --ignore-daemonsets || true; kubectl cordon node --dry-run=client`,
    ['cannot get resource "nodes"', 'exit 1'],
  ],
  'exec: output, input, exit code': [
    `kubectl exec target -c main -- echo out; kubectl exec target -c main -- sh -c 'echo err >&2'; echo typed | kubectl exec -i target -c main -- cat
kubectl exec target -c main -- sh -c 'exit 7'`,
    ['out', 'err', 'typed', 'exit 7'],
  ],
  'cp there and back': [
    `head -c 300000 /dev/urandom >$N.a; kubectl cp $N.a target:/tmp/$N -c main; kubectl cp target:/tmp/$N $N.b -c main >/dev/null 2>&1
cmp $N.a $N.b && echo same`,
    ['same', 'exit 0'],
  ],
  'port-forward': [
    `kubectl port-forward pod/target 18080:8080 >/tmp/pf 2>&1 & P=$!; for i in $(seq 50); do curl -s -o /tmp/got http://127.0.0.1:18080/ && break; sleep 0.2; done
wc -c </tmp/got; kill $P`,
    ['300000', 'exit 0'],
  ],
  'run, attached, and gone': [
    `echo in | kubectl run $N --rm -i --quiet --restart=Never --image=$IMAGE --image-pull-policy=IfNotPresent --pod-running-timeout=90s -- sh -c 'read x; echo got $x'
kubectl get pod $N --ignore-not-found -o name`,
    ['got in', 'exit 0'],
  ],
  'events and their order': [
    `kubectl events --for pod/target -o name | head -n 0; kubectl get events --field-selector involvedObject.name=target,reason=Scheduled -o name | wc -l`,
    ['1', 'exit 0'],
  ],
  'delete by name, by label, a cascade that leaves orphans': [
    `for i in 1 2; do map $N-$i | kubectl create -f - >/dev/null; done; kubectl delete cm $N-1; kubectl delete cm -l of=$N
deployment $N >/dev/null; kubectl delete deployment $N --cascade=orphan; kubectl get rs -l app=$N -o name | wc -l
kubectl delete cm $N-1`,
    ['deleted', 'not found', 'exit 1'],
  ],
  'a Job from its start to its end': [
    `kubectl create job $N --image=$IMAGE --dry-run=client -o json -- sh -c 'echo done it' | present | kubectl create -f - >/dev/null; kubectl wait --for=condition=Complete job/$N --timeout=90s
kubectl logs job/$N; kubectl delete job $N`,
    ['condition met', 'done it', 'exit 0'],
  ],
  'a kubeconfig of the pod': [
    `D=/var/run/secrets/kubernetes.io/serviceaccount; export KUBECONFIG=/tmp/$N.config
kubectl config set-cluster c --server=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT --certificate-authority=$D/ca.crt --embed-certs
kubectl config set-credentials u --token=$(cat $D/token); kubectl config set-context x --cluster=c --user=u --namespace=$(cat $D/namespace); kubectl config use-context x
kubectl get pod target -o name; kubectl auth whoami -o name 2>/dev/null | wc -l`,
    ['pod/target', 'exit 0'],
  ],
  'a Lease and a NetworkPolicy': [
    `printf '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"%s"},"spec":{"holderIdentity":"a"}}' $N | kubectl apply -f -
printf '{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"%s"},"spec":{"podSelector":{"matchLabels":{"a":"none"}}}}' $N | kubectl apply -f -
kubectl get lease,networkpolicy $N -o name; kubectl delete lease,networkpolicy $N -o name | wc -l`,
    ['lease.coordination.k8s.io', 'exit 0'],
  ],
  'an object of 700 KB, there and back': [
    `head -c 500000 /dev/urandom | base64 -w0 >$N.b64; kubectl create configmap $N --from-file=x=$N.b64; kubectl get cm $N -o jsonpath='{.data.x}' | cmp - $N.b64 && echo same
kubectl delete cm $N`,
    ['same', 'exit 0'],
  ],
}

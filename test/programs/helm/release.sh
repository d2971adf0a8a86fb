# One release of a chart with a Deployment, a hook before upgrades and a test, from beginning to end.
set -e
export HELM_CACHE_HOME=/tmp/helm HELM_CONFIG_HOME=/tmp/helm HELM_DATA_HOME=/tmp/helm
mkdir -p /tmp/chart/templates
cd /tmp/chart
cat >Chart.yaml <<'Y'
apiVersion: v2
name: chart
version: 1.0.0
Y
cat >templates/all.yaml <<'Y'
{{- define "container" }}
name: main
image: IMAGE
imagePullPolicy: IfNotPresent
{{- end }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  count: "{{ .Values.count | default 1 }}"
  found: "{{ (lookup "v1" "ConfigMap" .Release.Namespace .Release.Name).kind }}"
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {matchLabels: {app: chart}}
  template:
    metadata: {labels: {app: chart}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - command: [sleep, "900"]
        {{- include "container" . | indent 8 }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hook
  annotations:
    helm.sh/hook: pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - command: ["true"]
        {{- include "container" . | indent 8 }}
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test}
spec:
  restartPolicy: Never
  containers:
  - command: ["true"]
    {{- include "container" . | indent 4 }}
Y
helm() { /opt/programs/helm -n "$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace)" "$@"; }
state() { kubectl get configmap one -o jsonpath='n={.data.count}, found={.data.found}'; }
helm install one . --wait --timeout 120s >/dev/null
echo "installed: $(state)"
helm upgrade one . --set count=2 --wait --timeout 120s >/dev/null
echo "upgraded: $(state)"
helm rollback one 1 --wait --timeout 120s >/dev/null
echo "rolled back: $(state)"
helm test one --timeout 60s >/dev/null
echo tested
helm history one -o json | grep -o '"revision":[0-9]*\|"status":"[a-z]*"' | cut -d: -f2 | tr -d '"' |
  { while read -r revision && read -r status; do printf '%s%s %s' "$comma" "$revision" "$status"; comma=', '; done; echo; }
helm uninstall one --wait --timeout 60s >/dev/null
echo "uninstalled: $(helm list -q | wc -l) left"

#!/bin/sh
# An agent that lists pods, starts a Job, follows its log, and asks when it is refused.
set -eu

echo "pods: $(kubectl get pods -o name | sed 's|^pod/||' | sort | tr '\n' ' ')"

job=$(kubectl create -o name -f - <<JOB
apiVersion: batch/v1
kind: Job
metadata: {generateName: shell-}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: step
        image: $JOB_IMAGE
        imagePullPolicy: IfNotPresent
        command: [sh, -c, "echo working; sleep 1; echo done"]
        securityContext:
          runAsNonRoot: true
          runAsUser: 1000
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
          seccompProfile: {type: RuntimeDefault}
JOB
)
# The log is there as soon as the container has started; kubectl then follows it to its end.
tries=60
until log=$(kubectl logs --follow --container step "$job" 2>/dev/null); do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    # Once more, to say why.
    kubectl logs --container step "$job" >&2
    exit 1
  fi
  sleep 1
done
echo "log: $(echo "$log" | tr '\n' ' ')"

if ! said=$(kubectl delete deployment shop 2>&1); then
  # kubectl shows the message of a refusal, and not its causes. The message has the id of the decision.
  decision=$(echo "$said" | sed -n 's/.*\[decision \([0-9A-Z]*\)\].*/\1/p')
  if [ -z "$decision" ]; then
    echo "$said" >&2
    exit 1
  fi
  echo "refused: $said, decision $decision"
  echo "ask: may I delete the Deployment shop?"
  exit 3
fi

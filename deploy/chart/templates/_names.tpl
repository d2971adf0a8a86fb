{{- define "lanyard.image" -}}
{{- $image := .root.Values.image -}}
{{- with $image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .name }}
{{- with get $image.digests .name }}@{{ . }}{{ else }}:{{ default .root.Chart.AppVersion $image.tag }}{{ end }}
{{- end -}}

{{- define "lanyard.labels" -}}
app.kubernetes.io/part-of: lanyard
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "lanyard.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "lanyard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Namespaces that opted in, never our own or kube-system: by name, which no tenant can set. */}}
{{- define "lanyard.namespaceSelector" -}}
matchLabels:
  lanyard.dev/injection: enabled
matchExpressions:
- {key: kubernetes.io/metadata.name, operator: NotIn, values: [lanyard-system, kube-system]}
{{- end -}}

{{- define "lanyard.imageMirrors" -}}
{{- $rules := list -}}
{{- range .Values.sidecar.imageMirrors }}{{ $rules = append $rules (printf "%s=%s" .from .to) }}{{ end -}}
{{- join "," $rules -}}
{{- end -}}

{{- define "flagpost.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "flagpost.selector" -}}
app.kubernetes.io/name: flagpost
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "flagpost.labels" -}}
{{ include "flagpost.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The first object of a file: (list . "cluster-role.yaml"). */}}
{{- define "flagpost.object" -}}
{{- $root := first . -}}
{{ $root.Files.Get (printf "files/%s" (last .)) | splitList "\n---\n" | first }}
{{- end }}

{{/* The objects of a file as they are, with our labels. */}}
{{- define "flagpost.objects" -}}
{{- $root := first . -}}
{{- $labels := include "flagpost.labels" $root | fromYaml -}}
{{- range $root.Files.Get (printf "files/%s" (last .)) | splitList "\n---\n" }}
{{- $object := fromYaml . }}
{{- $_ := set $object.metadata "labels" (merge (dict) $labels ($object.metadata.labels | default dict)) }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}

{{- define "aerobee.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "aerobee.pods" -}}
{{ include "aerobee.name" . }}-pods
{{- end -}}

{{- define "aerobee.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "aerobee.labels" -}}
{{ include "aerobee.selector" . }}
app.kubernetes.io/component: broker
app.kubernetes.io/part-of: aerobee
{{- end -}}

{{- /* The secret with the certificate, nothing for one that is made at the first start. */ -}}
{{- define "aerobee.secret" -}}
{{- if .Values.tls.secretName -}}
{{- .Values.tls.secretName -}}
{{- else if .Values.tls.certificate -}}
{{- printf "%s-tls" (include "aerobee.name" .) -}}
{{- end -}}
{{- end -}}

{{- /* What a probe asks. Who must show a certificate cannot be asked over HTTP by a kubelet, which has none: then an open port has to do. */ -}}
{{- define "aerobee.probe" -}}
{{- $tls := .root.Values.tls -}}
{{- if and (eq $tls.clientAuth "require") (eq $tls.mode "enforcing") -}}
tcpSocket:
  port: broker
{{- else -}}
httpGet:
  path: {{ .path }}
  port: broker
  scheme: {{ eq $tls.mode "enforcing" | ternary "HTTPS" "HTTP" }}
{{- end -}}
{{- end -}}

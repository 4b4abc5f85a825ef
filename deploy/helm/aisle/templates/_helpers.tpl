{{- define "aisle.name" -}}
{{- ternary .Release.Name (printf "%s-aisle" .Release.Name) (contains "aisle" .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "aisle.labels" -}}
app.kubernetes.io/name: aisle
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "aisle.selector" -}}
app.kubernetes.io/name: aisle
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* What a pod of either kind has: who runs it, and where it may run. */ -}}
{{- define "aisle.pod" -}}
serviceAccountName: {{ include "aisle.name" . }}
automountServiceAccountToken: false
# The addresses of services would come as variables such as AISLE_PORT.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* What a container of either kind has. */ -}}
{{- define "aisle.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
envFrom:
  - secretRef: {name: {{ .Values.secret | quote }}}
env:
  - {name: AISLE_SCHEDULER, value: "off"}
  - {name: WEB_CONCURRENCY, value: {{ .Values.workers | quote }}}
  {{- range $name, $value := .Values.settings }}
  {{- if eq $name "AISLE_RELEASES_URL" }}
  - {name: {{ $name }}, value: {{ required "set settings.AISLE_RELEASES_URL to a place that all replicas see, such as s3://BUCKET/PREFIX" $value | quote }}}
  {{- else }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
  {{- end }}
volumeMounts:
  - {name: var, mountPath: /app/var}
  - {name: tmp, mountPath: /tmp}
{{- end -}}

{{- /* A job by the clock: .root, .kind, .schedule, .arguments. */ -}}
{{- define "aisle.job" -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ include "aisle.name" .root }}-{{ .kind }}
  labels: {{ include "aisle.labels" .root | nindent 4 }}
spec:
  schedule: {{ .schedule | quote }}
  timeZone: {{ .root.Values.training.timeZone | quote }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 2
      activeDeadlineSeconds: {{ mul .root.Values.training.hours 3600 }}
      # 2: the data are unusable, which a second try does not mend.
      podFailurePolicy:
        rules:
          - action: FailJob
            onExitCodes: {containerName: {{ .kind }}, operator: In, values: [2]}
      template:
        metadata:
          labels: {{ include "aisle.selector" .root | nindent 12 }}
            app.kubernetes.io/component: {{ .kind }}
        spec:
          restartPolicy: Never
          {{- include "aisle.pod" .root | nindent 10 }}
          containers:
            - name: {{ .kind }}
              command: {{ concat (list "python" "train_model.py") .arguments | toJson }}
              {{- include "aisle.container" .root | nindent 14 }}
              resources: {{ toYaml .root.Values.training.resources | nindent 16 }}
          volumes:
            - name: var
              {{- toYaml .root.Values.training.volume | nindent 14 }}
            - {name: tmp, emptyDir: {}}
{{- end -}}

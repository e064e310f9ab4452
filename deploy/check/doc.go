// Package check holds no code of the product: its tests hold what lies in deploy against the tools that it is for. The Helm chart is linted and
// rendered by Helm's own module, and what comes out is decoded strictly into the types of Kubernetes, started as a process as far as
// that goes, and compared with the plain manifests in deploy/kubernetes (`make generate` writes them); the compose file is parsed by compose-go; the
// unit is verified by systemd. It is a module of its own, so that the modules that this takes stay out of the product's.
package check

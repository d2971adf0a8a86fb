//go:build tools

// Package helm pins Helm; the harness builds helm.sh/helm/v3/cmd/helm from here.
package helm

import _ "helm.sh/helm/v3/cmd/helm"

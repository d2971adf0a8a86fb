//go:build tools

// Pins what the harness builds of Kubernetes' own end-to-end suite: the suite itself, its runner, and the
// image that most of its pods run.
package main

import (
	_ "github.com/onsi/ginkgo/v2/ginkgo"
	_ "k8s.io/kubernetes/test/e2e"
	_ "k8s.io/kubernetes/test/images/agnhost"
)

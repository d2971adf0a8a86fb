//go:build kubernetes_1_30

package main

import (
	"k8s.io/component-base/cli"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// runKubelet is another in 1.30, whose kubelet takes no context.
func runKubelet() int {
	return cli.Run(kubelet.NewKubeletCommand())
}

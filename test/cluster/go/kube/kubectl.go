//go:build tools

package main

// Pins kubectl, which the harness builds from here as a program of its own.
import _ "k8s.io/kubernetes/cmd/kubectl"

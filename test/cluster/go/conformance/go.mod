// Each version of Kubernetes has a module file of its own: go build -modfile=1.37.mod
module lanyard.dev/test/conformance

go 1.26.0

package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/oklog/ulid/v2"
)

// decision is a row: what Lanyard keeps in columns.
type decision struct {
	id, effect, pod                       string
	verb, resource, namespace, name, path string
	time                                  time.Time
}

// newDecision reads what is asked from a request of the Kubernetes API. It knows the plain shapes of
// the core API only, which is what the benchmark sends. The pod is what Envoy's configuration says.
func newDecision(attributes *auth.AttributeContext) (decision, error) {
	http := attributes.GetRequest().GetHttp()
	target, err := url.ParseRequestURI(http.GetPath())
	if err != nil {
		return decision{}, fmt.Errorf("cannot read the path: %w", err)
	}
	now := time.Now()
	made := decision{
		id:     ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String(),
		effect: "allow",
		pod:    attributes.GetContextExtensions()["pod"],
		path:   target.Path,
		time:   now,
	}
	parts := strings.Split(strings.TrimPrefix(target.Path, "/api/v1/"), "/")
	if len(parts) >= 2 && parts[0] == "namespaces" {
		made.namespace = parts[1]
		parts = parts[2:]
	}
	if len(parts) > 0 {
		made.resource = parts[0]
	}
	if len(parts) > 1 {
		made.name = parts[1]
	}
	made.verb = verb(http.GetMethod(), made.name, target.Query())
	return made, nil
}

func verb(method, name string, query url.Values) string {
	switch {
	case method == "POST":
		return "create"
	case method == "PUT":
		return "update"
	case method == "PATCH":
		return "patch"
	case method == "DELETE" && name == "":
		return "deletecollection"
	case method == "DELETE":
		return "delete"
	case query.Has("watch"):
		return "watch"
	case name == "":
		return "list"
	}
	return "get"
}

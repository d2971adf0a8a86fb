package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// A generator makes requests as clients write them ("plain"), and requests that no well-made client writes ("odd"):
// plain ones with something in their target or method changed.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator {
	return generator{rand.New(rand.NewPCG(seed, seed))}
}

func pick[T any](g generator, of ...T) T { return of[g.IntN(len(of))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

// plain returns a method and a target.
func (g generator) plain() (string, string) {
	method := pick(g, "GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
	if g.chance(10) {
		return method, g.nonResource()
	}
	return method, g.resource() + g.query()
}

// odd returns a method and a target in which up to three things are unusual.
func (g generator) odd() (string, string) {
	method, target := g.plain()
	for range 1 + g.IntN(3) {
		if g.chance(15) {
			method = pick(g, "get", "Post", "OPTIONS", "TRACE", "LIST", "CONNECTX", "PROPFIND", "watch", "M-SEARCH")
			continue
		}
		target = g.bend(target)
	}
	return method, target
}

func (g generator) word() string {
	return pick(g, "web", "api", "db-0", "a", "kube-system", "default", "team-7", "proxy", "watch", "status",
		"namespaces", "pods", "exec", "log", "v1", "apis", "x1", "0", "scale", "secrets", "finalize")
}

func (g generator) name() string {
	switch g.IntN(12) {
	case 0:
		return g.word() + "." + g.word() + ".example.com"
	case 1:
		return pick(g, "system:node:", "system:", "kubeadm:", "a::b:") + g.word()
	case 2:
		return url.PathEscape(pick(g, "system:masters", "a b", "ä", "a+b", "x@y", "a=b&c", "100%", "日本"))
	case 3:
		return strings.ToUpper(g.word())
	case 4:
		return pick(g, "a_b", "a~b", "a!b", "a$b", "(a)", "a,b", "a;b", "a*b", "a'b", "~", "-", "_", "...", "a..b")
	case 5:
		return strings.Repeat("n", 1+g.IntN(253))
	case 6:
		return fmt.Sprintf("%s-%x", g.word(), g.Uint32())
	default:
		return g.word()
	}
}

func (g generator) place() string {
	if g.chance(40) {
		return "/api/" + pick(g, "v1", "v1", "v1", "v2", "v1beta1")
	}
	group := pick(g, "apps", "batch", "rbac.authorization.k8s.io", "metrics.k8s.io", "cert-manager.io", "a.b.c.example.com",
		"apiextensions.k8s.io", "coordination.k8s.io", "x", "namespaces", "watch", "api", "1.example")
	return "/apis/" + group + "/" + pick(g, "v1", "v1", "v1beta1", "v2alpha3", "v10", "v1alpha1")
}

func (g generator) resource() string {
	path := g.place()
	if g.chance(6) {
		path += "/watch"
	} else if g.chance(2) {
		path += "/proxy"
	}
	if g.chance(65) {
		path += "/namespaces/" + pick(g, "dev", "default", "kube-system", "a", "team-7", "watch", "proxy", "namespaces", "1")
		if g.chance(8) {
			return path + pick(g, "", "/status", "/finalize")
		}
	}
	path += "/" + pick(g, "pods", "pods", "secrets", "configmaps", "services", "deployments", "jobs", "nodes", "namespaces",
		"widgets", "clusterroles", "persistentvolumes", "leases", "events", "serviceaccounts", "endpoints", "watch", "proxy")
	if g.chance(25) {
		return path
	}
	path += "/" + g.name()
	if g.chance(60) {
		return path
	}
	path += "/" + pick(g, "status", "scale", "eviction", "binding", "token", "log", "ephemeralcontainers", "resize", "approval",
		"finalize", "x")
	return path
}

func (g generator) nonResource() string {
	return pick(g, "/", "/api", "/apis", "/version", "/healthz", "/livez", "/readyz", "/metrics", "/openapi/v2", "/openapi/v3",
		"/api/v1", "/apis/apps", "/apis/apps/v1", "/api/", "/apis/", "/openapi/v3/apis/apps/v1", "/.well-known/openid-configuration",
		"/openid/v1/jwks", "/logs/kube-apiserver.log", "/debug/pprof/heap", "/livez/etcd", "/readyz/ping", "/flagz", "/statusz",
		"/healthz/poststarthook/rbac/bootstrap-roles", "/x/"+g.word(), "/apis/"+g.word()+".example.com") +
		pick(g, "", "", "", "?verbose", "?timeout=32s", "?hash=ABC&x=1", "?exclude=etcd")
}

func (g generator) parameter() string {
	switch g.IntN(16) {
	case 0, 1:
		return "watch=" + pick(g, "true", "1", "false", "0", "True", "TRUE", "t")
	case 2, 3:
		return "fieldSelector=" + url.QueryEscape(g.fieldSelector())
	case 4:
		return "labelSelector=" + url.QueryEscape(pick(g, "app=web", "app in (a,b)", "!x", "a!=b", "a,b=c", "k notin (v)", "app=="))
	case 5:
		return fmt.Sprintf("limit=%d", pick(g, 0, 1, 500, 1_000_000))
	case 6:
		return fmt.Sprintf("timeoutSeconds=%d", g.IntN(900))
	case 7:
		return fmt.Sprintf("resourceVersion=%d", g.IntN(1_000_000))
	case 8:
		return "dryRun=All"
	case 9:
		return "fieldManager=" + url.QueryEscape(pick(g, "kubectl", "a b", "x/y"))
	case 10:
		return "pretty=" + pick(g, "true", "false", "1")
	case 11:
		return "allowWatchBookmarks=true"
	case 12:
		return "continue=" + url.QueryEscape(pick(g, "eyJ2IjoibWV0YS5rOHMuaW8vdjEi", "a+b/c=="))
	case 13:
		return "resourceVersionMatch=" + pick(g, "NotOlderThan", "Exact")
	case 14:
		return "sendInitialEvents=true"
	default:
		return pick(g, "x=y", "flag", "timeout=5s", "force=true", "propagationPolicy=Background")
	}
}

func (g generator) fieldSelector() string {
	return pick(g, "metadata.name=web", "metadata.name==web", "metadata.name!=web", "status.phase=Running", "",
		"metadata.name=web,metadata.namespace=dev", "spec.nodeName=n1", "metadata.namespace=dev", "metadata.name=",
		"metadata.name=web,status.phase!=Failed", "involvedObject.name=web", "metadata.name=a.b.c", "metadata.name=system:x")
}

func (g generator) query() string {
	if g.chance(45) {
		return ""
	}
	parameters := make([]string, 1+g.IntN(3))
	for at := range parameters {
		parameters[at] = g.parameter()
	}
	return "?" + strings.Join(parameters, "&")
}

// bend changes something at a random place of a target.
func (g generator) bend(target string) string {
	path, query, asks := strings.Cut(target, "?")
	if g.chance(30) {
		return path + "?" + g.bentQuery(query)
	}
	slashes := []int{}
	for at, letter := range path {
		if letter == '/' {
			slashes = append(slashes, at)
		}
	}
	at := pick(g, slashes...)
	if g.chance(20) {
		at = len(path)
	}
	insert := pick(g, "/", "/.", "/..", "/%2e", "/%2E%2e", "%2F", "%2f", "/%5c", ";a=b", "%3B", "/ä", "%00", "%20", "%", "%zz", "/%",
		"//", "/../..", "/x", "%3F", "%23", "/./", "\\", "%0a", "/*", "/watch", "/proxy", "/namespaces", "/namespaces/", "+", "%2B",
		"/API", "%61", "%E2%80%AE", "/-", "@", ":", "/%2e%2e%2f")
	path = path[:at] + insert + path[at:]
	if asks {
		return path + "?" + query
	}
	return path
}

func (g generator) bentQuery(query string) string {
	more := pick(g, "watch", "watch=", "watch=true&watch=false", "watch=false&watch=true", "WATCH=true", "watch=yes", "w%61tch=true",
		"watch=tru%65", "fieldSelector=metadata.name", "fieldSelector=metadata.name%3Da%2Cmetadata.name%3Db",
		"fieldSelector=metadata.name%3Da&fieldSelector=metadata.name%3Db", "fieldSelector=%3D", "labelSelector=a+b+c", "limit=x",
		"limit=", "limit=-1", "limit=99999999999999999999", "a=b;watch=true", "&&", "=", "?watch=true", "%=1", "%zz=1", "x=%",
		"watch=true%00", "watch=+true", "timeoutSeconds=1s", "fieldSelector=metadata.name%3D%2A", "watch=true#x", "watch[]=true",
		"fieldSelector=metadata.name%3Da%5C%2Cb", "resourceVersion=x", "dryRun=x", "pretty=x", " watch=true")
	if query == "" || g.chance(20) {
		return more
	}
	if g.chance(50) {
		return more + "&" + query
	}
	return query + "&" + more
}

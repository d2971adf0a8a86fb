// What Go operators do with client-go, one step after the other: arguments are a prefix for names, a
// pod to execute in, then the steps. The last line is a JSON object of what each step saw.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

type program struct {
	config *rest.Config
	client *kubernetes.Clientset
	prefix string
	target string
	// What was asked for and answered: to show that a step spoke the protocol that it is about.
	heard *hearing
}

func main() {
	config, err := rest.InClusterConfig()
	if err != nil {
		panic(err)
	}
	if kind := os.Getenv("CONTENT_TYPE"); kind != "" {
		config.ContentType = kind
	}
	config.QPS, config.Burst = 200, 400
	heard := &hearing{}
	config.Wrap(heard.wrap)
	p := program{config: config, client: kubernetes.NewForConfigOrDie(config), prefix: os.Args[1], target: os.Args[2], heard: heard}
	steps := map[string]func() (any, error){
		"informer":                    p.informer,
		"lease":                       p.lease,
		"event":                       p.event,
		"exec by WebSocket":           func() (any, error) { return p.exec(true) },
		"exec by SPDY":                func() (any, error) { return p.exec(false) },
		"forward by WebSocket":        func() (any, error) { return p.forward(true) },
		"forward by SPDY":             func() (any, error) { return p.forward(false) },
		"impersonation":               p.impersonate,
		"pages and server-side apply": p.pages,
	}
	seen := map[string]any{}
	for _, name := range os.Args[3:] {
		value, err := steps[name]()
		if err != nil {
			value = fmt.Sprintf("failed: %v", err)
		}
		seen[name] = value
	}
	text, err := json.Marshal(seen)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

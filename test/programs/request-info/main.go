// Answers requests with kube-apiserver's own RequestInfo, as JSON: those of targets.txt, or generated ones.
//
//	go run . < targets.txt > ../../corpus/request-info.json
//	go run . -count 10000 -seed 20261128
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

type row struct {
	Method          string `json:"method"`
	Target          string `json:"target"`
	Verb            string `json:"verb"`
	ResourceRequest bool   `json:"resourceRequest"`
	APIGroup        string `json:"apiGroup"`
	APIVersion      string `json:"apiVersion"`
	Namespace       string `json:"namespace"`
	Resource        string `json:"resource"`
	Subresource     string `json:"subresource"`
	Name            string `json:"name"`
	Path            string `json:"path"`
	// kube-apiserver answers with an error before it authorizes.
	Refused bool `json:"refused,omitempty"`
}

// The first line of what is generated.
type head struct {
	Seed  uint64 `json:"seed"`
	Plain int    `json:"plain"`
	Odd   int    `json:"odd"`
	// Requests that Go's HTTP server itself refuses: nobody authorizes them.
	Unreadable int `json:"unreadable"`
}

var factory = request.RequestInfoFactory{
	APIPrefixes:          sets.NewString("api", "apis"),
	GrouplessAPIPrefixes: sets.NewString("api"),
}

func main() {
	count := flag.Int("count", 0, "how many requests to generate, half of them plain; 0 answers those of standard input")
	seed := flag.Uint64("seed", 1, "of the generated requests")
	flag.Parse()
	if *count > 0 {
		must(printGenerated(*count, *seed))
	} else {
		must(printAnswered())
	}
}

func printAnswered() error {
	rows := []row{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		method, target, found := strings.Cut(lines.Text(), " ")
		if !found {
			continue
		}
		answered, err := answer(method, target)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, target, err)
		}
		rows = append(rows, answered)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(rows)
}

func printGenerated(count int, seed uint64) error {
	requests := newGenerator(seed)
	told := head{Seed: seed}
	rows := []row{}
	for told.Plain < count/2 {
		answered, err := answer(requests.plain())
		if err != nil {
			return fmt.Errorf("a plain request cannot be read: %w", err)
		}
		rows = append(rows, answered)
		told.Plain++
	}
	for told.Plain+told.Odd < count {
		answered, err := answer(requests.odd())
		if err != nil {
			told.Unreadable++
			continue
		}
		rows = append(rows, answered)
		told.Odd++
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(told); err != nil {
		return err
	}
	for _, one := range rows {
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

// answer reads a request as Go's HTTP server does, and then as kube-apiserver.
func answer(method, target string) (row, error) {
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, target)
	httpRequest, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return row{}, err
	}
	info, err := factory.NewRequestInfo(httpRequest)
	if err != nil {
		return row{Method: method, Target: target, Refused: true}, nil
	}
	return row{
		Method: method, Target: target, Verb: info.Verb, ResourceRequest: info.IsResourceRequest,
		APIGroup: info.APIGroup, APIVersion: info.APIVersion, Namespace: info.Namespace,
		Resource: info.Resource, Subresource: info.Subresource, Name: info.Name, Path: info.Path,
	}, nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

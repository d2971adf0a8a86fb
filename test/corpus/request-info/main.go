// Answers each line of targets.txt with kube-apiserver's own RequestInfo, as JSON:
//
//	go run . < targets.txt > ../request-info.json
package main

import (
	"bufio"
	"encoding/json"
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
}

func main() {
	factory := request.RequestInfoFactory{
		APIPrefixes:          sets.NewString("api", "apis"),
		GrouplessAPIPrefixes: sets.NewString("api"),
	}
	rows := []row{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		method, target, found := strings.Cut(lines.Text(), " ")
		if !found {
			continue
		}
		text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, target)
		httpRequest, err := http.ParsedRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			panic(fmt.Sprintf("%s %s: %v", method, target, err))
		}
		info, err := factory.NewRequestInfo(httpRequest)
		if err != nil {
			panic(fmt.Sprintf("%s %s: %v", method, target, err))
		}
		rows = append(rows, row{
			Method: method, Target: target, Verb: info.Verb, ResourceRequest: info.IsResourceRequest,
			APIGroup: info.APIGroup, APIVersion: info.APIVersion, Namespace: info.Namespace,
			Resource: info.Resource, Subresource: info.Subresource, Name: info.Name, Path: info.Path,
		})
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(rows); err != nil {
		panic(err)
	}
}

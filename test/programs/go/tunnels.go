package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
)

func namespaceOfPod() string {
	text, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (p program) request(subresource string) *rest.Request {
	return p.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(p.namespace()).Name(p.target).SubResource(subresource)
}

// exec sends 2 MiB through a program and back, and wants its exit code.
func (p program) exec(overWebSocket bool) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	options := &corev1.PodExecOptions{Container: "main", Command: []string{"sh", "-c", "cat; echo end; exit 3"}, Stdin: true, Stdout: true, Stderr: true}
	url := p.request("exec").VersionedParams(options, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewSPDYExecutor(p.config, http.MethodPost, url)
	if overWebSocket {
		executor, err = remotecommand.NewWebSocketExecutor(p.config, http.MethodGet, url.String())
	}
	if err != nil {
		return nil, err
	}
	var out, errors bytes.Buffer
	input := strings.Repeat("0123456789abcdef", 128*1024)
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: strings.NewReader(input), Stdout: &out, Stderr: &errors})
	return []any{out.String() == input+"end\n", fmt.Sprint(err), errors.String()}, nil
}

// forward fetches a page of the target's port 8080 again and again over one tunnel.
func (p program) forward(overWebSocket bool) (any, error) {
	target := p.request("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(p.config)
	if err != nil {
		return nil, err
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	if overWebSocket {
		if dialer, err = portforward.NewSPDYOverWebsocketDialer(target, p.config); err != nil {
			return nil, err
		}
	}
	stop, ready := make(chan struct{}), make(chan struct{})
	defer close(stop)
	forwarder, err := portforward.New(dialer, []string{"0:8080"}, stop, ready, io.Discard, os.Stderr)
	if err != nil {
		return nil, err
	}
	failed := make(chan error, 1)
	go func() { failed <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-failed:
		return nil, err
	case <-time.After(patience):
		return nil, fmt.Errorf("not ready")
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return nil, err
	}
	return fetch(fmt.Sprintf("http://127.0.0.1:%d/", ports[0].Local))
}

func fetch(url string) (any, error) {
	total := 0
	for range 20 {
		answer, err := http.Get(url)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			return nil, err
		}
		total += len(body)
	}
	return total, nil
}

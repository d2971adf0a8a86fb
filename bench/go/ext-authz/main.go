// An external authorizer for Envoy that says yes to everything: the least that asking can cost.
package main

import (
	"context"
	"log"
	"net"
	"os"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
)

type yes struct{}

func (yes) Check(context.Context, *auth.CheckRequest) (*auth.CheckResponse, error) {
	return &auth.CheckResponse{Status: &status.Status{Code: 0}}, nil
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: ext-authz HOST:PORT")
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	auth.RegisterAuthorizationServer(server, yes{})
	log.Fatal(server.Serve(listener))
}

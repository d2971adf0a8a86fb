// An external authorizer for Envoy that says yes to everything: the least that asking can cost.
// With -record it also writes each decision to SQLite, and answers when the row is on disk.
package main

import (
	"context"
	"flag"
	"log"
	"net"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

type yes struct{}

func (yes) Check(context.Context, *auth.CheckRequest) (*auth.CheckResponse, error) {
	return &auth.CheckResponse{Status: &status.Status{Code: int32(codes.OK)}}, nil
}

// recorded says yes once the decision is on disk, and no when it cannot get there.
type recorded struct {
	recorder *recorder
}

func (r recorded) Check(ctx context.Context, in *auth.CheckRequest) (*auth.CheckResponse, error) {
	decision, err := newDecision(in.GetAttributes())
	if err == nil {
		err = r.recorder.record(ctx, decision)
	}
	if err != nil {
		log.Printf("not recorded: %v", err)
		return nil, err
	}
	return yes{}.Check(ctx, in)
}

func main() {
	file := flag.String("record", "", "SQLite database that gets a row for each decision")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: ext-authz [-record FILE] HOST:PORT")
	}
	var authorizer auth.AuthorizationServer = yes{}
	if *file != "" {
		recorder, err := openRecorder(*file)
		if err != nil {
			log.Fatal(err)
		}
		authorizer = recorded{recorder}
	}
	listener, err := net.Listen("tcp", flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	auth.RegisterAuthorizationServer(server, authorizer)
	log.Fatal(server.Serve(listener))
}

// Decodes lines of standard input as kube-apiserver's own audit events, as strictly as Kubernetes can,
// and writes what is wrong with each. Exits with 1 when a line is no event.
package main

import (
	"bufio"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

var stages = map[auditv1.Stage]bool{
	auditv1.StageRequestReceived:  true,
	auditv1.StageResponseStarted:  true,
	auditv1.StageResponseComplete: true,
	auditv1.StagePanic:            true,
}

func main() {
	scheme := runtime.NewScheme()
	if err := auditv1.AddToScheme(scheme); err != nil {
		panic(err)
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Strict: true})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16*1024*1024)
	count, wrong := 0, 0
	for lines.Scan() {
		count++
		if err := check(strict, lines.Bytes()); err != nil {
			wrong++
			fmt.Printf("line %d: %v\n", count, err)
		}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	fmt.Printf("%d events, %d wrong\n", count, wrong)
	if wrong > 0 {
		os.Exit(1)
	}
}

func check(strict runtime.Decoder, line []byte) error {
	object, _, err := strict.Decode(line, nil, nil)
	if err != nil {
		return err
	}
	event, ok := object.(*auditv1.Event)
	if !ok {
		return fmt.Errorf("a %T, not an Event", object)
	}
	if event.AuditID == "" || event.Verb == "" || event.User.Username == "" {
		return fmt.Errorf("no audit ID, verb or user")
	}
	if event.Level != auditv1.LevelMetadata || !stages[event.Stage] {
		return fmt.Errorf("level %q, stage %q", event.Level, event.Stage)
	}
	if event.RequestReceivedTimestamp.IsZero() || event.StageTimestamp.IsZero() {
		return fmt.Errorf("no time")
	}
	return nil
}

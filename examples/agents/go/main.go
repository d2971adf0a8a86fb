// An agent that lists pods, starts a Job, follows its log, and asks when it is refused.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sort"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

type agent struct {
	client    kubernetes.Interface
	namespace string
}

func main() {
	config, err := rest.InClusterConfig()
	must(err)
	namespace, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	must(err)
	a := agent{client: kubernetes.NewForConfigOrDie(config), namespace: string(namespace)}
	ctx := context.Background()

	pods, err := a.client.CoreV1().Pods(a.namespace).List(ctx, metav1.ListOptions{})
	must(err)
	var names []string
	for _, pod := range pods.Items {
		names = append(names, pod.Name)
	}
	sort.Strings(names)
	say("pods", strings.Join(names, " "))

	job, err := a.startJob(ctx)
	must(err)
	text, err := a.follow(ctx, job)
	must(err)
	say("log", strings.Join(strings.Fields(text), " "))

	err = a.client.AppsV1().Deployments(a.namespace).Delete(ctx, "shop", metav1.DeleteOptions{})
	if err != nil {
		say("refused", explain(err))
		say("ask", "may I delete the Deployment shop?")
		os.Exit(3)
	}
}

func (a agent) startJob(ctx context.Context) (string, error) {
	yes, no, user, never := true, false, int64(1000), int32(0)
	step := corev1.Container{
		Name:            "step",
		Image:           os.Getenv("JOB_IMAGE"),
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{"sh", "-c", "echo working; sleep 1; echo done"},
		SecurityContext: &corev1.SecurityContext{
			RunAsNonRoot:             &yes,
			RunAsUser:                &user,
			AllowPrivilegeEscalation: &no,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
	}
	pod := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{step}}
	job, err := a.client.BatchV1().Jobs(a.namespace).Create(ctx, &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "go-"},
		Spec:       batchv1.JobSpec{BackoffLimit: &never, Template: corev1.PodTemplateSpec{Spec: pod}},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return job.Name, nil
}

// follow gives the whole log of the Job's pod, from its first line to its last.
func (a agent) follow(ctx context.Context, job string) (string, error) {
	for {
		pods, err := a.client.CoreV1().Pods(a.namespace).List(ctx, metav1.ListOptions{LabelSelector: "job-name=" + job})
		if err != nil {
			return "", err
		}
		if len(pods.Items) > 0 && pods.Items[0].Status.Phase != corev1.PodPending {
			options := &corev1.PodLogOptions{Container: "step", Follow: true}
			stream, err := a.client.CoreV1().Pods(a.namespace).GetLogs(pods.Items[0].Name, options).Stream(ctx)
			if err != nil {
				return "", err
			}
			defer stream.Close()
			text, err := io.ReadAll(stream)
			return string(text), err
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// explain says why, for whom, and under which id, as the refusal says it to programs.
func explain(err error) string {
	said := map[metav1.CauseType]string{}
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			said[cause.Type] = cause.Message
		}
	}
	if said["LanyardDecision"] == "" {
		// The API server's own refusal, or a fault; docs/agents.md says which may be tried again.
		must(err)
	}
	return fmt.Sprintf("%s for %s, decision %s", said["LanyardReason"], said["LanyardRootRequester"], said["LanyardDecision"])
}

func say(step, what string) { fmt.Printf("%s: %s\n", step, what) }

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
)

const patience = 30 * time.Second

var everything = metav1.ListOptions{}

// namespace comes from the mounted folder, as kubectl and controller-runtime read it.
func (p program) namespace() string { return namespaceOfPod() }

func (p program) informer() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.heard.take()
	events := make(chan string, 64)
	only := informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = "by=" + p.prefix })
	factory := informers.NewSharedInformerFactoryWithOptions(p.client, 0, informers.WithNamespace(p.namespace()), only)
	informer := factory.Core().V1().ConfigMaps().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { events <- "added" },
		UpdateFunc: func(any, any) { events <- "updated" },
		DeleteFunc: func(any) { events <- "deleted" },
	})
	if err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("not synced")
	}
	seen, err := p.changes(ctx, events)
	return map[string]any{"events": seen, "protocol": p.heard.take()}, err
}

// changes makes, changes and deletes one object, and tells what was heard of it.
func (p program) changes(ctx context.Context, events <-chan string) ([]string, error) {
	maps := p.client.CoreV1().ConfigMaps(p.namespace())
	seen := []string{}
	hear := func(err error) error {
		if err != nil {
			return err
		}
		select {
		case event := <-events:
			seen = append(seen, event)
			return nil
		case <-ctx.Done():
			return fmt.Errorf("nothing was heard after %v", seen)
		}
	}
	made := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: p.prefix + "informed", Labels: map[string]string{"by": p.prefix}}}
	made, err := maps.Create(ctx, made, metav1.CreateOptions{})
	if err := hear(err); err != nil {
		return seen, err
	}
	made.Data = map[string]string{"a": "1"}
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	if err := hear(err); err != nil {
		return seen, err
	}
	err = hear(maps.Delete(ctx, made.Name, metav1.DeleteOptions{}))
	return seen, err
}

func (p program) lease() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said := make(chan string, 4)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: p.prefix + "leader", Namespace: p.namespace()},
			Client:     p.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: p.prefix},
		},
		LeaseDuration: 6 * time.Second, RenewDeadline: 4 * time.Second, RetryPeriod: time.Second, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { said <- "leads" },
			OnStoppedLeading: func() { said <- "let go" },
		},
	})
	if err != nil {
		return nil, err
	}
	leading, letGo := context.WithCancel(ctx)
	go elector.Run(leading)
	first := <-said
	time.Sleep(2500 * time.Millisecond)
	lease, err := p.client.CoordinationV1().Leases(p.namespace()).Get(ctx, p.prefix+"leader", metav1.GetOptions{})
	if err != nil {
		letGo()
		return nil, err
	}
	renewed := lease.Spec.RenewTime.After(lease.Spec.AcquireTime.Time)
	letGo()
	return []any{first, "renewed", renewed, <-said}, nil
}

func (p program) event() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&eventSink{p.client, p.namespace()})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "programs"})
	subject := &corev1.ObjectReference{Kind: "ConfigMap", Namespace: p.namespace(), Name: p.prefix, APIVersion: "v1"}
	// The second and the third are one Event with a count, which is a patch.
	for range 3 {
		recorder.Event(subject, corev1.EventTypeNormal, "Tried", "hello")
	}
	for ctx.Err() == nil {
		list, err := p.client.CoreV1().Events(p.namespace()).List(ctx, metav1.ListOptions{FieldSelector: "reason=Tried,involvedObject.name=" + p.prefix})
		if err != nil {
			return nil, err
		}
		if len(list.Items) == 1 && list.Items[0].Count == 3 {
			return "one Event, three times", nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil, fmt.Errorf("the Event was not recorded")
}

type eventSink struct {
	client    *kubernetes.Clientset
	namespace string
}

func (s *eventSink) Create(event *corev1.Event) (*corev1.Event, error) {
	return s.client.CoreV1().Events(s.namespace).CreateWithEventNamespaceWithContext(context.Background(), event)
}

func (s *eventSink) Update(event *corev1.Event) (*corev1.Event, error) {
	return s.client.CoreV1().Events(s.namespace).UpdateWithEventNamespaceWithContext(context.Background(), event)
}

func (s *eventSink) Patch(event *corev1.Event, data []byte) (*corev1.Event, error) {
	return s.client.CoreV1().Events(s.namespace).PatchWithEventNamespaceWithContext(context.Background(), event, data)
}

func (p program) pages() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	maps := p.client.CoreV1().ConfigMaps(p.namespace())
	label := map[string]string{"pages": p.prefix}
	for _, name := range []string{"one", "two", "three"} {
		applied := corev1apply.ConfigMap(p.prefix+name, p.namespace()).WithLabels(label).WithData(map[string]string{"a": name})
		if _, err := maps.Apply(ctx, applied, metav1.ApplyOptions{FieldManager: "programs"}); err != nil {
			return nil, err
		}
	}
	sizes, options := []int{}, metav1.ListOptions{LabelSelector: "pages=" + p.prefix, Limit: 2}
	for {
		list, err := maps.List(ctx, options)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, len(list.Items))
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	err := maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "pages=" + p.prefix})
	return sizes, err
}

func (p program) impersonate() (any, error) {
	other := rest.CopyConfig(p.config)
	other.Impersonate = rest.ImpersonationConfig{UserName: "tenant"}
	_, err := kubernetes.NewForConfigOrDie(other).CoreV1().ConfigMaps(p.namespace()).List(context.Background(), everything)
	if apierrors.IsForbidden(err) {
		return "forbidden", nil
	}
	return fmt.Sprintf("not refused: %v", err), nil
}

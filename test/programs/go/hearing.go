package main

import (
	"net/http"
	"strings"
	"sync"
)

// hearing notes the kind and the media type of each answer to a list or a watch of ConfigMaps.
type hearing struct {
	lock sync.Mutex
	said []string
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func (h *hearing) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(request)
		if err == nil && request.Method == http.MethodGet && strings.HasSuffix(request.URL.Path, "/configmaps") {
			query, kind := request.URL.Query(), "list"
			if query.Get("watch") == "true" || query.Get("watch") == "1" {
				kind = "watch"
			}
			if query.Get("sendInitialEvents") == "true" {
				kind = "watch with a list"
			}
			h.lock.Lock()
			h.said = append(h.said, kind+": "+answer.Header.Get("Content-Type"))
			h.lock.Unlock()
		}
		return answer, err
	})
}

func (h *hearing) take() []string {
	h.lock.Lock()
	defer h.lock.Unlock()
	said := h.said
	h.said = nil
	return said
}

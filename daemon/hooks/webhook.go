// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Headers of a delivery.
const (
	headerEvent     = "Caisson-Event"
	headerDelivery  = "Caisson-Delivery"
	headerTimestamp = "Caisson-Timestamp"
	headerSignature = "Caisson-Signature"
)

const (
	maxHead     = 16 << 10        // bytes of an answer's head
	maxExcerpt  = 200             // bytes of an answer's body that are looked at, for the log
	excerptTime = time.Second     // how long they are waited for
	connectTime = 5 * time.Second // for the connection, and again for TLS
)

// webhook posts notices.
type webhook struct {
	url    string // may hold secrets: never shown
	host   string // of it, which is
	secret []byte
	now    func() time.Time
	client *http.Client
}

func newWebhook(h Hook, roots *x509.CertPool, now func() time.Time) *webhook {
	w := &webhook{url: h.URL, secret: h.Secret, now: now}
	if u, err := url.Parse(h.URL); err == nil { // it has been checked
		w.host = u.Host
	}
	w.client = &http.Client{
		// A redirect would take the notice to somewhere that the operator did not write down.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			// No proxy of the environment: only the file says where notices go.
			Proxy:                  nil,
			DialContext:            (&net.Dialer{Timeout: connectTime}).DialContext,
			TLSHandshakeTimeout:    connectTime,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			MaxResponseHeaderBytes: maxHead,
			DisableCompression:     true, // a small answer must not become a large one
			DisableKeepAlives:      true, // requests are hours apart
		},
	}
	return w
}

// deliver makes one attempt.
func (w *webhook) deliver(ctx context.Context, j *job) result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(j.body))
	if err != nil {
		return result{err: fmt.Errorf("request to %s: %w", w.host, withoutURL(err)), final: true}
	}
	// Every attempt has its own time, so that receivers can refuse what is old.
	timestamp := strconv.FormatInt(w.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "caisson")
	req.Header.Set(headerEvent, j.event)
	req.Header.Set(headerDelivery, j.delivery)
	req.Header.Set(headerTimestamp, timestamp)
	req.Header.Set(headerSignature, sign(w.secret, timestamp, j.delivery, j.body))

	resp, err := w.client.Do(req)
	if err != nil {
		return result{err: fmt.Errorf("post to %s: %w", w.host, withoutURL(err))}
	}
	defer resp.Body.Close()
	r := judge(resp.StatusCode, resp.Header, w.now())
	if r.err != nil {
		slow := time.AfterFunc(excerptTime, cancel)
		defer slow.Stop()
		r.err = fmt.Errorf("post to %s: %w%s", w.host, r.err, excerpt(resp))
	}
	return r
}

// excerpt is the beginning of what a receiver says about its refusal.
func excerpt(resp *http.Response) string {
	b := make([]byte, maxExcerpt)
	n, _ := resp.Body.Read(b)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(": %q", b[:n])
}

// withoutURL is an error of the HTTP client without the address, whose path is often a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

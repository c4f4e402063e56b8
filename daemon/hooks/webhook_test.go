// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"crypto"
	_ "crypto/hmac" // only as the specification of the test below
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// independentSign is HMAC-SHA256 as RFC 2104 writes it, and shares nothing with what it checks.
func independentSign(key, message []byte) string {
	if len(key) > 64 {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	inner, outer := crypto.SHA256.New(), crypto.SHA256.New()
	for i := range 64 {
		var k byte
		if i < len(key) {
			k = key[i]
		}
		inner.Write([]byte{k ^ 0x36})
		outer.Write([]byte{k ^ 0x5c})
	}
	inner.Write(message)
	outer.Write(inner.Sum(nil))
	return hex.EncodeToString(outer.Sum(nil))
}

// delivery is what a receiver got.
type delivery struct {
	header http.Header
	body   []byte
	method string
	path   string
}

// receiver is a web server with TLS that keeps what it gets and answers with a function.
func receiver(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *x509.CertPool, chan delivery) {
	t.Helper()
	got := make(chan delivery, 1000)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- delivery{r.Header, body, r.Method, r.URL.String()}
		if answer != nil {
			answer(w, r)
		}
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	srv.StartTLS()
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return srv, roots, got
}

func hookAt(url string) Hook { return Hook{Name: "chat", URL: url, Secret: []byte(testKey)} }

// post makes one attempt.
func post(h Hook, roots *x509.CertPool, j *job) result {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return newWebhook(h, roots, func() time.Time { return start }).deliver(ctx, j)
}

func testJob() *job {
	j := ask("r1")
	j.delivery, j.body = newDelivery(), []byte(`{"v":1,"subject":"/x"}`)
	return j
}

func TestWebhook(t *testing.T) {
	for _, secret := range []string{testKey, strings.Repeat("long", 40)} {
		srv, roots, got := receiver(t, nil)
		h, j := hookAt(srv.URL+"/hooks/a?b=c"), testJob()
		h.Secret = []byte(secret)
		if r := post(h, roots, j); r.err != nil {
			t.Fatal(r.err)
		}
		d := <-got
		timestamp := d.header.Get("Caisson-Timestamp")
		want := "v1=" + independentSign([]byte(secret), []byte(timestamp+"."+j.delivery+"."+string(d.body)))
		if d.header.Get("Caisson-Signature") != want {
			t.Errorf("signature %q, want %q", d.header.Get("Caisson-Signature"), want)
		}
		if d.method != "POST" || d.path != "/hooks/a?b=c" || string(d.body) != string(j.body) || timestamp != strconv.FormatInt(start.Unix(), 10) ||
			d.header.Get("Caisson-Event") != "approval.request" || d.header.Get("Caisson-Delivery") != j.delivery ||
			d.header.Get("Content-Type") != "application/json" {
			t.Errorf("got %+v", d)
		}
	}
}

// TestWebhookAnswers: whatever a receiver answers is bounded, and only a 2xx counts.
func TestWebhookAnswers(t *testing.T) {
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(other.Close)
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	endless := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}
	}
	slow := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		ok     bool
		final  bool
		says   string
		most   time.Duration // it may take
	}{
		{"204", status(204, ""), true, false, "", time.Second},
		{"refused", status(403, "bad signature\n\x1b[2J"), false, true, `answered 403 Forbidden: "bad signature\n\x1b[2J"`, time.Second},
		{"too many", status(429, ""), false, false, "answered 429", time.Second},
		{"broken", status(500, "oh"), false, false, `answered 500 Internal Server Error: "oh"`, time.Second},
		{"endless body", endless(200), true, false, "", time.Second},
		{"endless refusal", endless(500), false, false, "answered 500", 2 * time.Second},
		{"slow body", slow(200), true, false, "", time.Second},
		{"slow refusal", slow(500), false, false, "answered 500", 2 * time.Second},
		{"never answers", func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				t.Cleanup(func() { conn.Close() })
			}
		}, false, false, "deadline exceeded", 5 * time.Second},
		{"long head", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, false, false, "exceeded", time.Second},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, false, "EOF", time.Second},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusFound)
		}, false, true, "answered 302 Found, which is not followed", time.Second},
		{"redirect that keeps the method", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusPermanentRedirect)
		}, false, true, "answered 308", time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, roots, _ := receiver(t, tc.answer)
			began := time.Now()
			r := post(hookAt(srv.URL+"/secret-path"), roots, testJob())
			if took := time.Since(began); took > tc.most+time.Second { // a second for slow machines
				t.Errorf("took %v", took)
			}
			if (r.err == nil) != tc.ok || r.final != tc.final {
				t.Fatalf("%+v", r)
			}
			if r.err != nil && (!strings.Contains(r.err.Error(), tc.says) || len(r.err.Error()) > 1200 || strings.Contains(r.err.Error(), "secret-path")) {
				t.Errorf("says %q", r.err)
			}
		})
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed")
	}
}

// TestWebhookTLS: only a server that somebody trusted vouches for, with a TLS that is no older than 1.2.
func TestWebhookTLS(t *testing.T) {
	srv, roots, got := receiver(t, nil)
	if r := post(hookAt(srv.URL), nil, testJob()); r.err == nil || r.final || !strings.Contains(r.err.Error(), "certificate") {
		t.Errorf("nobody vouches: %+v", r)
	}
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	if r := post(hookAt("https://localhost:"+port), roots, testJob()); r.err == nil || !strings.Contains(r.err.Error(), "localhost") {
		t.Errorf("another name: %+v", r)
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	t.Cleanup(old.Close)
	if r := post(hookAt(old.URL), roots, testJob()); r.err == nil || !strings.Contains(r.err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %+v", r)
	}
	if len(got) > 0 {
		t.Error("something was sent all the same")
	}
}

// TestWebhookLoopback: this host itself needs no TLS, and no proxy of the environment is asked.
func TestWebhookLoopback(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	t.Setenv("HTTPS_PROXY", "http://192.0.2.1:1")
	got := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("Caisson-Event") }))
	t.Cleanup(srv.Close)
	if r := post(hookAt(srv.URL), nil, testJob()); r.err != nil || <-got != EventRequest {
		t.Errorf("%+v", r)
	}
	srv.Close()
	if r := post(hookAt(srv.URL), nil, testJob()); r.err == nil || r.final || !strings.Contains(r.err.Error(), "connection refused") {
		t.Errorf("nobody listens: %+v", r)
	}
}

// TestNotice: what is sent is exactly this.
func TestNotice(t *testing.T) {
	n := Notice{Event: EventRequest, ID: "r7", Host: "h", Agent: "a", Run: "x1", Rule: "deploy", Message: "why & <what>", Action: "shell_exec",
		Op: "exec", Subject: "/usr/bin/npm run deploy", Since: start, Deadline: start.Add(time.Minute), Approvers: []string{"wheel"}, Quorum: 2,
		Commands: &Commands{"caisson approvals show r7", "caisson approve r7", "caisson deny r7"}}
	got, err := n.encode()
	const want = `{"v":1,"event":"approval.request","id":"r7","host":"h","agent":"a","run":"x1","rule":"deploy","message":"why & <what>",` +
		`"action":"shell_exec","op":"exec","subject":"/usr/bin/npm run deploy","since":"2026-01-02T03:04:05Z","deadline":"2026-01-02T03:05:05Z",` +
		`"approvers":["wheel"],"quorum":2,"commands":{"show":"caisson approvals show r7","approve":"caisson approve r7","deny":"caisson deny r7"}}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}

	got, err = Notice{Event: EventAnswered, ID: "r7", Outcome: Denied, By: make([]string, 99), Subject: strings.Repeat("é", 99999)}.encode()
	var back Notice
	if err = errors.Join(err, json.Unmarshal(got, &back)); err != nil {
		t.Fatal(err)
	}
	if len(back.Subject) > MaxText+len("…") || !strings.HasSuffix(back.Subject, "é…") || len(back.By) != MaxItems || back.Outcome != Denied {
		t.Errorf("%.80s… (%d bytes), by %d", back.Subject, len(back.Subject), len(back.By))
	}

	for _, n := range []Notice{{}, {ID: "r1"}, {ID: "r1", Event: "approval"}, {ID: "r1", Event: EventRequest}, {ID: "r1", Event: EventAnswered},
		{ID: "r1", Event: EventRequest, Deadline: start, Outcome: Denied}, {Event: EventAnswered, Outcome: Denied}} {
		if n.check() == nil {
			t.Errorf("%+v is accepted", n)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := Hook{Name: "a", Command: []string{"/bin/true"}}
	for _, tc := range []struct {
		name string
		list []Hook
	}{
		{"no name", []Hook{{Command: good.Command}}},
		{"neither", []Hook{{Name: "a"}}},
		{"both", []Hook{{Name: "a", Command: good.Command, URL: "https://h/"}}},
		{"short key", []Hook{{Name: "a", URL: "https://h/", Secret: []byte("short")}}},
		{"http", []Hook{{Name: "a", URL: "http://h/", Secret: []byte(testKey)}}},
		{"NUL", []Hook{{Name: "a", Command: []string{"/bin/true", "a\x00b"}}}},
		{"many words", []Hook{{Name: "a", Command: make([]string, maxWords+1)}}},
		{"twice", []Hook{good, good}},
		{"many", make([]Hook, MaxHooks+1)},
	} {
		if _, err := New(Options{Hooks: tc.list}); err == nil {
			t.Errorf("%s: accepted", tc.name)
		} else if strings.Contains(fmt.Sprint(err), "%!") {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// judge says what the head of an answer means.
func judge(status int, header http.Header, now time.Time) result {
	if status >= 200 && status < 300 {
		return result{}
	}
	r := result{err: fmt.Errorf("answered %d %s", status, http.StatusText(status)), after: retryAfter(header.Get("Retry-After"), now)}
	switch {
	case status >= 300 && status < 400:
		r.err = fmt.Errorf("%w, which is not followed (write where it leads as the hook's url, if that is right)", r.err)
		r.final = true
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
	case status >= 400 && status < 500:
		r.final = true // the receiver does not want this, whenever it comes
	}
	return r
}

// retryAfter is how long a receiver wants to be left alone: a number of seconds, or a date (RFC 9110, section 10.2.3). 0: it
// does not say.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

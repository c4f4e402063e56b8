// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"net/http"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	const seven = 7 * time.Second
	for _, tc := range []struct {
		status    int
		after     string
		ok, final bool
		wait      time.Duration
	}{
		{200, "", true, false, 0},
		{204, "7", true, false, 0},
		{299, "", true, false, 0},
		{199, "", false, false, 0},
		{301, "", false, true, 0},
		{307, "", false, true, 0},
		{400, "", false, true, 0},
		{401, "", false, true, 0},
		{404, "", false, true, 0},
		{410, "", false, true, 0},
		{408, "", false, false, 0},
		{425, "", false, false, 0},
		{429, "7", false, false, seven},
		{429, "-7", false, false, 0},
		{429, "1e9", false, false, 0},
		{429, "99999999999999999999999", false, false, 0},
		{500, "", false, false, 0},
		{503, start.Add(seven).Format(http.TimeFormat), false, false, seven},
		{503, start.Add(-seven).Format(http.TimeFormat), false, false, 0},
		{503, "soon", false, false, 0},
		{599, "", false, false, 0},
		{600, "", false, false, 0},
		{999, "", false, false, 0},
	} {
		r := judge(tc.status, http.Header{"Retry-After": {tc.after}}, start)
		if (r.err == nil) != tc.ok || r.final != tc.final || !tc.ok && r.after != tc.wait {
			t.Errorf("%d, Retry-After %q: %+v", tc.status, tc.after, r)
		}
	}
}

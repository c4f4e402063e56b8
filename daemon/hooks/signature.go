// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// sign is the value of the signature's header: version 1 is HMAC-SHA256 over time, delivery and body. None of the first two
// has a dot in it, so the parts cannot be moved.
func sign(secret []byte, timestamp, delivery string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "." + delivery + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

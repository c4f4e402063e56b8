// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
)

func render(reports []report, out io.Writer) error {
	_, err := fmt.Fprintln(out, reports)
	return err
}

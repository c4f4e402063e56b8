// SPDX-License-Identifier: Apache-2.0

// Package layout mirrors, in Go, the bytes that user space and the BPF programs exchange: the decision image, the
// events and the values of the maps. It holds no behaviour beyond packing and unpacking, needs no privilege and imports
// nothing, so that the pure packages can use it. Every structure has a twin in bpf/*.h; a test compares sizes and offsets
// with the BTF of the compiled object.
package layout

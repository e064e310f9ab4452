// Package pb is the Go code of the messages and services of RocketMQ's gRPC protocol, made by `make generate` from the .proto files
// beside it. Package proxy serves them.
//
// Its types are not in the program's registry of protobuf types but in one of their own: a program that embeds a node and uses
// RocketMQ's own Go client has the same messages twice, under the same names, and the registry would panic at its start. So
// nothing finds these types by name but [Files].
package pb

import (
	"errors"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Registry finds descriptors by name: those of this package, and those that they import.
type Registry struct{ own protoregistry.Files }

// Files are the descriptors of this package.
func Files() *Registry { return files() }

var files = sync.OnceValue(func() *Registry { return &Registry{} })

var types = sync.OnceValue(func() *protoregistry.Types { return &protoregistry.Types{} })

// RegisterFile enters a file. The generated code calls it while the program starts.
func (r *Registry) RegisterFile(f protoreflect.FileDescriptor) error { return r.own.RegisterFile(f) }

// FindFileByPath finds a file, or returns [protoregistry.NotFound].
func (r *Registry) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	f, err := r.own.FindFileByPath(path)
	if errors.Is(err, protoregistry.NotFound) {
		return protoregistry.GlobalFiles.FindFileByPath(path)
	}
	return f, err
}

// FindDescriptorByName finds a message, an enum or a service, or returns [protoregistry.NotFound].
func (r *Registry) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	d, err := r.own.FindDescriptorByName(name)
	if errors.Is(err, protoregistry.NotFound) {
		return protoregistry.GlobalFiles.FindDescriptorByName(name)
	}
	return d, err
}

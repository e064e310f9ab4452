package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
)

// Collector is a connection to a program that takes what this node tells of itself.
type Collector struct {
	conn    *grpc.ClientConn
	headers map[string]string
}

// Dial makes ready to send to a target, "host:port" or "https://host:port" inside TLS, "http://host:port" without; the headers go with each
// request. It does not wait for the collector. Errors name what is wrong with the target.
func Dial(target string, headers map[string]string) (*Collector, error) {
	addr, plain, err := parseTarget(target)
	if err != nil {
		return nil, err
	}
	secure := credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	if plain {
		secure = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(secure), grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{})))
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	return &Collector{conn: conn, headers: headers}, nil
}

// Export sends one request to a method of OTLP, and returns an error if it, or a part of it, was not taken. what names its content in errors.
func (c *Collector) Export(ctx context.Context, method, what string, request []byte) error {
	for name, value := range c.headers {
		ctx = metadata.AppendToOutgoingContext(ctx, name, value)
	}
	var answer []byte
	if err := c.conn.Invoke(ctx, method, &request, &answer); err != nil {
		return err
	}
	return refused(answer, what)
}

// Close ends the connection: everything is sent, or lost.
func (c *Collector) Close() { _ = c.conn.Close() }

// parseTarget splits a target as RocketMQ reads it: what does not say "http" is inside TLS.
func parseTarget(target string) (addr string, plain bool, err error) {
	addr = target
	if rest, ok := strings.CutPrefix(target, "http://"); ok {
		addr, plain = rest, true
	} else if rest, ok := strings.CutPrefix(target, "https://"); ok {
		addr = rest
	}
	addr = strings.TrimSuffix(addr, "/")
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" || port == "" || strings.ContainsAny(addr, "/?#@") {
		return "", false, fmt.Errorf("target %q is not host:port, http://host:port or https://host:port", target)
	}
	return addr, plain, nil
}

// errAnswer is wrapped by the error of an answer that cannot be read.
var errAnswer = errors.New("malformed answer of the collector")

// refused reads an answer, ExportMetricsServiceResponse{1: ExportMetricsPartialSuccess{1: how many were rejected, 2: message}}, which is the same for
// spans: an error if what was sent was rejected, or if the collector has something to say.
func refused(answer []byte, what string) error {
	rejected, text := uint64(0), ""
	err := fields(answer, func(n protowire.Number, number uint64, partial []byte) error {
		if n != 1 {
			return nil
		}
		return fields(partial, func(n protowire.Number, number uint64, b []byte) error {
			switch n {
			case 1:
				rejected = number
			case 2:
				text = string(b[:min(len(b), 300)])
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if rejected != 0 || text != "" {
		return fmt.Errorf("the collector has rejected %d %s: %q", rejected, what, text)
	}
	return nil
}

// fields visits the fields of a message: the number of a varint, the bytes of what has a length.
func fields(b []byte, visit func(n protowire.Number, number uint64, bytes []byte) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return fmt.Errorf("%w: tag: %w", errAnswer, protowire.ParseError(size))
		}
		b = b[size:]
		var number uint64
		var text []byte
		switch kind {
		case protowire.VarintType:
			number, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			text, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(n, kind, b)
		}
		if size < 0 {
			return fmt.Errorf("%w: field %d: %w", errAnswer, n, protowire.ParseError(size))
		}
		b = b[size:]
		if err := visit(n, number, text); err != nil {
			return err
		}
	}
	return nil
}

// codec hands bytes through as they are.
type codec struct{}

// Marshal returns the bytes.
func (codec) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("BUG: a %T is no request", v)
	}
	return *b, nil
}

// Unmarshal copies the bytes.
func (codec) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("BUG: a %T is no answer", v)
	}
	*b = append((*b)[:0], data...)
	return nil
}

// Name is that of protobuf's codec, since that is what the bytes are.
func (codec) Name() string { return "proto" }

//go:build tls

package main

import (
	"os"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// producerTLS and consumerTLS switch TLS on, as users do, if the test wants it.
func producerTLS() []producer.Option {
	return []producer.Option{producer.WithTls(os.Getenv("INTEROP_TLS") == "1")}
}

func consumerTLS() []consumer.Option {
	return []consumer.Option{consumer.WithTls(os.Getenv("INTEROP_TLS") == "1")}
}

// stateUnknown is said of a transaction of which nothing is known yet; its name is another in this version.
const stateUnknown = primitive.UnkonwnState

//go:build !tls

package main

import (
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// producerTLS and consumerTLS switch TLS on where the client can do it: the released one cannot.
func producerTLS() []producer.Option { return nil }

func consumerTLS() []consumer.Option { return nil }

// stateUnknown is said of a transaction of which nothing is known yet; its name is another in later versions.
const stateUnknown = primitive.UnknowState

package check_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// TestBucket compares with what com.google.common.hash.Hashing.consistentHash says of the hash codes that Java gives the groups.
func TestBucket(t *testing.T) {
	for group, want := range buckets() {
		for n, bucket := range want {
			if got := check.Bucket(group, n); got != bucket {
				t.Errorf("%q in %d buckets: %d, want %d", group, n, got, bucket)
			}
		}
	}
}

func TestNames(t *testing.T) {
	if name, err := check.Topic(&pb.Resource{ResourceNamespace: "ns", Name: "t"}); err != nil || name != "ns%t" {
		t.Errorf("%q, %v", name, err)
	}
	if _, err := check.Topic(&pb.Resource{Name: "%RETRY%g"}); err != nil {
		t.Error(err)
	}
	if _, err := check.Group(&pb.Resource{Name: "CID_RMQ_SYS_A"}); err == nil {
		t.Error("a system group passes")
	}
}

// buckets were made with Guava 31.0.1 on a JVM.
func buckets() map[string]map[int]int {
	return map[string]map[int]int{
		"one":            {1: 0, 4: 0, 8: 4, 16: 15, 1000: 113},
		"two":            {1: 0, 4: 1, 8: 4, 16: 13, 1000: 411},
		"order-17":       {1: 0, 4: 3, 8: 3, 16: 3, 1000: 380},
		"":               {1: 0, 4: 0, 8: 0, 16: 0, 1000: 0},
		"ü":              {1: 0, 4: 0, 8: 0, 16: 12, 1000: 535},
		"customer-00042": {1: 0, 4: 0, 8: 0, 16: 0, 1000: 905},
		"ZZZZZZZZZZZZ":   {1: 0, 4: 0, 8: 7, 16: 7, 1000: 308},
	}
}

package bench

import (
	"testing"

	"github.com/aerobee-mq/aerobee/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

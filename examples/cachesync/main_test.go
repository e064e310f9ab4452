package main

import (
	"testing"

	"github.com/aerobee-mq/aerobee/aerobeetest"
	"github.com/aerobee-mq/aerobee/internal/storytest"
)

func TestStory(t *testing.T) { storytest.Check(t, aerobeetest.Start(t).Addr(), tell, main) }

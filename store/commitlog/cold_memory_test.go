package commitlog

import (
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

// Blocks that are needed keep their place against readers elsewhere; those that were read to their end, or that nobody has
// read for a while, lose it; all are given back after some idle seconds.
func TestColdMemoryIsBounded(t *testing.T) {
	c := &cold{limit: 2*coldSize + 1000, log: &Log{}, blocks: map[message.LogOffset]*coldBlock{}}
	s := &segment{size: 1 << 30}
	now := time.Unix(1000, 0)
	add := func(block message.LogOffset) *coldBlock { return c.addLocked(s, block*coldSize, now) }
	a, b := add(0), add(1)
	if a == nil || b == nil || add(2) != nil {
		t.Fatal("there is room for two blocks")
	}
	a.served = coldSize
	a.pins = 1
	if add(2) != nil {
		t.Fatal("a block lost its place under its reader")
	}
	a.pins = 0
	if add(2) == nil || c.blocks[0] != nil || c.blocks[coldSize] != b {
		t.Fatal("the block that was read to its end had to go, and no other")
	}
	now = now.Add(2 * coldKeep)
	c.blocks[2*coldSize].used = now
	if add(3) == nil || c.blocks[coldSize] != nil {
		t.Fatal("the block that nobody read had to go")
	}
	c.used = now
	c.expire(now.Add(coldIdle))
	if c.made != 2*coldSize {
		t.Fatalf("%d bytes are left while they are in use", c.made)
	}
	c.blocks[2*coldSize].pins = 1
	c.expire(now.Add(2 * coldIdle))
	if c.made != coldSize || len(c.blocks) != 1 || len(c.free) != 0 {
		t.Fatalf("%d bytes, %d blocks, %d free: one is still being read", c.made, len(c.blocks), len(c.free))
	}
	c.close()
	if add(9) != nil {
		t.Fatal("a closed log begins to read")
	}
}

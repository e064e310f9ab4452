package mqadmin

import (
	"context"
)

func haStatus(ctx context.Context, c *call) error {
	return c.rounds(ctx, "interval", func() error { return c.onBrokers(ctx, false, func(addr string) error { return c.printHA(ctx, addr) }) })
}

func (c *call) printHA(ctx context.Context, addr string) error {
	s, err := c.HA(ctx, addr)
	if err != nil {
		return err
	}
	c.Add("brokers", map[string]any{"addr": addr, "status": s})
	if !s.Master {
		f := &s.Follows
		c.Say("\n#MasterAddr\t%s\n#CommitLogMaxOffset\t%d\n#TransferSpeed(KB/s)\t%.2f\n#LastReadTime\t%s\n#LastWriteTime\t%s\n#MasterFlushOffset\t%d\n", f.MasterAddr, f.MaxOffset,
			float64(f.TransferredByteInSecond)/1024, c.stampMillis(f.LastReadTimestamp), c.stampMillis(f.LastWriteTimestamp), f.MasterFlushOffset)
		return nil
	}
	c.Say("\n#MasterAddr\t%s\n#MasterCommitLogMaxOffset\t%d\n#SlaveNum\t%d\n#InSyncSlaveNum\t%d\n", addr, s.MaxOffset, len(s.Replicas), s.InSync)
	c.Say("%-32s  %-16s %16s %16s %16s %16s\n", "#SlaveAddr", "#SlaveAckOffset", "#Diff", "#TransferSpeed(KB/s)", "#Status", "#TransferFromWhere")
	for _, r := range s.Replicas {
		state := "Fall Behind"
		if r.InSync {
			state = "OK"
		}
		c.Say("%-32s  %-16d %16d %16.2f %16s %16d\n", r.Addr, r.AckOffset, r.Diff, float64(r.Rate)/1024, state, r.From)
	}
	return nil
}

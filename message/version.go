package message

import "cmp"

// DataVersion is the version of a table of topics or groups as name servers, slaves and tools compare it. Counter and
// Timestamp (milliseconds since 1970) move with each change.
type DataVersion struct {
	Counter      int64 `json:"counter"`
	StateVersion int64 `json:"stateVersion"`
	Timestamp    int64 `json:"timestamp"`
}

// Next is the version of the table after one more change at the given time in milliseconds.
func (v DataVersion) Next(nowMillis int64) DataVersion {
	return DataVersion{Counter: v.Counter + 1, StateVersion: v.StateVersion, Timestamp: nowMillis}
}

// Compare orders versions as Apache does: by state version, counter, then timestamp.
func (v DataVersion) Compare(w DataVersion) int {
	return cmp.Or(cmp.Compare(v.StateVersion, w.StateVersion), cmp.Compare(v.Counter, w.Counter), cmp.Compare(v.Timestamp, w.Timestamp))
}

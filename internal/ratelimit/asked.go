package ratelimit

// User is a user's name as the key of a [Table]: a refusal says that it is one.
type User string

// String is what a refusal calls the user.
func (u User) String() string { return "user " + string(u) }

// Exceeded is the error of who asks too often. Its text is for them.
type Exceeded string

// Error is the text.
func (e Exceeded) Error() string { return string(e) }

// Asked is [Table.TakeOf] with an [Exceeded] as the answer of who has to wait, nil for who passes.
func (t *Table[K]) Asked(key K) error {
	if wait := t.TakeOf(key); wait > 0 {
		return Exceeded(t.Refusal(key, wait))
	}
	return nil
}

// Package fifo is a queue: first come, first served. Its user's lock guards it.
package fifo

// Queue is a queue of things of which the zero value is none. The zero Queue is empty and ready.
type Queue[T comparable] struct {
	list []T
	head int
}

// Empty reports whether nothing waits.
func (q *Queue[T]) Empty() bool { return q.head == len(q.list) }

// Push puts something at the end. Room that has become free at the head is used again before more is taken.
func (q *Queue[T]) Push(item T) {
	if q.head > 64 && q.head*2 > len(q.list) {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	q.list = append(q.list, item)
}

// Pop takes what has waited longest, the zero value when nothing waits.
func (q *Queue[T]) Pop() (item T) {
	if q.Empty() {
		return item
	}
	item, q.list[q.head] = q.list[q.head], item
	q.head++
	return item
}

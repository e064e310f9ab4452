// Package slotheap is a heap for container/heap whose items know where they stand, so that they can be taken out before their
// turn (heap.Remove with the slot). Its user's lock guards it.
package slotheap

// Item is what a [Heap] holds. Before orders; Moved tells the item its slot, whenever that changes.
type Item[T any] interface {
	Before(other T) bool
	Moved(slot int)
}

// Heap is a heap.Interface. The zero Heap is empty; its first item is the next one.
type Heap[T Item[T]] []T

// Len is container/heap's.
func (h Heap[T]) Len() int { return len(h) }

// Less is container/heap's.
func (h Heap[T]) Less(i, j int) bool { return h[i].Before(h[j]) }

// Swap is container/heap's.
func (h Heap[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].Moved(i)
	h[j].Moved(j)
}

// Push is container/heap's.
func (h *Heap[T]) Push(x any) {
	item := x.(T)
	item.Moved(len(*h))
	*h = append(*h, item)
}

// Pop is container/heap's.
func (h *Heap[T]) Pop() any {
	old := *h
	item := old[len(old)-1]
	clear(old[len(old)-1:]) // what has left is not kept alive
	*h = old[:len(old)-1]
	return item
}

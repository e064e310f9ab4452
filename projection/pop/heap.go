package pop

func (t *Table) less(a, b int32) bool {
	x, y := t.slot(a), t.slot(b)
	if x.due != y.due {
		return x.due < y.due
	}
	return x.created < y.created
}

func (t *Table) push(id int32) {
	t.heap = append(t.heap, id)
	t.up(int32(len(t.heap) - 1))
}

// unheap takes the element at a heap place out and leaves its pos to the caller.
func (t *Table) unheap(pos int32) {
	last := int32(len(t.heap) - 1)
	moved := t.heap[last]
	t.heap = t.heap[:last]
	if pos == last {
		return
	}
	t.place(pos, moved)
	t.fix(pos)
}

func (t *Table) place(pos, id int32) {
	t.heap[pos] = id
	t.slot(id).pos = pos
}

// fix restores the heap after the due time of the element at pos has changed.
func (t *Table) fix(pos int32) {
	if !t.down(pos) {
		t.up(pos)
	}
}

func (t *Table) up(pos int32) {
	id := t.heap[pos]
	for pos > 0 {
		parent := (pos - 1) / 2
		if !t.less(id, t.heap[parent]) {
			break
		}
		t.place(pos, t.heap[parent])
		pos = parent
	}
	t.place(pos, id)
}

func (t *Table) down(pos int32) (moved bool) {
	id, start, n := t.heap[pos], pos, int32(len(t.heap))
	for {
		child := 2*pos + 1
		if child >= n {
			break
		}
		if child+1 < n && t.less(t.heap[child+1], t.heap[child]) {
			child++
		}
		if !t.less(t.heap[child], id) {
			break
		}
		t.place(pos, t.heap[child])
		pos = child
	}
	t.place(pos, id)
	return pos > start
}

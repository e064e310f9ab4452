package pop

import "slices"

// order keeps slot ids sorted by a key that stays as long as the id is in it: pages of ids without pointers, so that it
// costs about four bytes an id, and a change moves one page. New ids mostly go to the end. Equal keys may stand side by
// side.
type order struct{ pages [][]int32 }

const orderPage = 256

// page returns the last page that begins at or below the key, 0 if none does.
func (o *order) page(k int64, key func(int32) int64) int {
	lo, hi := 0, len(o.pages)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); key(o.pages[mid][0]) <= k {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return max(0, lo-1)
}

// above returns the first place in the page whose key is above k.
func above(page []int32, k int64, key func(int32) int64) int {
	lo, hi := 0, len(page)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); key(page[mid]) <= k {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (o *order) insert(id int32, key func(int32) int64) {
	if len(o.pages) == 0 {
		o.pages = append(o.pages, []int32{id})
		return
	}
	k := key(id)
	p := o.page(k, key)
	i := above(o.pages[p], k, key)
	if page := o.pages[p]; len(page) == orderPage {
		if p == len(o.pages)-1 && i == len(page) {
			o.pages = append(o.pages, []int32{id})
			return
		}
		const half = orderPage / 2
		o.pages[p] = page[:half]
		o.pages = slices.Insert(o.pages, p+1, slices.Clone(page[half:]))
		if i > half {
			p, i = p+1, i-half
		}
	}
	o.pages[p] = slices.Insert(o.pages[p], i, id)
}

// remove takes an id out that is in it.
func (o *order) remove(id int32, key func(int32) int64) {
	k := key(id)
	p := o.page(k, key)
	i := above(o.pages[p], k, key) - 1
	for ; o.pages[p][i] != id; i-- {
		if i == 0 {
			p--
			i = len(o.pages[p])
		}
	}
	page := slices.Delete(o.pages[p], i, i+1)
	switch {
	case len(page) == 0:
		o.pages = slices.Delete(o.pages, p, p+1)
		return
	case cap(page) > 16 && len(page) <= cap(page)/4:
		page = slices.Clone(page)
	}
	o.pages[p] = page
}

// descend visits the ids whose key is at most k, from the greatest key down, until visit returns false.
func (o *order) descend(k int64, key func(int32) int64, visit func(id int32) bool) {
	if len(o.pages) == 0 {
		return
	}
	p := o.page(k, key)
	i := above(o.pages[p], k, key) - 1
	for {
		for ; i >= 0; i-- {
			if !visit(o.pages[p][i]) {
				return
			}
		}
		if p--; p < 0 {
			return
		}
		i = len(o.pages[p]) - 1
	}
}

// ascend visits all ids in order until visit returns false. Nothing may be inserted or removed meanwhile.
func (o *order) ascend(visit func(id int32) bool) {
	for _, page := range o.pages {
		for _, id := range page {
			if !visit(id) {
				return
			}
		}
	}
}
